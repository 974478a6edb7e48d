# SPDX-License-Identifier: Apache-2.0
"""A broker that was killed may have lost the end of a transaction: nobody waits for it for ever."""
import signal

import pytest

from backbeat import Pipeline
from conftest import PARTITIONS
from daemon import wait_listed
from first_day import works
from hanging import hang_offsets, hang_record, new_producer, running_producer
from kafka_util import failure, identity_of, partition_of, record_key
from samples import identities
from waiting import outlast, wait_for


@pytest.fixture
def credulous_place(bare_place):
    bare_place.broker.believe_producers()
    bare_place.broker.start()
    return bare_place.create_topics()


def transactional_id(place, instance):
    return f"crr-retryd-{place.name}-group-{instance}"


def hang(place, instance, producer_of):
    name = transactional_id(place, instance)
    hang_offsets(place.broker, name, producer_of(place.broker, name), f"{place.name}-group",
                 place.failures, {partition: 7 for partition in range(PARTITIONS)})


def test_offsets_that_our_last_life_left_hanging_are_ended(credulous_place):
    daemon = credulous_place.start()
    daemon.kill()
    hang(credulous_place, f"{credulous_place.name}-0", new_producer)
    works(credulous_place, daemon.start(), 20)


def test_offsets_that_a_dead_member_left_hanging_are_ended(credulous_place):
    credulous_place.start(instance__id="gone-1").kill()
    hang(credulous_place, "gone-1", new_producer)
    works(credulous_place, credulous_place.daemon(instance__id="left-2").start(), 20)


def test_offsets_that_hang_while_we_live_are_ended(credulous_place):
    """All is restored, and by itself no transaction comes of the producer that left them: no claim
    either, for the consumer does not look for the new partition."""
    daemon = credulous_place.start(
        kafka__consumer_properties__topic__metadata__refresh__interval__ms=600000)
    hang(credulous_place, f"{credulous_place.name}-0", running_producer)
    credulous_place.cluster.grow_topic(credulous_place.failures, PARTITIONS + 1)
    daemon.wait_event("partition_waits", waiting_for="open transaction")
    wait_for(lambda: daemon.ready()["partitions"] == {"assigned": PARTITIONS, "ready": PARTITIONS},
             "all that is assigned to be restored")
    assert not daemon.events("producer_fenced")


@pytest.fixture
def pipeline(credulous_place):
    return Pipeline(credulous_place)


def hang_intake(pipeline, producer_of):
    place = pipeline.place
    name = transactional_id(place, f"{place.name}-0") + "-intake"
    hang_offsets(place.broker, name, producer_of(place.broker, name),
                 f"{place.name}-group-intake", pipeline.failed, {0: 0})


def check_takes_in(pipeline, daemon, first):
    found = identities(20)[first:]
    pipeline.fail(found)
    wait_listed(daemon, 20)


def test_offsets_that_our_last_lifes_intake_left_hanging_are_ended(pipeline):
    daemon = pipeline.start()
    pipeline.fail(identities(20)[:10])
    wait_listed(daemon, 10)
    daemon.kill()
    hang_intake(pipeline, new_producer)
    check_takes_in(pipeline, daemon.start(), 10)


def test_offsets_of_the_intake_that_hang_while_we_live_are_ended(pipeline):
    daemon = pipeline.start()
    pipeline.fail(identities(20)[:10])
    wait_listed(daemon, 10)
    hang_intake(pipeline, running_producer)
    daemon.signal(signal.SIGSTOP)
    outlast(12, daemon.is_running)
    daemon.signal(signal.SIGCONT)
    check_takes_in(pipeline, daemon, 10)


@pytest.mark.parametrize("whose", ["", "-intake"])
def test_a_record_that_our_last_life_left_hanging_is_read(pipeline, whose):
    """Of an intake that has nothing to take in, too."""
    place = pipeline.place
    name = transactional_id(place, f"{place.name}-0") + whose
    daemon = pipeline.start()
    daemon.kill()
    found = identities(1)[0]
    key, value = failure(found)
    hang_record(place.broker, name, new_producer(place.broker, name), place.failures,
                partition_of(record_key(found), PARTITIONS), key, value)
    daemon.start().wait_ready()
    assert {identity_of(v) for v in wait_listed(daemon, 1)} == {found}
    assert daemon.events("txn_cleared", outcome="done")
