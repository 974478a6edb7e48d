# SPDX-License-Identifier: Apache-2.0
"""Payload mode backbeat: metadata of the source, entries for Backbeat's movers, and the version guard."""
import json

import pytest

from backbeat import on_the_wire
from daemon import wait_listed
from kafka_util import Identity, fields_of
from metadata_server import MetadataServer, metadata
from waiting import wait_for

KEY = "dir/k é+%"


@pytest.fixture
def source():
    server = MetadataServer()
    yield server
    server.close()


@pytest.fixture
def start(place, source):
    """A daemon in this mode, with a status topic."""
    status = f"{place.name}-status"
    place.cluster.create_topic(status, 2)
    place.status = status

    def start_one(**more):
        return place.start(retry__payload="backbeat", source__url=source.url,
                           topics__status=status, **more)
    return start_one


def version(raw, site="aws", key=KEY):
    return Identity("b", key, on_the_wire(raw), site)


def test_a_retry_is_what_backbeats_movers_and_its_status_processor_read(place, source, start):
    at_aws, at_gcp = version("v1"), version("v1", "gcp")
    place.fail([at_aws, at_gcp])
    source.versions["b", KEY, on_the_wire("v1")] = metadata("v1", aws="FAILED", gcp="FAILED")
    daemon = start(retry__version_guard="false")
    reply = daemon.retry([fields_of(at_aws), fields_of(at_gcp)])
    assert reply.status == 200 and len(reply.json()) == 2
    entries, statuses = place.retry_entries(), place.cluster.read(place.status)
    assert [e.key for e in entries + statuses] == [b"b%2Fdir%2Fk%20%C3%A9%2B%25"] * 4
    values = [json.loads(e.value) for e in entries]
    assert [(v["bucket"], v["key"], v["site"]) for v in values] == [("b", KEY, "aws"),
                                                                 ("b", KEY, "gcp")]
    info = json.loads(values[0]["value"])["replicationInfo"]
    assert info["backends"] == [{"site": "aws", "status": "PENDING", "dataStoreVersionId": ""}]
    assert info["status"] == "PENDING" and info["storageClass"] == "aws"
    said = [json.loads(json.loads(s.value)["value"])["replicationInfo"] for s in statuses]
    assert [[b["status"] for b in i["backends"]] for i in said] == [["PENDING", "FAILED"],
                                                                   ["PENDING", "PENDING"]]
    assert [i["status"] for i in said] == ["FAILED", "PROCESSING"]
    assert sum(source.asked.values()) == 1
    assert entries[0].headers["crr-retry-attempt"] == "1"
    assert daemon.walk() == []


def test_what_a_topic_takes_bounds_its_own_records_alone(place, source, start):
    """The metadata is in the retry entry and in the status entry; the failure log needs no room for
    it."""
    place.cluster.set_topic_config(place.failures, "max.message.bytes", "4000")
    small, large = version("v1", key="small"), version("v1", key="large")
    place.fail([small, large])
    source.versions["b", "small", small.version] = metadata("v1", aws="FAILED")
    source.versions["b", "large", large.version] = json.dumps(
        json.loads(metadata("v1", aws="FAILED")) | {"x": "x" * 20000})
    daemon = start(retry__version_guard="false")
    reply = daemon.retry([fields_of(small), fields_of(large)])
    assert reply.status == 200 and len(reply.json()) == 2
    assert len(place.retry_entries()[-1].value) > 20000
    assert daemon.metric("crr_retry_retries_skipped_total") == 0


def test_the_status_topic_is_waited_for(place, source):
    daemon = place.daemon(retry__payload="backbeat", source__url=source.url,
                          topics__status=f"{place.name}-late").start()
    wait_for(lambda: f"topic {place.name}-late" in daemon.get("/ready").body.decode(),
             "readiness that waits for the status topic")
    place.cluster.create_topic(f"{place.name}-late", 1)
    daemon.wait_ready()


def test_an_old_version_is_not_put_over_a_newer_one(place, source, start):
    old = version("v1")
    place.fail([old], Size=7)
    source.versions["b", KEY, on_the_wire("v1")] = metadata("v1", aws="FAILED")
    source.versions["b", KEY, None] = metadata("v2", aws="COMPLETED")
    daemon = start()
    reply = daemon.retry([fields_of(old)])
    assert reply.status == 200 and reply.json() == []
    wait_for(lambda: daemon.walk()[0].get("Superseded"), "a row that is superseded")
    assert json.loads(place.failure_log()[-1].value)["Superseded"] is True
    daemon.stop()
    daemon.start().wait_ready()
    assert wait_listed(daemon, 1)[0]["Superseded"] is True
    assert place.retry_entries() == []
    reply = daemon.retry([fields_of(old) | {"ForceRetry": True}])
    assert len(reply.json()) == 1 and len(place.retry_entries()) == 1


def test_a_source_that_is_down_changes_nothing_and_is_asked_again(place, source, start):
    known = version("v1")
    place.fail([known])
    source.versions["b", KEY, on_the_wire("v1")] = source.versions["b", KEY, None] = \
        metadata("v1", aws="FAILED")
    source.is_down = True
    daemon = start()
    reply = daemon.retry([fields_of(known)])
    assert reply.status == 503 and "0 of 1 committed" in reply.json()["description"]
    assert len(daemon.walk()) == 1 and place.retry_entries() == []
    source.is_down = False
    wait_for(lambda: daemon.retry([fields_of(known)]).status == 200, "a retry that is taken")
    assert len(place.retry_entries()) == 1


def test_a_request_whose_time_is_up_says_how_many_were_committed(place, source, start):
    known = [version("v1", key=f"k{i}") for i in range(300)]
    place.fail(known)
    for identity in known[:200]:
        source.versions["b", identity.key, on_the_wire("v1")] = metadata("v1", aws="FAILED")
    daemon = start(http__request_timeout="8s", retry__version_guard="false")
    first = daemon.retry([fields_of(i) for i in known[:200]])
    assert len(first.json()) == 200
    wait_for(lambda: daemon.metric("crr_retry_retries_in_flight") == 0, "all to be read back")
    source.go_on.clear()
    late = daemon.retry([fields_of(i) for i in known[100:]])
    assert late.status == 503 and "0 of 100 committed" in late.json()["description"]
    assert len(place.retry_entries()) == 200 and len(daemon.walk()) == 100


@pytest.mark.parametrize("heard", [True, False])
def test_a_retry_without_an_outcome_is_listed_again_only_where_outcomes_are_heard(
        place, source, start, heard):
    """Where nobody tells outcomes, most retries without one have succeeded."""
    known = version("v1")
    place.fail([known])
    source.versions["b", KEY, on_the_wire("v1")] = metadata("v1", aws="FAILED")
    more = {"topics__intake": f"{place.name}-status"} if heard else {}
    daemon = start(retry__version_guard="false", retry__pending_ttl="1s", **more)
    assert len(daemon.retry([fields_of(known)]).json()) == 1
    place.cluster.wait_records(place.failures, lambda rows: len(rows) == 3)
    codes = ["RetryLost"] if heard else []
    assert [v["ErrorCode"] for v in wait_listed(daemon, len(codes))] == codes
