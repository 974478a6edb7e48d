# SPDX-License-Identifier: Apache-2.0
"""The quick start: an in-process broker, and the demo that plays the pipeline."""
from types import SimpleNamespace

from backbeat import queue_entry
from daemon import FAILED, wait_listed
from kafka_util import Cluster, fields_of, identity_of


def test_the_demo_s_failures_are_listed_and_retried(embedded, demo):
    daemon = embedded.start().wait_ready()
    demo(daemon.wait_event("embedded_broker")["bootstrap"], "--count", "500", "--no-mover")
    versions = wait_listed(daemon, 500)
    assert len({v["StorageClass"] for v in versions}) > 1
    chosen = [identity_of(v) for v in versions[:50]]
    reply = daemon.retry([fields_of(i) for i in chosen])
    assert [identity_of(v) for v in reply.json()] == chosen
    assert len(daemon.walk()) == 450


def test_the_same_seed_makes_the_same_failures(embedded, demo):
    daemon = embedded.start().wait_ready()
    bootstrap = daemon.wait_event("embedded_broker")["bootstrap"]
    demo(bootstrap, "--count", "200", "--seed", "5", "--no-mover")
    first = {identity_of(v) for v in wait_listed(daemon, 200)}
    demo(bootstrap, "--count", "200", "--seed", "5", "--no-mover")
    demo(bootstrap, "--count", "201", "--seed", "5", "--no-mover")
    assert first < {identity_of(v) for v in wait_listed(daemon, 201)}


def test_a_pipeline_s_failures_are_taken_in_and_closed(make_embedded, demo):
    daemon = make_embedded(topics__intake="failed,status").start().wait_ready()
    bootstrap = daemon.wait_event("embedded_broker")["bootstrap"]
    words = ("--format", "backbeat", "--failed-topic", "failed", "--status-topic", "status",
             "--count", "300", "--no-mover")
    demo(bootstrap, *words)
    version = wait_listed(daemon, 300)[0]
    Cluster(SimpleNamespace(bootstrap=bootstrap)).produce("status", [queue_entry(
        version["Bucket"], version["Key"], bytes.fromhex(version["VersionId"]).decode(),
        {version["StorageClass"]: "COMPLETED"})])
    assert version not in wait_listed(daemon, 299)


def test_it_stops_at_once(embedded):
    daemon = embedded.start().wait_ready()
    assert daemon.get(FAILED).json()["Versions"] == []
    assert daemon.stop(10) == 0
