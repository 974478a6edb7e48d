# SPDX-License-Identifier: Apache-2.0
"""Records of a Backbeat pipeline: failed entries and queue entries, and where they are taken in."""
import json
import time
import urllib.parse

from kafka_util import Identity

PARTITIONS = 3


def on_the_wire(raw_version):
    """A version id as users see it: the bytes of the raw one in hex."""
    return raw_version.encode().hex()


def failed_entry(identity, failed_at_ms=None, role=None):
    """(key, value) of the topic of failed entries."""
    bucket, key, version, site = identity
    member = f"{bucket}:{key}:{version}"
    if role is not None:
        member += ":" + urllib.parse.quote(role, safe="")
    value = {"key": f"bb:crr:failed:{site}:{int(time.time() * 1000) // 3600000 * 3600000}",
             "member": member}
    if failed_at_ms is not None:
        value["score"] = failed_at_ms
    return member.encode(), json.dumps(value).encode()


def metadata(raw_version, statuses, size=1234, **more):
    """Metadata of an object version; statuses: {site: status}."""
    found = {
        "content-length": size, "last-modified": "2026-03-30T22:22:34.384Z",
        "replicationInfo": {
            "status": "FAILED" if "FAILED" in statuses.values() else "COMPLETED",
            "backends": [{"site": site, "status": status, "dataStoreVersionId": ""}
                         for site, status in statuses.items()],
            "content": ["METADATA", "DATA"], "destination": "arn:aws:s3:::there",
            "storageClass": ",".join(statuses), "role": "arn:aws:iam::1:role/r",
        },
    }
    return found | ({"versionId": raw_version} if raw_version else {}) | more


def queue_entry(bucket, key, raw_version, statuses, site=None, **more):
    """(key, value) of the status topic."""
    value = {"type": "put", "bucket": bucket,
             "key": key + ("\0" + raw_version if raw_version else ""),
             "value": json.dumps(metadata(raw_version, statuses, **more))}
    if site is not None:
        value["site"] = site
    return f"{bucket}/{key}".encode(), json.dumps(value).encode()


class Pipeline:
    """The two topics of a pipeline beside the place's own, and daemons that take them in."""

    def __init__(self, place, partitions=PARTITIONS):
        self.place, self.partitions = place, partitions
        self.failed, self.status = f"{place.name}-failed", f"{place.name}-status"
        for topic in (self.failed, self.status):
            place.cluster.create_topic(topic, partitions, {"max.message.bytes": 5000020})

    def settings(self, **more):
        return {"topics__intake": f"{self.failed},{self.status}"} | more

    def daemon(self, **more):
        return self.place.daemon(**self.settings(**more))

    def start(self, **more):
        return self.daemon(**more).start().wait_ready()

    def fail(self, identities, **fields):
        self.place.cluster.produce(self.failed, (failed_entry(i, **fields) for i in identities))

    def tell(self, topic, rows):
        self.place.cluster.produce(topic, rows)


def identity_of_version(bucket, key, raw_version, site):
    return Identity(bucket, key, on_the_wire(raw_version) if raw_version else "", site)
