# SPDX-License-Identifier: Apache-2.0
"""An operator's first day: what is missing or wrong is said in one line, and mended without us."""
import json
import signal

import pytest

from broker import PASSWORD, USER
from first_day import said_once, waits_for, works
from kafka_util import failure, identity_of
from samples import identities
from waiting import wait_for


def test_started_before_the_broker(bare_place):
    daemon = bare_place.daemon().start()
    waits_for(daemon, "broker")
    said_once(daemon, "broker_down")
    bare_place.broker.start()
    bare_place.create_topics()
    works(bare_place, daemon)
    assert daemon.events("broker_up")


def test_started_before_the_topics(bare_place):
    bare_place.broker.start()
    daemon = bare_place.daemon().start()
    waits_for(daemon, "topic")
    said_once(daemon, "topic_missing", topic=bare_place.failures)
    bare_place.create_topics()
    works(bare_place, daemon)
    said_once(daemon, "topic_found", topic=bare_place.failures)


def test_missing_topics_are_made_when_that_is_wished(bare_place):
    bare_place.broker.start()
    daemon = bare_place.daemon(kafka__create_topics="true").start()
    works(bare_place, daemon)
    said_once(daemon, "topic_created", topic=bare_place.failures)
    assert bare_place.cluster.topic_config(bare_place.failures, "cleanup.policy") == "compact"


def test_a_wrong_password_that_is_mended_by_a_reload(own_place, tmp_path):
    secret = tmp_path / "password"
    secret.write_text("wrong-password\n")
    settings = {"kafka": {"properties": {
        "bootstrap.servers": own_place.broker.sasl_bootstrap,
        "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN",
        "sasl.username": USER, "sasl.password": {"file": str(secret)}}}}
    config = tmp_path / "crr-retryd.json"
    config.write_text(json.dumps(settings))
    daemon = own_place.daemon_with_file(
        config, without=["kafka.properties.bootstrap.servers"]).start()
    waits_for(daemon, "authentication")
    assert daemon.wait_event("kafka_auth")["hint"]
    assert "wrong-password" not in daemon.text()
    secret.write_text(PASSWORD + "\n")
    daemon.signal(signal.SIGHUP)
    works(own_place, daemon)
    assert PASSWORD not in daemon.text()


def test_a_wrong_password_that_only_the_consumers_have(own_place, tmp_path):
    """The broker is there for all other handles: what keeps the consumers away is said of them."""
    secret = tmp_path / "password"
    secret.write_text("wrong-password\n")
    right = tmp_path / "right"
    right.write_text(PASSWORD + "\n")
    config = tmp_path / "crr-retryd.json"
    config.write_text(json.dumps({"topics": {"intake": [f"{own_place.name}-failed"]}, "kafka": {
        "properties": {
            "bootstrap.servers": own_place.broker.sasl_bootstrap,
            "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN",
            "sasl.username": USER, "sasl.password": {"file": str(right)}},
        "consumer_properties": {"sasl.password": {"file": str(secret)}}}}))
    daemon = own_place.daemon_with_file(
        config, without=["kafka.properties.bootstrap.servers"]).start()
    waits_for(daemon, "authentication")
    wait_for(lambda: "uthentication" in (daemon.ready().get("detail") or ""), "/ready to say why")

    def refused():
        said = daemon.get("/_/healthcheck").json()["internalConnections"]["intake"]
        return said.get("status") == "authentication" and said
    intake = wait_for(refused, "the health check to say what the intake waits for")
    assert "uthentication" in intake["error"] and "lag" not in intake, intake


def test_a_host_that_does_not_exist(bare_place):
    daemon = bare_place.daemon(
        kafka__properties__bootstrap__servers="no-such-host.invalid:9092").start()
    waits_for(daemon, "broker")
    assert "no-such-host.invalid" in said_once(daemon, "broker_down")["bootstrap"]
    assert daemon.stop(20) == 0


def test_a_full_disk_under_the_broker(own_place):
    daemon = own_place.start()
    own_place.broker.fill_disk(1000)
    own_place.cluster.produce_in_vain(own_place.failures, map(failure, identities(2000)))
    own_place.broker.wait_gone()
    waits_for(daemon, "broker")
    own_place.broker.start()
    works(own_place, daemon)


def test_a_failure_log_that_grows_and_comes_anew(own_place):
    known = identities(200)
    own_place.fail(known)
    daemon = own_place.start()
    assert len(daemon.walk()) == 200
    own_place.cluster.delete_topic(own_place.failures)
    waits_for(daemon, "topic")
    own_place.create_failures(partitions=8)
    wait_for(lambda: daemon.ready()["partitions"] == {"assigned": 8, "ready": 8}, "8 partitions")
    works(own_place, daemon)


@pytest.mark.parametrize("setting, value", [("cleanup.policy", "delete"),
                                            ("delete.retention.ms", "1000")])
def test_a_failure_log_that_may_forget_is_used_with_a_warning(place, setting, value):
    place.cluster.set_topic_config(place.failures, setting, value)
    daemon = place.start()
    warning = daemon.wait_event("topic_settings", topic=place.failures)
    assert warning["setting"] == setting and warning["level"] == "warn"
