# SPDX-License-Identifier: Apache-2.0
"""The failure log as a topic: too much for the memory, made anew, not fit for us."""
import json
import pathlib
import signal

import pytest
from confluent_kafka import KafkaException

from daemon import wait_listed
from kafka_util import fields_of
from samples import identities
from waiting import wait_for

MANY = 120_000           # more than 8 MiB, the least limit, have room for
LIMIT_OFFSET = 1 << 43    # a marker is partition * 2^43 + offset
CHECK_S = 10              # so often a record of each partition is read again


class Limited:
    """A daemon whose memory limit is changed while it runs."""

    def __init__(self, place, folder):
        self._config = folder / "crr.json"
        self._limit("8MiB")
        self.daemon = place.daemon_with_file(self._config).start()

    def _limit(self, text):
        self._config.write_text(json.dumps({"table": {"memory_limit": text}}))

    def wait_full(self):
        wait_for(lambda: (self.daemon.ready() or {}).get("waiting_for") == "memory", "a full table")

    def make_room(self):
        self._limit("1GiB")
        self.daemon.signal(signal.SIGHUP)

    def take_turns_with_another(self, place):
        """Some partitions leave and come back."""
        other = place.daemon(instance__id="other").start()
        wait_for(lambda: self.daemon.events("revoked"), "partitions to leave")
        other.wait_ready()
        other.stop()
        wait_for(lambda: (self.daemon.ready() or {})["partitions"]["assigned"] == 6,
                 "all partitions again")


def test_a_partition_that_was_full_when_it_left_is_restored_when_it_comes_back(place, tmp_path):
    place.fail(identities(MANY))
    limited = Limited(place, tmp_path)
    limited.wait_full()
    limited.take_turns_with_another(place)
    limited.make_room()
    limited.daemon.wait_ready()
    wait_listed(limited.daemon, MANY)


def test_a_partition_that_was_full_and_went_on_is_restored_when_it_comes_back(place, tmp_path):
    place.fail(identities(MANY))
    limited = Limited(place, tmp_path)
    limited.wait_full()
    limited.make_room()
    limited.daemon.wait_ready()
    limited.take_turns_with_another(place)
    limited.daemon.wait_ready()
    wait_listed(limited.daemon, MANY)


def is_made(place):
    """The topic can be made anew as soon as it is gone."""
    try:
        place.create_failures()
        return True
    except KafkaException:
        return False


@pytest.mark.parametrize("before", [3, 2000])
def test_a_topic_that_is_made_anew_at_once_is_read_from_its_beginning(place, before):
    """With fewer and with more records than the consumer had read of the old one."""
    place.fail(identities(before, "old"))
    daemon = place.start()
    wait_listed(daemon, before)
    place.cluster.delete_topic(place.failures)
    wait_for(lambda: is_made(place), "the topic to be made anew")
    new = identities(1000, "new")
    place.fail(new)
    wait_for(lambda: daemon.events("partition_reset"), "the new log to be found", 4 * CHECK_S)

    def listed():
        reply = daemon.get("/_/backbeat/api/_/crr/failed", max_keys=1000)
        return reply.status == 200 and {v["Key"] for v in reply.json()["Versions"]}
    wait_for(lambda: listed() == {identity.key for identity in new}, "the new log alone")


def test_retries_that_fit_are_answered_though_the_topic_takes_little_at_once(place):
    place.cluster.set_topic_config(place.replication, "max.message.bytes", "4000")
    found = identities(2000)
    place.fail(found, ErrorMessage="m")
    daemon = place.start()
    wait_listed(daemon, len(found))
    answer = daemon.retry([fields_of(i) for i in found])
    assert (answer.status, len(answer.json())) == (200, len(found)), answer.body[:300]
    assert daemon.metric("crr_retry_retries_skipped_total") == 0
    assert daemon.metric("crr_retry_retry_transactions_total", outcome="aborted") == 0


def test_retries_that_fit_are_answered_though_the_topic_takes_less_than_it_did(place):
    """The limit is lowered while the daemon runs: nothing tells, until a set is refused."""
    found = identities(2000)
    place.fail(found, ErrorMessage="m")
    daemon = place.start()
    wait_listed(daemon, len(found))
    place.cluster.set_topic_config(place.replication, "max.message.bytes", "4000")
    answer = daemon.retry([fields_of(i) for i in found])
    assert (answer.status, len(answer.json())) == (200, len(found)), answer.body[:300]
    assert daemon.metric("crr_retry_retries_skipped_total") == 0


def move_to_offset(folder, offset):
    """The first batch of a partition gets this offset, which its checksum does not cover."""
    old = folder / f"{0:020}.log"
    batch = bytearray(old.read_bytes())
    batch[:8] = offset.to_bytes(8, "big")
    (folder / f"{offset:020}.log").write_bytes(batch)
    for path in folder.glob(f"{0:020}.*"):
        path.unlink()


def test_a_log_with_offsets_that_no_marker_holds_is_refused(own_place):
    own_place.fail(identities(1))
    partition = own_place.failure_log()[0].partition
    own_place.broker.stop()
    folder = pathlib.Path(own_place.broker.data_folder, f"{own_place.failures}-{partition}")
    move_to_offset(folder, LIMIT_OFFSET)
    own_place.broker.start()
    daemon = own_place.daemon().start()
    daemon.expected_exits = {1}
    assert daemon.wait_exit() == 1
    assert f"in partition {partition}: only offsets below 2^43" in daemon.text()
