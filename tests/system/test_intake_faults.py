# SPDX-License-Identifier: Apache-2.0
"""Killed, fenced, joined and left, started late: each foreign record has its one effect, and
outcomes come behind their failures."""
import signal

import pytest
from confluent_kafka import Producer

from backbeat import Pipeline, failed_entry, identity_of_version, queue_entry
from daemon import wait_listed
from group import QUICK, Members, wait_shared
from intake_stream import Running, clock_ms
from samples import identities
from waiting import wait_for

KILLS, KILLS_LONG = 20, 100
EARLY = 0.25            # the share of kills that do not wait for something to be taken in
ROUNDS_LONG = 8
SMALL_BATCHES = {"retry__max_transaction_entries": 50}
SOME, MANY = 100, 20000
RESTARTS = 5
FENCINGS, FENCINGS_LONG = 3, 20


@pytest.fixture
def pipeline(place):
    return Pipeline(place)


@pytest.mark.timeout(900)
def test_killed_at_any_moment_each_record_has_its_one_effect(pipeline, request):
    """While it takes in, or as soon as it may begin to."""
    daemon = pipeline.start(**SMALL_BATCHES)
    with Running(pipeline) as running:
        for _ in range(KILLS_LONG if request.config.getoption("--long") else KILLS):
            if running.random.random() < EARLY:
                daemon.wait_event("intake_assigned")
            else:
                running.some_more()
            daemon.kill()
            daemon.start()
    running.check([daemon])


def producer_of_the_intake(place, daemon, **config):
    """Another process with the name of its intake's producer: it fences that one."""
    name = daemon.wait_event("producer_ready")["transactional_id"].removesuffix("-intake")
    other = Producer({"bootstrap.servers": place.broker.bootstrap,
                      "log_level": 2, "transactional.id": f"{name}-intake"} | config)
    other.init_transactions(60)
    return other


@pytest.mark.timeout(900)
def test_fenced_at_any_moment_each_record_has_its_one_effect(pipeline, request):
    """How its transaction ended is not known then; what was read behind it must not pass it by."""
    daemon = pipeline.start(**SMALL_BATCHES)
    with Running(pipeline) as running:
        for _ in range(FENCINGS_LONG if request.config.getoption("--long") else FENCINGS):
            running.some_more()
            producer_of_the_intake(pipeline.place, daemon)
            running.some_more()
            daemon.stop()       # fenced again and again without an outage it would give up
            daemon.start()
    running.check([daemon])


def wait_intake_shared(daemons, partitions):
    """All partitions of the foreign topics are with those that run."""
    def shared():
        counts = [d.events("intake_assigned")[-1:] for d in daemons]
        return all(counts) and sum(c["n"] for [c] in counts) == partitions
    wait_for(shared, f"{partitions} foreign partitions shared by {len(daemons)} members")


@pytest.mark.timeout(900)
def test_members_come_and_go_and_each_record_has_its_one_effect(place, request):
    """Of six partitions each topic's p is with the same member while one, two or three share
    them: it reads both topics' records of an object, and so in their order."""
    pipeline = Pipeline(place, partitions=6)
    members = Members(place, **pipeline.settings(**SMALL_BATCHES))
    members.join("m0x").wait_ready()
    with Running(pipeline, together=True) as running:
        for _ in range(ROUNDS_LONG if request.config.getoption("--long") else 1):
            running.some_more()
            for name in members.names_not_running() or ("m1x", "m2x"):
                members.join(name)
            wait_shared(members.running)
            wait_intake_shared(members.running, 12)
            ways = [members.leave, members.kill]
            running.random.shuffle(ways)
            for goes in ways:
                running.some_more()
                goes(running.random.choice(members.running))
                wait_intake_shared(members.running, 12)
            running.some_more()
    wait_shared(members.running)
    running.check(members.running)


@pytest.mark.timeout(900)
def test_what_members_read_in_no_order_closes_no_newer_failure(place, request):
    """Failures and outcomes of an object are in partitions of different members, and those of one
    that is gone wait for an heir while the others go on."""
    pipeline = Pipeline(place, partitions=6)
    members = Members(place, **pipeline.settings(**SMALL_BATCHES))
    for name in ("m0x", "m1x", "m2x"):
        members.join(name)
    wait_shared(members.running)
    wait_intake_shared(members.running, 12)
    with Running(pipeline) as running:
        for _ in range(ROUNDS_LONG if request.config.getoption("--long") else 2):
            running.some_more()
            members.kill(running.random.choice(members.running))
            running.some_more()
            for name in members.names_not_running():
                members.join(name)
            wait_shared(members.running)
            wait_intake_shared(members.running, 12)
    running.check_unordered(members.running)
    late = sum(d.metric("crr_retry_records_late_total") for d in members.running)
    print(f"{late} records came late")


def test_an_outcome_that_comes_late_closes_no_newer_failure(pipeline):
    """A failure of which nobody has read yet that it had succeeded before."""
    now_ms = clock_ms()
    identity = identity_of_version("b", "k", "1", "s")
    daemon = pipeline.start()

    def succeeded(at_ms):
        key, value = queue_entry("b", "k", "1", {"s": "COMPLETED"})
        pipeline.tell(pipeline.status, [(key, value, {"timestamp": at_ms})])

    pipeline.fail([identity], failed_at_ms=now_ms - 5000)
    wait_listed(daemon, 1)
    succeeded(now_ms - 6000)
    wait_for(lambda: daemon.metric("crr_retry_records_late_total") == 1, "the outcome to be late")
    daemon.kill()
    daemon.start().wait_ready()
    wait_listed(daemon, 1)
    succeeded(now_ms - 4000)
    wait_listed(daemon, 0)


def test_a_restart_onto_a_backlog_passes_nothing_by(pipeline):
    daemon, count = pipeline.start(), 0
    for i in range(RESTARTS):
        daemon.stop()
        pipeline.fail(identities(SOME, f"round{i}"))
        count += SOME
        daemon.start().wait_ready()
        wait_listed(daemon, count)


def test_outcomes_do_not_overtake_their_failures_in_a_backlog(pipeline):
    """The failures are many, the outcomes few and in another topic: those come first to a reader."""
    failed = [identity_of_version("b", f"k{i}", "1", "s") for i in range(MANY)]
    pipeline.fail(failed)
    pipeline.tell(pipeline.status, [queue_entry(i.bucket, i.key, "1", {"s": "COMPLETED"})
                                    for i in failed[-SOME:]])
    daemon = pipeline.start()
    wait_listed(daemon, MANY - SOME)


def test_a_backlog_of_failures_that_both_topics_tell_of_has_nothing_that_comes_late(pipeline):
    """As a Backbeat tells them: FAILED on the status topic, a moment later the failed entry."""
    begin_ms, status, failed = clock_ms() - 600000, [], []
    for i in range(MANY // 10):
        at_ms = begin_ms + 2 * i
        identity = identity_of_version("b", f"k{i}", "1", "s")
        status.append(queue_entry("b", f"k{i}", "1", {"s": "FAILED"}) + ({"timestamp": at_ms},))
        failed.append(failed_entry(identity, at_ms + 20) + ({"timestamp": at_ms + 20},))
    pipeline.tell(pipeline.status, status)
    pipeline.tell(pipeline.failed, failed)
    daemon = pipeline.start()
    wait_listed(daemon, len(failed))
    wait_taken_in(pipeline, 2 * len(failed))
    assert daemon.metric("crr_retry_records_late_total") == 0
    assert daemon.metric("crr_retry_settlements_total", kind="rewritten") == 0


def wait_taken_in(pipeline, count):
    place = pipeline.place
    wait_for(lambda: sum(place.cluster.committed(f"{place.name}-group-intake").values()) == count,
             f"{count} foreign records to be taken in")


def test_an_heir_does_not_wait_for_the_transaction_of_a_dead_intake(pipeline):
    """Only the intake's producer left one open: the barrier of the heir knows nothing of it."""
    place = pipeline.place
    victim = pipeline.daemon(instance__id=f"{place.name}-m0x", **QUICK).start()
    heir = pipeline.daemon(instance__id=f"{place.name}-m1x", **QUICK).start()
    wait_shared([victim, heir])
    victim.signal(signal.SIGSTOP)
    left = producer_of_the_intake(place, victim, **{"transaction.timeout.ms": 600_000})
    left.begin_transaction()
    for p in range(6):
        left.produce(place.failures, key=b"open", value=b"{}", partition=p)
    left.flush(20)
    victim.kill()
    place.fail(identities(SOME))
    wait_listed(heir, SOME)     # the transaction would last ten minutes and more
