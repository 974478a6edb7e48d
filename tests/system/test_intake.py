# SPDX-License-Identifier: Apache-2.0
"""A Backbeat pipeline's records become failures, exactly once, whoever is killed meanwhile."""
import pytest

import backbeat
from backbeat import Pipeline, failed_entry, identity_of_version, queue_entry
from daemon import wait_listed
from group import CALM, Members
from kafka_util import failure, identity_of
from samples import ODD, identities
from waiting import wait_for

SOME = 50


@pytest.fixture
def pipeline(place):
    return Pipeline(place)


def wait_taken(daemon, topic, count, *outcomes):
    def taken():
        return sum(daemon.metric("crr_retry_records_total", topic=topic, outcome=o)
                   for o in outcomes) >= count
    wait_for(taken, f"{count} records of {topic} to be taken in")


def test_failed_entries_are_listed_whatever_their_keys(pipeline):
    odd = [i for i in ODD if ":" not in i.bucket + i.version and i.bucket[0] == "b"]
    daemon = pipeline.start()
    pipeline.fail(odd, failed_at_ms=1000)
    versions = wait_listed(daemon, len(odd))
    assert {identity_of(v) for v in versions} == set(odd)
    assert {v["FailedAt"] for v in versions} == {"1970-01-01T00:00:01.000Z"}
    assert "Size" not in versions[0]


def test_queue_entries_are_listed_with_their_facts_and_each_site(pipeline):
    daemon = pipeline.start()
    pipeline.tell(pipeline.status, [queue_entry(
        "b", "k", "9837", {"one": "FAILED", "two": "COMPLETED", "three": "FAILED"})])
    versions = wait_listed(daemon, 2)
    assert {identity_of(v) for v in versions} == {identity_of_version("b", "k", "9837", site)
                                                  for site in ("one", "three")}
    assert {v["Size"] for v in versions} == {1234}
    assert {v["LastModified"] for v in versions} == {"2026-03-30T22:22:34.384Z"}


def test_native_values_without_a_key_are_taken_in_with_all_they_say(pipeline):
    found = identities(SOME)
    daemon = pipeline.start()
    pipeline.tell(pipeline.failed, ((None, failure(i, Size=7, Entry="e")[1]) for i in found))
    assert {identity_of(v) for v in wait_listed(daemon, SOME)} == set(found)
    values = [r.value for r in pipeline.place.failure_log()]
    assert all(b'"Entry"' in value for value in values)


def test_a_success_closes_its_failure_also_one_that_was_never_retried(pipeline):
    daemon = pipeline.start()
    pipeline.tell(pipeline.status, [queue_entry("b", "k", "1", {"s": "FAILED"}),
                                    queue_entry("b", "l", "1", {"s": "FAILED"})])
    wait_listed(daemon, 2)
    pipeline.tell(pipeline.status, [queue_entry("b", "k", "1", {"s": "COMPLETED"})])
    assert [v["Key"] for v in wait_listed(daemon, 1)] == ["l"]


def test_a_retry_that_succeeds_is_closed_and_one_that_fails_is_listed_again(pipeline):
    daemon = pipeline.start()
    pipeline.tell(pipeline.status, [queue_entry("b", k, "1", {"s": "FAILED"}) for k in "kl"])
    answer = daemon.retry(wait_listed(daemon, 2))
    assert (answer.status, len(answer.json())) == (200, 2)
    assert daemon.walk() == []
    pipeline.tell(pipeline.status, [queue_entry("b", "k", "1", {"s": "COMPLETED"}),
                                    queue_entry("b", "l", "1", {"s": "FAILED"})])
    assert [(v["Key"], v["Attempts"]) for v in wait_listed(daemon, 1)] == [("l", 1)]


def test_successes_of_what_never_failed_are_not_written(pipeline):
    daemon = pipeline.start()
    pipeline.fail(identities(1))
    wait_listed(daemon, 1)
    pipeline.tell(pipeline.status, (queue_entry("b", f"fine {i}", "1", {"s": "COMPLETED"})
                                    for i in range(SOME)))
    wait_taken(daemon, pipeline.status, SOME, "unknown", "completed")
    assert daemon.metric("crr_retry_records_total", topic=pipeline.status, outcome="unknown") == SOME
    assert len(pipeline.place.failure_log()) == 1


def test_poison_is_counted_and_told_and_skipped(pipeline):
    daemon = pipeline.start()
    pipeline.tell(pipeline.failed, [(b"k", b"not json"), (b"k", b"[1]"), (b"k", b"{}"), (b"k", None),
                                    failed_entry(identities(1)[0])])
    wait_listed(daemon, 1)
    wait_for(lambda: daemon.metric("crr_retry_records_rejected_total", topic=pipeline.failed) == 4,
             "all poison to be counted")
    event = daemon.events("record_rejected", topic=pipeline.failed, cause="not_json")[0]
    assert "offset" in event and "partition" in event


def test_all_that_was_written_before_it_came_is_taken_in(pipeline):
    found = identities(SOME)
    pipeline.fail(found)
    assert {identity_of(v) for v in wait_listed(pipeline.start(), SOME)} == set(found)


def test_what_was_taken_in_is_not_taken_in_again_after_a_restart(pipeline):
    found = identities(SOME)
    daemon = pipeline.start()
    pipeline.fail(found)
    wait_listed(daemon, SOME)
    daemon.stop()
    daemon.start().wait_ready()
    pipeline.fail(identities(1, "later"))
    wait_listed(daemon, SOME + 1)
    assert len(pipeline.place.failure_log()) == SOME + 1


def health_of_intake(daemon):
    return daemon.get("/_/healthcheck").json()["internalConnections"]["intake"]


def test_topics_that_come_later_are_waited_for(place):
    daemon = place.start(topics__intake=f"{place.name}-failed,{place.name}-status")
    wait_for(lambda: "Unknown topic" in health_of_intake(daemon).get("error", ""),
             "the health check to say what the intake lacks")
    pipeline = Pipeline(place)
    pipeline.fail(identities(SOME))
    wait_listed(daemon, SOME)
    wait_for(lambda: health_of_intake(daemon) == {
        "status": "ok", "partitions": 2 * backbeat.PARTITIONS, "lag": 0},
             "the health check to say that all is taken in")


def test_three_members_share_the_foreign_topics(pipeline):
    place = pipeline.place
    found = identities(SOME * 20)
    members = Members(place, **pipeline.settings(**CALM)).start(3)
    wait_for(lambda: {last_assigned(d) for d in members.running} == {2 * backbeat.PARTITIONS // 3},
             "each to have a third of the foreign partitions")
    pipeline.fail(found)
    pipeline.tell(pipeline.status, (queue_entry("b", f"fine {i}", "1", {"s": "COMPLETED"})
                                    for i in range(SOME)))
    for daemon in members.running:
        wait_listed(daemon, len(found))
        wait_for(lambda: daemon.metric("crr_retry_records_total", topic=pipeline.failed) > 0,
                 "a share of the failures to be taken in")
    wait_for(lambda: taken_by(members.running, pipeline.status) == SOME, "all outcomes")
    assert taken_by(members.running, pipeline.status, outcome="unknown") > 0
    doubted = taken_by(members.running, pipeline.status, outcome="completed")
    place.cluster.wait_records(place.failures,      # what was in doubt is written, and closed
                               lambda rows: len(rows) == len(found) + 2 * doubted)


def last_assigned(daemon):
    events = daemon.events("intake_assigned")
    return events[-1]["n"] if events else 0


def taken_by(daemons, topic, **labels):
    return sum(d.metric("crr_retry_records_total", topic=topic, **labels) for d in daemons)
