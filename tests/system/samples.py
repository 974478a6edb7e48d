# SPDX-License-Identifier: Apache-2.0
"""Identities for tests: plain ones in numbers, and one of each odd kind."""
from kafka_util import Identity

SITES = ("aws-east", "azure-west", "gcp")


def identities(count, prefix="obj", sites=SITES[:1]):
    return [Identity(f"bucket-{i % 5}", f"{prefix}/{i:06}", f"v{i}", sites[i % len(sites)])
            for i in range(count)]


ODD = [
    Identity("b", "with space + plus/slash", "v", "aws"),
    Identity("b", "a//b/../c/./d/", "v", "aws"),
    Identity("b", "percent%2Fkept", "v", "aws"),
    Identity("b", "ключ-鍵-🔑", "v", "aws"),
    Identity("b", "quote\"back\\slash\ttab\u0001", "v", "aws"),
    Identity("b", "question?versionId=no&sitename=no#x", "v", "aws"),
    Identity("b", "zero\u0000byte", "v", "aws"),
    Identity("b", "k" * 1024, "v", "aws"),
    Identity("B" * 255, "k", "v" * 128, "s" * 255),
    Identity("b", "unversioned", "", "aws"),
    Identity("b", "null version", "null", "aws"),
    Identity("b:c", "colon:s", "1:2", "aws:3"),
]
