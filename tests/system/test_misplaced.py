# SPDX-License-Identifier: Apache-2.0
"""Records where their identity does not belong, what compaction leaves, times that are not so."""
import time

from daemon import wait_listed
from kafka_util import Identity, failure, fields_of, partition_of, record_key
from samples import identities
from waiting import outlast, wait_for

PARTITIONS = 6
SOME = 40
RESTARTS = 3
HOUR_MS = 3600 * 1000


def produce_misplaced(place, found, **fields):
    """One partition beside the one they belong to, as another partitioner would do."""
    def rows():
        for identity in found:
            key, value = failure(identity, **fields)
            yield key, value, {"partition": (partition_of(key, PARTITIONS) + 1) % PARTITIONS}
    place.cluster.produce(place.failures, rows())


def wait_settled(daemon, kind, count):
    wait_for(lambda: daemon.metric("crr_retry_settlements_total", kind=kind) >= count,
             f"{count} records to be {kind}")


def check_restarts(daemon, count):
    for _ in range(RESTARTS):
        daemon.stop()
        daemon.start().wait_ready()
        assert len(daemon.walk()) == count


def test_moved_records_are_listed_after_a_restart(place):
    daemon = place.start()
    produce_misplaced(place, identities(SOME))
    wait_listed(daemon, SOME)
    wait_settled(daemon, "moved", SOME)
    wait_listed(daemon, SOME)
    check_restarts(daemon, SOME)


def test_a_topic_that_grew_is_listed_whole_after_a_restart(place):
    place.fail(identities(SOME))
    daemon = place.start()
    wait_listed(daemon, SOME)
    place.cluster.grow_topic(place.failures, 9)
    wait_for(lambda: daemon.events("topic_changed"), "the growth to be seen")
    wait_for(lambda: daemon.ready()["partitions"] == {"assigned": 9, "ready": 9}, "9 partitions")
    wait_listed(daemon, SOME)
    check_restarts(daemon, SOME)


def test_what_lies_in_a_new_partition_can_be_retried_at_once(place):
    """The producer would hear of it too late by itself: at its next look at the topics."""
    daemon = place.start(kafka__producer_properties__topic__metadata__refresh__interval__ms=600000)
    place.cluster.grow_topic(place.failures, 9)
    wait_for(lambda: daemon.ready()["partitions"] == {"assigned": 9, "ready": 9}, "9 partitions")
    found = [i for i in identities(200) if partition_of(record_key(i), 9) >= PARTITIONS]
    place.cluster.produce(place.failures, [
        failure(i) + ({"partition": partition_of(record_key(i), 9)},) for i in found])
    wait_listed(daemon, len(found))
    reply = daemon.retry([fields_of(i) for i in found])
    assert reply.status == 200 and len(reply.json()) == len(found), reply.body
    assert not daemon.events("txn_aborted")


def test_misplaced_failures_that_came_while_no_daemon_ran_are_listed(place):
    found = identities(SOME)
    daemon = place.start()
    place.fail(found)
    wait_listed(daemon, SOME)
    assert len(daemon.retry([fields_of(i) for i in found]).json()) == SOME
    daemon.stop()
    produce_misplaced(place, found, ErrorCode="Again")
    daemon.start().wait_ready()
    wait_listed(daemon, SOME)
    wait_settled(daemon, "moved", SOME)
    check_restarts(daemon, SOME)


def test_a_moved_record_that_is_too_old_for_the_topic_fails_nobody_else(place):
    found = identities(SOME)
    key, value = failure(Identity("b", "old", "v", "aws"))
    place.fail(found)
    place.cluster.produce(place.failures, [
        (key, value, {"partition": (partition_of(key, PARTITIONS) + 1) % PARTITIONS,
                      "timestamp": 1600000000000})])
    place.cluster.set_topic_config(place.failures, "message.timestamp.before.max.ms",
                                   str(HOUR_MS))
    daemon = place.start()
    wait_listed(daemon, SOME + 1)
    assert [daemon.retry([fields_of(i)]).status for i in found] == [200] * SOME
    wait_settled(daemon, "moved", 1)
    wait_listed(daemon, 1)
    check_restarts(daemon, 1)


def test_late_times_of_some_retries_do_not_keep_others_from_expiring(place):
    other = identities(1)[0]
    partition = partition_of(record_key(other), PARTITIONS)
    daemon = place.start(retry__pending_ttl="1s")
    place.cluster.produce(place.failures, [
        failure(i, ReplicationStatus="PENDING", RetriedAt="2999-01-01T00:00:00Z")
        for i in identities(200, "late") if partition_of(record_key(i), PARTITIONS) == partition])
    place.cluster.produce(place.failures, [failure(other, ReplicationStatus="PENDING")])
    wait_for(lambda: other in {Identity(v["Bucket"], v["Key"], v["VersionId"], v["StorageClass"])
                               for v in daemon.walk()}, "the other one to be listed")


def compact_soon(place):
    for name, value in {"segment.ms": 100, "min.cleanable.dirty.ratio": 0.001,
                        "min.compaction.lag.ms": HOUR_MS,
                        "delete.retention.ms": 24 * HOUR_MS}.items():
        place.cluster.set_topic_config(place.failures, name, str(value))


def test_a_failure_that_was_written_again_survives_compaction_of_the_first_one(place):
    """A late completion does not count, and the failure is written again; then the log is compacted
    up to the late one, as where a segment ends between them."""
    now, count = int(time.time() * 1000), 10
    compact_soon(place)
    for identity in identities(count):
        key, value = failure(identity)
        home = partition_of(key, PARTITIONS)
        for row in ((key, None, {"partition": (home + 1) % PARTITIONS,
                                 "timestamp": now - 3 * HOUR_MS}),
                    (key, value, {"partition": home, "timestamp": now - 2 * HOUR_MS})):
            place.cluster.produce(place.failures, [row])
    daemon = place.start()
    wait_listed(daemon, count)
    outlast(2)
    assert len(daemon.walk()) == count
    daemon.stop()

    def compacted():
        return sum(1 for r in place.failure_log() if r.value is not None) <= count
    wait_for(compacted, "compaction", 90)
    daemon.start().wait_ready()
    wait_listed(daemon, count)
    check_restarts(daemon, count)
