# SPDX-License-Identifier: Apache-2.0
"""Killed, cut off, doubled: conservation holds whatever ends in the middle of what."""
import random
import signal

import pytest

import conservation
from daemon import FAILED
from kafka_util import fields_of, identity_of
from model import fold
from samples import identities
from waiting import outlast, wait_for
from writers import Crowd, shares_of

WRITERS, BATCH = 32, 3
ROUND = WRITERS * BATCH * 2      # identities: two batches a writer
ANSWERS_BETWEEN_FAULTS = 60


class Refailing:
    """Batches without an end for one writer: what was retried fails again before it comes back."""

    def __init__(self, place, batches):
        self._place, self._batches, self.over = place, batches, False

    def __iter__(self):
        while not self.over:
            for batch in self._batches:
                yield batch
                if self.over:
                    return
                self._place.fail(batch, ErrorCode="Again")


class Storm:
    """32 writers on the running daemons, and faults between their answers."""

    def __init__(self, place, daemon, seed):
        self.place, self.daemon, self.random = place, daemon, random.Random(seed)
        self.daemons = [daemon]
        self.known = identities(ROUND)
        self.shares = [Refailing(place, s) for s in shares_of(self.known, WRITERS, BATCH)]
        place.fail(self.known)
        print(f"seed {seed}")

    def __enter__(self):
        self.daemon.start().wait_ready()
        self.crowd = Crowd(lambda: self.daemons, self.shares)
        self.crowd.__enter__()
        return self

    def __exit__(self, kind, *rest):
        for share in self.shares:
            share.over = True
        self.crowd.__exit__(kind, *rest)
        if kind is None:
            print(f"{self.crowd.count()} whole results, {self.crowd.repeats()} repeats")

    def some_answers(self):
        """Wait until the writers were told more: they are at work again, at a random point."""
        target = self.crowd.count() + self.random.randint(1, ANSWERS_BETWEEN_FAULTS)
        wait_for(lambda: self.crowd.count() >= target, f"{target} whole results", 90)

    def kill_daemon(self):
        self.some_answers()
        self.daemon.kill()
        self.daemon.start()

    def kill_broker(self):
        self.some_answers()
        self.place.broker.kill()
        self.place.broker.start()

    def restart_broker(self):
        self.some_answers()
        self.place.broker.stop()
        self.place.broker.start()

    def check(self):
        self.daemon.wait_ready()
        conservation.check(self.place, [self.daemon], self.known, self.crowd.answers())


def storm_of(storm, kills, restarts):
    """The faults in a random order, so many daemon kills and broker restarts."""
    faults = [storm.kill_daemon] * kills + [storm.kill_broker] * ((restarts + 1) // 2) + [
        storm.restart_broker] * (restarts // 2)
    storm.random.shuffle(faults)
    with storm:
        for fault in faults:
            fault()
        storm.some_answers()
    storm.check()


@pytest.mark.timeout(600)
def test_twenty_kills_and_three_broker_restarts_lose_and_double_nothing(own_place, request):
    long = request.config.getoption("--long")
    if long:
        pytest.skip("the long storm has it all")
    storm_of(Storm(own_place, own_place.daemon(), seed=1), kills=20, restarts=3)


@pytest.mark.timeout(3600)
def test_a_hundred_kills_and_ten_broker_restarts_lose_and_double_nothing(own_place, request):
    if not request.config.getoption("--long"):
        pytest.skip("--long only")
    storm_of(Storm(own_place, own_place.daemon(), seed=2), kills=100, restarts=10)


@pytest.mark.parametrize("outage", ["pause", "kill"])
def test_an_outage_longer_than_the_transaction_timeout(own_place, outage):
    daemon = own_place.daemon(retry__transaction_timeout="1s", http__request_timeout="2s")
    storm = Storm(own_place, daemon, seed=3)
    with storm:
        storm.some_answers()
        broker = own_place.broker
        broker.pause() if outage == "pause" else broker.kill()
        outlast(5, daemon.is_running)
        daemon.wait_not_ready(waiting_for="broker")
        assert daemon.events("not_ready")[-1]["state"] == "waiting"
        assert daemon.get("/live").status == 200
        broker.resume() if outage == "pause" else broker.start()
        daemon.wait_ready()
        storm.some_answers()
    storm.check()


def test_a_daemon_that_was_stopped_by_a_signal_goes_on_where_it_was(own_place):
    """SIGSTOP past the session timeout: the group goes on without it, and takes it back."""
    daemon = own_place.daemon(retry__transaction_timeout="1s")
    storm = Storm(own_place, daemon, seed=4)
    with storm:
        storm.some_answers()
        daemon.signal(signal.SIGSTOP)
        outlast(12, daemon.is_running)
        daemon.signal(signal.SIGCONT)
        daemon.wait_ready()
        storm.some_answers()
    storm.check()


@pytest.mark.parametrize("instance", ["twin", "twin-0"])
def test_of_two_daemons_with_one_id_one_ends_and_nothing_is_doubled(own_place, instance):
    """With a number at the end the consumers fence each other, without it the producers do."""
    twins = [own_place.daemon(instance__id=instance) for _ in range(2)]
    storm = Storm(own_place, twins[0], seed=5)
    with storm:
        storm.some_answers()
        storm.daemons.append(twins[1].start())
        wait_for(lambda: sum(t.is_running() for t in twins) == 1, "one of the twins to end", 150)
        survivor, loser = sorted(twins, key=lambda t: not t.is_running())
        loser.expected_exits = {1}
        survivor.wait_ready()
        storm.some_answers()
    assert loser.wait_exit() == 1
    assert loser.events("producer_lost") or loser.events("consumer_lost")
    storm.daemon = survivor
    storm.check()


def is_honest(daemon, known):
    """Asked now, it tells the whole list, or that it cannot, or what is missing."""
    reply = daemon.get(FAILED, partial="true", max_keys=1000)
    if reply.status != 200:
        assert reply.status == 503, reply
        return None
    page = reply.json()
    if "Coverage" not in page:
        assert {identity_of(v) for v in page["Versions"]} == known, "partial, and it looks whole"
    return page


def test_a_second_daemon_of_the_group_never_makes_a_partial_list_look_whole(place):
    known = set(identities(600))
    place.fail(known)
    first = place.start(instance__id="first")
    assert {identity_of(v) for v in first.walk()} == known
    second = place.daemon(instance__id="second").start()

    def both_know_all():
        pages = [is_honest(d, known) for d in (first, second)]
        ready = second.ready()
        return (all(p and "Coverage" not in p for p in pages) and ready
                and ready["partitions"]["ready"] == 3)
    wait_for(both_know_all, "each to have its half and to tell all")
    retried = sorted(known)[0]
    assert first.retry([fields_of(retried)]).status == 200

    second.kill()
    wait_for(lambda: is_honest(first, known - {retried}) and
             first.get(FAILED).status == 200, "the first to take over")
    assert {identity_of(v) for v in first.walk()} == known - {retried}
    assert len(fold(place.failure_log())) == len(known)
