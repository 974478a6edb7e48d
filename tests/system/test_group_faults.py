# SPDX-License-Identifier: Apache-2.0
"""Members come, go, crash and hang under load: nothing is lost, doubled, or looks whole that is
not."""
import random
import signal

import pytest

import conservation
from group import Members, Reader, Watch, positions, wait_shared
from kafka_util import partition_of, record_key
from samples import identities
from test_faults import Refailing
from waiting import outlast, wait_for
from writers import Crowd, shares_of

WRITERS, READERS, BATCH = 64, 4, 3
RETRIED = WRITERS * BATCH * 2
UNTOUCHED = 400


class GroupStorm:
    """Writers and readers at work on a group that changes between their answers."""

    def __init__(self, place, seed, members=3, writers=WRITERS, **settings):
        self.place, self.random, self.seed = place, random.Random(seed), seed
        self.members = Members(place, **settings)
        self.known = identities(writers * BATCH * 2)
        self.quiet = identities(UNTOUCHED, prefix="quiet", sites=["quiet"])
        self.shares = [Refailing(place, s) for s in shares_of(self.known, writers, BATCH)]
        place.fail(self.known + self.quiet)
        self._first = members

    def __enter__(self):
        print(f"seed {self.seed}")
        self.members.start(self._first)
        self.readers = [Reader(self.members, self.quiet, "quiet", self.seed + i)
                        for i in range(READERS)]
        self.watch = Watch(self.members)
        self.crowd = Crowd(self.members.asked, self.shares)
        self.crowd.__enter__()
        for thread in [*self.readers, self.watch]:
            thread.start()
        return self

    def __exit__(self, kind, *rest):
        for daemon in self.members.paused:
            daemon.signal(signal.SIGCONT)
        for share in self.shares:
            share.over = True
        self.watch.stop()
        self.crowd.__exit__(kind, *rest)
        if kind is None:
            for reader in self.readers:
                reader.stop()

    def some_answers(self, most=40):
        target = self.crowd.count() + self.random.randint(1, most)
        wait_for(lambda: self.crowd.count() >= target, f"{target} whole results", 120)

    def say_moving(self, moving):
        for reader in self.readers:
            reader.moving.set() if moving else reader.moving.clear()

    def some_whole_lists(self):
        """Each reader has seen one from now on."""
        targets = [r.whole + 2 for r in self.readers]
        wait_for(lambda: all(r.whole >= n or r.error for r, n in zip(self.readers, targets)),
                 "whole lists", 120)

    def any_member(self):
        return self.random.choice(self.members.running)

    def check(self):
        wait_shared(self.members.running)
        conservation.check(self.place, self.members.running, self.known + self.quiet,
                           self.crowd.answers())
        whole = sum(r.whole for r in self.readers)
        assert whole > 0
        statuses = sum((r.statuses for r in self.readers), start=type(self.readers[0].statuses)())
        print(f"{self.crowd.count()} whole results, {self.crowd.repeats()} repeats, {whole} whole "
              f"lists, pages by status {dict(statuses)}; {self.watch.report()}")

    # --- changes ------------------------------------------------------------------------------

    def join_one(self):
        names = self.members.names_not_running()
        name = self.random.choice(names) if names else f"n{len(self.members.running)}x"
        self.members.join(name)

    def leave_one(self):
        self.members.leave(self.any_member())

    def kill_one(self):
        self.members.kill(self.any_member())

    def hang_one(self):
        """Longer than the session: it comes back as somebody whom the group has forgotten."""
        daemon = self.any_member()
        self.members.running.remove(daemon)
        self.members.paused.append(daemon)
        daemon.signal(signal.SIGSTOP)
        outlast(8, daemon.is_running)
        daemon.signal(signal.SIGCONT)
        self.members.paused.remove(daemon)
        self.members.running.append(daemon)

    def change(self):
        """One change of membership; between two and five members stay."""
        n = len(self.members.running)
        changes = [self.hang_one]
        changes += [self.join_one] * 2 if n < 5 else []
        changes += [self.leave_one, self.kill_one] if n > 2 else []
        self.random.choice(changes)()
        self.some_answers()


@pytest.mark.timeout(900)
def test_twenty_changes_of_membership_lose_and_double_nothing(own_place, request):
    if request.config.getoption("--long"):
        pytest.skip("the long storm has it all")
    storm_of(own_place, changes=20, seed=11)


@pytest.mark.timeout(7200)
def test_two_hundred_changes_of_membership_lose_and_double_nothing(own_place, request):
    if not request.config.getoption("--long"):
        pytest.skip("--long only")
    storm_of(own_place, changes=200, seed=12)


def storm_of(place, changes, seed):
    storm = GroupStorm(place, seed)
    with storm:
        storm.some_answers()
        for _ in range(changes):
            storm.change()
    storm.check()


def test_it_grows_to_six_and_shrinks_to_two_under_load(own_place):
    storm = GroupStorm(own_place, seed=13, members=1, writers=24)
    with storm:
        for n in (3, 6):
            while len(storm.members.running) < n:
                storm.join_one()
            wait_shared(storm.members.running)
            storm.some_answers()
        while len(storm.members.running) > 2:
            storm.leave_one()
        storm.some_answers()
    storm.check()


def test_two_of_three_are_killed_at_once(own_place):
    storm = GroupStorm(own_place, seed=14, writers=24)
    with storm:
        storm.some_answers()
        for daemon in storm.members.running[1:]:
            storm.members.kill(daemon)
        storm.some_answers()
    storm.check()


def test_an_owner_that_stood_still_for_a_minute_is_refused_and_comes_back(own_place):
    storm = GroupStorm(own_place, seed=15, writers=24)
    with storm:
        storm.some_answers()
        zombie = storm.members.running[0]
        storm.members.running.remove(zombie)
        storm.members.paused.append(zombie)
        zombie.signal(signal.SIGSTOP)
        outlast(60, zombie.is_running)
        zombie.signal(signal.SIGCONT)
        storm.members.paused.remove(zombie)
        zombie.wait_event("revoked", lost=True)
        storm.members.running.append(zombie)
        wait_shared(storm.members.running)
        storm.some_answers()
    storm.check()


def test_the_broker_restarts_during_a_rebalance(own_place):
    storm = GroupStorm(own_place, seed=16, writers=24)
    with storm:
        storm.some_answers()
        storm.join_one()
        own_place.broker.stop()
        own_place.broker.start()
        wait_shared(storm.members.running)
        storm.some_answers()
    storm.check()


def test_more_members_than_partitions(own_place):
    storm = GroupStorm(own_place, seed=17, members=2, writers=24)
    with storm:
        while len(storm.members.running) < 8:
            storm.join_one()
        wait_shared(storm.members.running)
        storm.some_answers()
    storm.check()


def test_partitions_are_added_while_it_runs(own_place):
    storm = GroupStorm(own_place, seed=18, writers=24)
    with storm:
        storm.some_answers()
        storm.say_moving(True)
        own_place.cluster.grow_topic(own_place.failures, 9)
        wait_shared(storm.members.running, partitions=9)
        storm.some_answers()
        wait_for(lambda: moved_home(own_place, storm.quiet, 9),
                 "every quiet failure to be in its partition")
        ends = own_place.cluster.committed_ends(own_place.failures)
        wait_for(lambda: have_read(storm.members.running, ends), "all moves to be read")
        storm.say_moving(False)
        storm.some_whole_lists()
    told = conservation.published_once(own_place.retry_entries(), own_place.failure_log())
    assert conservation.answered(storm.crowd.answers()) <= told.keys()


def have_read(daemons, ends):
    """Owners have read that far: until then each lists a failure that moved at either place."""
    read = positions(daemons)
    return all(read.get(p, -1) >= end for p, end in ends.items())


def moved_home(place, identities_, partitions):
    """What a compacted log would hold of them: one record each, in the partition of its key."""
    log = place.cluster.read(place.failures, is_quiet=False)
    last = {(r.partition, r.key): r.value for r in log}
    keys = set(map(record_key, identities_))
    return {at for at, value in last.items() if value is not None and at[1] in keys} == {
        (partition_of(key, partitions), key) for key in keys}


def test_a_rolling_restart(own_place):
    storm = GroupStorm(own_place, seed=19, writers=24)
    with storm:
        for name in ("m0x", "m1x", "m2x"):
            storm.some_answers()
            storm.members.leave(storm.members._all[name])
            storm.members.join(name)
            wait_shared(storm.members.running)
    storm.check()
