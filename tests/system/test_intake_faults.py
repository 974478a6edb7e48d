# SPDX-License-Identifier: Apache-2.0
"""Killed, fenced, started late: each foreign record is taken in once, and outcomes come behind
their failures."""
import collections
import random
import signal
import threading

import pytest
from confluent_kafka import Producer

from backbeat import Pipeline, failed_entry, identity_of_version, queue_entry
from daemon import wait_listed
from group import QUICK, wait_shared
from kafka_util import identity_of
from model import fold, with_status
from samples import identities
from waiting import wait_for

KILLS, KILLS_LONG = 20, 100
STREAM = 6000           # records of the failed topic
RECORDS_BETWEEN_FAULTS = 200
SOME, MANY = 100, 20000
RESTARTS = FENCINGS = 5


@pytest.fixture
def pipeline(place):
    return Pipeline(place)


class Stream:
    """A pipeline that goes on while daemons die: what it says is kept as the truth."""

    def __init__(self, pipeline, seed):
        self.pipeline, self.random = pipeline, random.Random(seed)
        self.known = [identity_of_version("b", f"k{i}", "1", "s") for i in range(400)]
        self.failures = collections.Counter()      # (identity, FailedAt in ms)
        self.produced, self.over = 0, False

    def produce(self):
        """Of one identity all records are in one partition: their order is that of the truth."""
        while self.produced < STREAM and not self.over:
            rows = []
            for _ in range(50):
                identity = self.random.choice(self.known)
                self.produced += 1
                self.failures[identity, self.produced] += 1
                rows.append(self._row(identity, *failed_entry(identity, self.produced)))
            self.pipeline.tell(self.pipeline.failed, rows)

    def _row(self, identity, key, value):
        return key, value, {"partition": self.known.index(identity) % 3}


def check_exactly_once(stream, place):
    written = collections.Counter()
    for record in place.failure_log():
        for identity, state in fold([record]).items():
            written[identity, state.fields["FailedAt"]] += 1
    wanted = collections.Counter()
    for (identity, ms), count in stream.failures.items():
        wanted[identity, f"1970-01-01T00:00:{ms // 1000:02}.{ms % 1000:03}Z"] += count
    assert written == wanted, (written - wanted, wanted - written)


def taken(place):
    return len(place.cluster.read(place.failures, is_quiet=False))


class Running:
    """A stream, and the moments at which something is done to whoever takes it in."""

    def __init__(self, pipeline):
        seed = random.randrange(1 << 32)
        print(f"seed {seed}")
        self.stream, self.place = Stream(pipeline, seed), pipeline.place
        self._random = random.Random(seed)
        self._producer = threading.Thread(target=self.stream.produce)

    def __enter__(self):
        self._producer.start()
        return self

    def __exit__(self, *_):
        self.stream.over = True
        self._producer.join()

    def some_more(self):
        """Wait for a random number of records more, if there are any."""
        target = taken(self.place) + self._random.randint(1, RECORDS_BETWEEN_FAULTS)
        wait_for(lambda: not self._producer.is_alive() or taken(self.place) >= target,
                 "more to be taken in")

    def check(self, daemon):
        self._producer.join()
        daemon.wait_ready()
        wait_for(lambda: taken(self.place) >= self.stream.produced, "all to be taken in", 120)
        check_exactly_once(self.stream, self.place)
        truth = fold(self.place.failure_log())
        assert {identity_of(v) for v in daemon.walk()} == set(with_status(truth, "FAILED"))
        print(f"{self.stream.produced} records taken in once each")


@pytest.mark.timeout(600)
def test_killed_at_any_moment_each_record_is_taken_in_once(pipeline, request):
    daemon = pipeline.start()
    with Running(pipeline) as running:
        for _ in range(KILLS_LONG if request.config.getoption("--long") else KILLS):
            running.some_more()
            daemon.kill()
            daemon.start()
        running.check(daemon)


def producer_of_the_intake(place, daemon, **config):
    """Another process with the name of its intake's producer: it fences that one."""
    name = daemon.wait_event("producer_ready")["transactional_id"].removesuffix("-intake")
    other = Producer({"bootstrap.servers": place.broker.bootstrap,
                      "log_level": 2, "transactional.id": f"{name}-intake"} | config)
    other.init_transactions(20)
    return other


def test_fenced_at_any_moment_each_record_is_taken_in_once(pipeline):
    """How its transaction ended is not known then; what was read behind it must not pass it by."""
    daemon = pipeline.start(retry__max_transaction_entries=50)
    with Running(pipeline) as running:
        for _ in range(FENCINGS):
            running.some_more()
            producer_of_the_intake(pipeline.place, daemon)
            running.some_more()
            daemon.stop()       # fenced again and again without an outage it would give up
            daemon.start()
        running.check(daemon)


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


def test_an_heir_does_not_wait_for_the_transaction_of_a_dead_intake(pipeline):
    """Only the intake's producer left one open: the barrier of the heir knows nothing of it."""
    place = pipeline.place
    victim = pipeline.daemon(instance__id=f"{place.name}-m0x", **QUICK).start()
    heir = pipeline.daemon(instance__id=f"{place.name}-m1x", **QUICK).start()
    wait_shared([victim, heir])
    victim.signal(signal.SIGSTOP)
    left = producer_of_the_intake(place, victim, **{"transaction.timeout.ms": 60000})
    left.begin_transaction()
    for p in range(6):
        left.produce(place.failures, key=b"open", value=b"{}", partition=p)
    left.flush(20)
    victim.kill()
    place.fail(identities(SOME))
    wait_listed_of(heir, SOME, 40)      # the transaction would last 60 s and more


def wait_listed_of(daemon, count, deadline_s):
    def listed():
        page = daemon.get("/_/crr/failed", max_keys=1000)
        return page.status == 200 and len(page.json()["Versions"]) == count
    wait_for(listed, f"{count} entries at {daemon.output}", deadline_s)
