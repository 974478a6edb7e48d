# SPDX-License-Identifier: Apache-2.0
"""The quick start: an in-process broker, and the demo that plays the pipeline."""
from types import SimpleNamespace

from backbeat import queue_entry
from daemon import FAILED
from kafka_util import Cluster, fields_of, identity_of
from waiting import wait_for


def test_the_demo_s_failures_are_listed_and_retried(embedded, demo):
    daemon = embedded.start().wait_ready(20)
    demo(daemon.wait_event("embedded_broker")["bootstrap"], "--count", "500", "--no-mover")
    wait_for(lambda: len(daemon.walk()) == 500, "500 failures")
    versions = daemon.walk()
    assert len({v["StorageClass"] for v in versions}) > 1
    chosen = [identity_of(v) for v in versions[:50]]
    reply = daemon.retry([fields_of(i) for i in chosen])
    assert [identity_of(v) for v in reply.json()] == chosen
    assert len(daemon.walk()) == 450


def test_the_same_seed_makes_the_same_failures(embedded, demo):
    daemon = embedded.start().wait_ready(20)
    bootstrap = daemon.wait_event("embedded_broker")["bootstrap"]
    demo(bootstrap, "--count", "200", "--seed", "5", "--no-mover")
    wait_for(lambda: len(daemon.walk()) == 200, "200 failures")
    first = {identity_of(v) for v in daemon.walk()}
    demo(bootstrap, "--count", "200", "--seed", "5", "--no-mover")
    demo(bootstrap, "--count", "201", "--seed", "5", "--no-mover")
    wait_for(lambda: len(daemon.walk()) == 201, "201 failures")
    assert first < {identity_of(v) for v in daemon.walk()}


def test_a_pipeline_s_failures_are_taken_in_and_closed(make_embedded, demo):
    daemon = make_embedded(topics__intake="failed,status").start().wait_ready(20)
    bootstrap = daemon.wait_event("embedded_broker")["bootstrap"]
    words = ("--format", "backbeat", "--failed-topic", "failed", "--status-topic", "status",
             "--count", "300", "--no-mover")
    demo(bootstrap, *words)
    wait_for(lambda: len(daemon.walk()) == 300, "300 failures")
    version = daemon.walk()[0]
    Cluster(SimpleNamespace(bootstrap=bootstrap)).produce("status", [queue_entry(
        version["Bucket"], version["Key"], bytes.fromhex(version["VersionId"]).decode(),
        {version["StorageClass"]: "COMPLETED"})])
    wait_for(lambda: len(daemon.walk()) == 299, "one less")
    assert version not in daemon.walk()


def test_it_stops_at_once(embedded):
    daemon = embedded.start().wait_ready(20)
    assert daemon.get(FAILED).json()["Versions"] == []
    assert daemon.stop(10) == 0
