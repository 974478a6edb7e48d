# SPDX-License-Identifier: Apache-2.0
"""crr-demo plays a Backbeat: what it writes, serves and answers, read by another reading of the
specification (events.md, "Foreign formats" and "Retry entries")."""
import collections
import http.client
import json
import os
import re
import subprocess
import urllib.parse

import pytest

from daemon import ENVIRONMENT
from kafka_util import Identity, enc
from waiting import wait_for

COUNT, SUCCESSES = 400, 100
WORDS = ["--format", "backbeat", "--count", str(COUNT), "--successes", str(SUCCESSES)]
FAILED_KEY = re.compile(r"bb:crr:failed:(.+):(\d+)")
HOUR_MS = 3600000


class Pipeline:
    """The topics of a played Backbeat, and what they hold."""

    def __init__(self, place):
        self.cluster, self.replication = place.cluster, place.replication
        self.failed, self.status = f"{place.name}-failed", f"{place.name}-status"
        for topic in (self.failed, self.status):
            self.cluster.create_topic(topic, 3)
        self.words = [*WORDS, "--failed-topic", self.failed, "--status-topic", self.status,
                      "--replication-topic", self.replication]

    def failed_entries(self):
        """{identity: the entry}"""
        return {self._identity_of_entry(entry): entry
                for entry in (json.loads(r.value) for r in self.cluster.read(self.failed))}

    def queue_entries(self):
        return [queue_entry_of(record) for record in self.cluster.read(self.status)]

    @staticmethod
    def _identity_of_entry(entry):
        site, hour = FAILED_KEY.fullmatch(entry["key"]).groups()
        assert int(hour) == entry["score"] - entry["score"] % HOUR_MS
        bucket, _, rest = entry["member"].partition(":")
        key, _, version = rest.rpartition(":")
        return Identity(bucket, key, version, site)


QueueEntry = collections.namedtuple("QueueEntry", "identity status metadata")


def queue_entry_of(record):
    value = json.loads(record.value)
    key, _, raw = value["key"].partition("\0")
    metadata = json.loads(value["value"])
    assert metadata["versionId"] == raw
    assert record.key == urllib.parse.quote(f"{value['bucket']}/{key}", safe="-_.!~*'()").encode()
    status, = (b["status"] for b in metadata["replicationInfo"]["backends"]
               if b["site"] == value["site"])
    return QueueEntry(Identity(value["bucket"], key, raw.encode().hex(), value["site"]), status,
                      metadata)


def retry_entry(identity, metadata):
    """(key, value) as the payload mode backbeat publishes it."""
    info = metadata["replicationInfo"]
    backend, = (b for b in info["backends"] if b["site"] == identity.site)
    reduced = info | {"status": "PENDING", "storageClass": identity.site,
                      "backends": [backend | {"status": "PENDING"}]}
    value = {"bucket": identity.bucket, "key": identity.key, "site": identity.site,
             "value": json.dumps(metadata | {"replicationInfo": reduced})}
    return b"any", json.dumps(value).encode()


@pytest.fixture
def pipeline(place):
    return Pipeline(place)


@pytest.fixture
def served(programs, shared_broker, pipeline, logs, test_name):
    """The data mover and the metadata server, until the test ends: the server's address."""
    output = logs / f"{test_name}-demo.log"
    with open(output, "wb") as file:
        process = subprocess.Popen(
            [programs["demo"], "--bootstrap", shared_broker.bootstrap, *pipeline.words,
             "--no-producer", "--refail", "0.5", "--metadata-listen", "127.0.0.1:0"],
            stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=os.environ | ENVIRONMENT)
    said = wait_for(lambda: re.search(r"metadata at http://(\S+)\n", output.read_text()),
                    "the metadata server")
    yield said[1]
    process.terminate()
    assert process.wait(30) == 0, output.read_text()


def metadata_of(address, identity):
    connection = http.client.HTTPConnection(address, timeout=20)
    connection.request("GET", f"/_/backbeat/metadata/{enc(identity.bucket)}/{enc(identity.key)}"
                              f"?versionId={identity.version}")
    reply = connection.getresponse()
    assert reply.status == 200, identity
    body = json.loads(reply.read())
    connection.close()
    return json.loads(body["Body"])


def test_failures_are_told_on_one_topic_or_the_other(pipeline, demo, shared_broker):
    demo(shared_broker.bootstrap, *pipeline.words, "--no-mover")
    failed = set(pipeline.failed_entries())
    told = pipeline.queue_entries()
    assert not failed & {e.identity for e in told}
    statuses = collections.Counter(e.status for e in told)
    assert statuses == {"FAILED": COUNT - len(failed), "COMPLETED": SUCCESSES}
    assert COUNT * 0.4 < len(failed) < COUNT * 0.6
    assert any(":" in i.key for i in failed) and any("\U0001f39f" in i.key for i in failed)


def test_the_store_knows_every_object_that_was_told_of(pipeline, demo, shared_broker, served):
    demo(shared_broker.bootstrap, *pipeline.words, "--no-mover")
    for entry in pipeline.queue_entries():
        assert metadata_of(served, entry.identity) == entry.metadata
    for identity in pipeline.failed_entries():
        metadata = metadata_of(served, identity)
        assert metadata["versionId"].encode().hex() == identity.version
        assert metadata["replicationInfo"]["status"] == "FAILED"


def test_the_mover_answers_each_retry_entry_with_an_outcome(pipeline, demo, shared_broker, served):
    demo(shared_broker.bootstrap, *pipeline.words, "--no-mover", "--failed-share", "1",
         "--successes", "0")
    retried = {i: metadata_of(served, i) for i in list(pipeline.failed_entries())[:100]}
    pipeline.cluster.produce(pipeline.replication,
                             [(b"any", b"nonsense"), *map(retry_entry, *zip(*retried.items()))])
    pipeline.cluster.wait_records(pipeline.status, lambda records: len(records) == len(retried))
    outcomes = {e.identity: e for e in pipeline.queue_entries()}
    assert outcomes.keys() == retried.keys()
    statuses = collections.Counter(e.status for e in outcomes.values())
    assert statuses.keys() == {"COMPLETED", "FAILED"} and min(statuses.values()) > 25
    for identity, outcome in outcomes.items():
        others = ("content-length", "last-modified", "acl", "location", "x-amz-meta-title")
        assert all(outcome.metadata[name] == retried[identity][name] for name in others)
        assert outcome.metadata["replicationInfo"]["status"] == outcome.status
