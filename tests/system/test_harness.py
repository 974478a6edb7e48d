# SPDX-License-Identifier: Apache-2.0
"""The judges are judged: each of them can say no, and knows Java's partitioner."""
import json

import pytest

import conservation
from kafka_util import (Identity, Record, failure, fields_of, identity_of_key, partition_of,
                        record_key, tombstone)
from model import fold, with_status
from samples import ODD, identities
from waiting import TooLate, wait_for

ONE = Identity("b", "k", "v", "s")


def record(offset, value, headers=None, identity=ONE):
    return Record("t", 0, offset, 0, record_key(identity), value, headers or {})


def entry(attempt, retry_id="r"):
    fields = fields_of(ONE) | {"ReplicationStatus": "PENDING", "Attempts": attempt,
                               "RetryId": retry_id}
    headers = {"crr-retry-id": retry_id, "crr-retry-attempt": str(attempt)}
    return record(attempt, json.dumps(fields).encode(), headers)


@pytest.mark.parametrize("identity", ODD)
def test_a_record_key_can_be_read_back(identity):
    assert identity_of_key(record_key(identity)) == identity


def test_a_record_key_is_spelled_as_specified():
    identity = Identity("photos", "2026/11/a.jpg", "3938", "aws-east")
    assert record_key(identity) == b"photos/2026%2F11%2Fa.jpg?versionId=3938&sitename=aws-east"


def test_keys_go_where_java_s_partitioner_puts_them(place):
    place.fail(identities(200) + ODD)
    assert all(partition_of(r.key, 6) == r.partition for r in place.failure_log())


def test_the_fold_knows_states_and_void_settlements():
    failed, pending = failure(ONE)[1], failure(ONE, ReplicationStatus="PENDING")[1]
    assert with_status(fold([record(0, failed)]), "FAILED") == [ONE]
    assert with_status(fold([record(0, failed), record(1, pending)]), "PENDING") == [ONE]
    assert fold([record(0, failed), record(1, tombstone(ONE)[1])]) == {}
    void = record(2, None, {"crr-settles": "0"})
    assert fold([record(0, pending), record(1, failed), void])[ONE].offset == 1
    valid = record(2, None, {"crr-settles": "1"})
    assert fold([record(0, pending), record(1, failed), valid]) == {}
    again = record(3, failed, {"crr-settles": "2"})
    assert fold([record(0, pending), record(1, failed), void, again])[ONE].offset == 3


def test_a_failure_that_is_published_twice_is_seen():
    conservation.published_once([entry(1), entry(2)])
    with pytest.raises(AssertionError, match="published twice"):
        conservation.published_once([entry(1), entry(1, "another")])


def test_an_entry_without_its_pending_record_is_seen_and_the_other_way_round():
    published = conservation.published_once([entry(1)])
    conservation.has_pending_records([entry(1)], published)
    with pytest.raises(AssertionError, match="without a PENDING record"):
        conservation.has_pending_records([], published)
    with pytest.raises(AssertionError, match="without an entry"):
        conservation.has_pending_records([entry(1), entry(2)], published)


class Told:
    """A place with one failure in its log, or a daemon that lists these."""

    def __init__(self, *listed):
        self._listed = [fields_of(one) for one in listed]

    def failure_log(self):
        return [record(0, failure(ONE)[1])]

    def whole(self):
        return self._listed


def test_a_member_that_lists_less_or_more_than_the_failure_log_says_is_seen():
    other, silent = Identity("b", "other", "v", "s"), Told()
    silent.whole = lambda: None
    conservation.log_that_is_listed(Told(), [Told(ONE), Told(ONE)])
    for wrong, said in ((Told(), "lacks 1 of 1"), (Told(ONE, other), "has 1 too many"),
                        (silent, "is not known")):
        with pytest.raises(TooLate, match=said):
            conservation.log_that_is_listed(Told(), [Told(ONE), wrong], deadline_s=0.1)


def test_a_condition_that_never_comes_true_says_what_was_waited_for():
    with pytest.raises(TooLate, match="the impossible.*last seen: 0"):
        wait_for(lambda: 0, "the impossible", deadline_s=0.1)
