# SPDX-License-Identifier: Apache-2.0
"""A cluster that asks who may do what: each right that is missing is told, and mended without us."""
import json

import pytest
from confluent_kafka.admin import (AclBinding, AclOperation, AclPermissionType, ResourcePatternType,
                                   ResourceType)

from broker import PASSWORD, USER
from first_day import said_once, waits_for, works
from waiting import wait_for

# As README says them: the failure log, the replication topic, the group, the transactional.id.
RIGHTS = {
    "log": (ResourceType.TOPIC, ("DESCRIBE", "DESCRIBE_CONFIGS", "READ", "WRITE")),
    "replication": (ResourceType.TOPIC, ("DESCRIBE", "DESCRIBE_CONFIGS", "WRITE")),
    "group": (ResourceType.GROUP, ("READ", "DESCRIBE")),
    "transactions": (ResourceType.TRANSACTIONAL_ID, ("WRITE", "DESCRIBE")),
}


@pytest.fixture
def strict_place(bare_place):
    bare_place.broker.judge_rights()
    bare_place.broker.start()
    return bare_place.create_topics()


def grant(place, which):
    kind, operations = RIGHTS[which]
    name, pattern = {
        "log": (place.failures, ResourcePatternType.LITERAL),
        "replication": (place.replication, ResourcePatternType.LITERAL),
        "group": (f"{place.name}-group", ResourcePatternType.LITERAL),
        "transactions": ("crr-retryd-", ResourcePatternType.PREFIXED),
    }[which]
    admin = place.broker.admin()
    wishes = admin.create_acls([
        AclBinding(kind, name, pattern, f"User:{USER}", "*", AclOperation[operation],
                   AclPermissionType.ALLOW) for operation in operations])
    for done in wishes.values():
        done.result(30)


def stranger(place, tmp_path):
    """A daemon that has a password, and no rights yet."""
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n")
    config = tmp_path / "crr-retryd.json"
    config.write_text(json.dumps({"kafka": {"properties": {
        "bootstrap.servers": place.broker.sasl_bootstrap,
        "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN",
        "sasl.username": USER, "sasl.password": {"file": str(secret)}}}}))
    return place.daemon_with_file(config, without=["kafka.properties.bootstrap.servers"]).start()


def test_rights_that_come_one_by_one(strict_place, tmp_path):
    daemon = stranger(strict_place, tmp_path)
    for what, said, missing in (
            (f"topic {strict_place.failures}", "READ, WRITE and DESCRIBE", "log"),
            (f"topic {strict_place.replication}", "WRITE and DESCRIBE", "replication"),
            ("assignment", "Group authorization failed", "group"),
            ("producer", "Transactional Id authorization failed", "transactions")):
        waits_for(daemon, what)
        wait_for(lambda: said in (daemon.ready().get("detail") or ""), f"/ready to say {said}")
        grant(strict_place, missing)
    works(strict_place, daemon)


def test_a_session_timeout_that_the_broker_refuses(place):
    daemon = place.daemon(kafka__consumer_properties__session__timeout__ms="1900000",
                          kafka__consumer_properties__max__poll__interval__ms="2000000").start()
    waits_for(daemon, "assignment")
    wait_for(lambda: "Invalid session timeout" in (daemon.ready().get("detail") or ""),
             "/ready to say why")
    said_once(daemon, "kafka_error", code="INVALID_SESSION_TIMEOUT")
