# SPDX-License-Identifier: Apache-2.0
"""A Backbeat pipeline that fails, succeeds and fails again, and what the failure log must say then.

An object version is spoken of again APART_MS later at the earliest, by either topic: the topics are
told one after the other, and what lies there by then keeps the order of its times.
"""
import random
import threading
import time
from collections import Counter, defaultdict, deque

from backbeat import failed_entry, on_the_wire, queue_entry
from conservation import log_that_is_listed
from daemon import wait_listed
from kafka_util import Identity, identity_of, identity_of_key
from model import fold, parse
from waiting import wait_for

OBJECTS, VERSIONS, SITES = 150, ("98", "97", ""), ("aws-east", "gcp")
FINE = 100              # objects that never fail
APART_MS = 1100
BATCH = 40              # records that are produced at once
AHEAD = 600             # records that may lie there before the next batch
FAILED_ENTRY, ONE_SITE, ALL_SITES, NEVER_FAILED = range(4)
KINDS = [FAILED_ENTRY] * 5 + [ONE_SITE] * 2 + [ALL_SITES] * 2 + [NEVER_FAILED]


def clock_ms():
    return time.time_ns() // 1000000


def time_text(ms):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + f".{ms % 1000:03}Z"


class Failure:
    """One failure of an identity, and how many outcomes the stream told before its next one."""

    def __init__(self, failed_at):
        self.failed_at, self.outcomes = failed_at, 0

    def __repr__(self):
        return f"{self.failed_at} +{self.outcomes}"


class Story:
    """All that was said of each identity, in order. Its first chapter is without a failure."""

    def __init__(self):
        self.chapters = defaultdict(lambda: [Failure(None)])

    def fails(self, identity, failed_at):
        self.chapters[identity].append(Failure(failed_at))

    def succeeds(self, identity):
        self.chapters[identity][-1].outcomes += 1

    def failures(self):
        return Counter((identity, failure.failed_at)
                       for identity, chapters in self.chapters.items() for failure in chapters[1:])

    def outcomes(self):
        return Counter({identity: sum(failure.outcomes for failure in chapters)
                        for identity, chapters in self.chapters.items()})

    def open(self):
        """{identity: FailedAt} of those whose last failure no outcome followed."""
        return {identity: chapters[-1].failed_at for identity, chapters in self.chapters.items()
                if chapters[-1].failed_at and not chapters[-1].outcomes}


def story_of(records):
    """What the intake wrote into a failure log: settlements of owners, and ends of transactions
    that an outage may have swallowed, are no part of it."""
    story = Story()
    for record in records:
        if record.headers.keys() & {"crr-settles", "crr-outcome"}:
            continue
        identity, fields = parse(record)
        assert fields is not None and identity == identity_of_key(record.key), record
        if fields.get("ReplicationStatus") == "COMPLETED":
            story.succeeds(identity)
        else:
            story.fails(identity, fields["FailedAt"])
    return story


def differences(told, written):
    """Each failure is written once; the first outcome behind it too, and no outcome twice. One that
    finds no failure may be written, or not."""
    found = []
    for identity in told.chapters.keys() | written.chapters.keys():
        wanted, got = told.chapters[identity], written.chapters[identity]
        same = [f.failed_at for f in wanted] == [f.failed_at for f in got]
        if not same or not all(bool(w.failed_at and w.outcomes) <= g.outcomes <= w.outcomes
                               for w, g in zip(wanted, got)):
            found.append(f"{identity}: told {wanted}, written {got}")
    return found


class Stream(threading.Thread):
    """Goes on until stop(); never more than AHEAD records before those that take them in.

    `together`: all that is said of an object is in partitions of one number, else it is as
    Backbeat's keys say.
    """

    def __init__(self, pipeline, seed, together=False):
        super().__init__(daemon=True)
        self.pipeline, self.random, self.together = pipeline, random.Random(seed), together
        self.told, self.produced, self.error = Story(), 0, None
        self._now_ms = clock_ms()
        self._quiet = [(number, version) for number in range(OBJECTS) for version in VERSIONS]
        self._spoken = deque()      # (when, object version)
        self._over = threading.Event()

    def run(self):
        try:
            while not self._over.is_set():
                self._tell_some()
                wait_for(lambda: self._over.is_set() or self.produced - self.taken() < AHEAD,
                         "the stream to be taken in", 120)
        except Exception as error:
            self.error = error

    def stop(self):
        self._over.set()
        self.join(60)

    def taken(self):
        """How many records are done with: their offsets are committed."""
        place = self.pipeline.place
        return sum(place.cluster.committed(f"{place.name}-group-intake").values())

    # --- what it says -------------------------------------------------------------------------

    def _tell_some(self):
        """Each of these records has a time of its own, and of each version they speak once."""
        wait_for(self._some_are_quiet, "object versions to be quiet for a while")
        rows, count = {self.pipeline.failed: [], self.pipeline.status: []}, 0
        self._now_ms = max(self._now_ms, clock_ms() - BATCH)
        while self._quiet and count < BATCH:
            self._now_ms, count = self._now_ms + 1, count + 1
            topic, number, (key, value) = self._say()
            where = {"partition": number % self.pipeline.partitions} if self.together else {}
            rows[topic].append((key, value, {"timestamp": self._now_ms} | where))
        for topic, some in rows.items():
            self.pipeline.tell(topic, some)
        self.produced += count

    def _some_are_quiet(self):
        while self._spoken and self._spoken[0][0] < clock_ms() - APART_MS:
            self._quiet.append(self._spoken.popleft()[1])
        return self._quiet

    def _say(self):
        kind = self.random.choice(KINDS)
        if kind == NEVER_FAILED:
            number = self.random.randrange(FINE)
            return self._say_status(number, f"fine/{number:03}", "98", {SITES[0]: "COMPLETED"})
        number, version = self._version()
        key = f"a:b/{number:03}"
        if kind == FAILED_ENTRY:
            identity = Identity("b", key, on_the_wire(version), self.random.choice(SITES))
            self.told.fails(identity, time_text(self._now_ms))
            return self.pipeline.failed, number, failed_entry(identity, self._now_ms)
        statuses = {site: self.random.choice(("FAILED", "COMPLETED", "COMPLETED", "PENDING"))
                    for site in SITES}
        return self._say_status(number, key, version, statuses,
                                self.random.choice(SITES) if kind == ONE_SITE else None)

    def _say_status(self, number, key, version, statuses, only=None):
        for site, status in statuses.items():
            identity = Identity("b", key, on_the_wire(version), site)
            if only in (None, site) and status == "FAILED":
                self.told.fails(identity, time_text(self._now_ms))
            elif only in (None, site) and status == "COMPLETED":
                self.told.succeeds(identity)
        return self.pipeline.status, number, queue_entry("b", key, version, statuses, only)

    def _version(self):
        """An object version of which nothing was said for a while."""
        i = self.random.randrange(len(self._quiet))
        self._quiet[i], self._quiet[-1] = self._quiet[-1], self._quiet[i]
        self._spoken.append((self._now_ms, self._quiet.pop()))
        return self._spoken[-1][1]


class Running:
    """A stream, and the moments at which something is done to those that take it in."""

    def __init__(self, pipeline, together=False, most_between=200):
        seed = random.randrange(1 << 32)
        print(f"seed {seed}")
        self.place, self.random = pipeline.place, random.Random(seed)
        self.stream = Stream(pipeline, seed, together)
        self._most_between = most_between

    def __enter__(self):
        self.stream.start()
        return self

    def __exit__(self, kind, *_):
        self.stream.stop()
        if kind is None and self.stream.error:
            raise self.stream.error

    def some_more(self):
        """A random number of records more were taken in."""
        target = self.stream.taken() + self.random.randint(1, self._most_between)
        wait_for(lambda: self.stream.error or self.stream.taken() >= target,
                 "more to be taken in", 120)

    def check(self, daemons):
        """After the stream: what is in the failure log is what was told, and is what is listed."""
        told, written = self._all_is_taken_in(daemons)
        wrong = differences(told, written)
        assert not wrong, f"{len(wrong)} identities: " + "\n".join(wrong[:5])
        assert self._listed(daemons) == told.open()

    def check_unordered(self, daemons):
        """Members read what is said of an identity each at its own pace: each failure is written
        once, and none is closed by an outcome from before it. One whose outcome came before it may
        be listed still."""
        told, written = self._all_is_taken_in(daemons)
        assert told.failures() == written.failures()
        assert not written.outcomes() - told.outcomes(), "an outcome was written twice"
        listed = self._listed(daemons)
        lost = [i for i, at in told.open().items() if listed.get(i) != at]
        assert not lost, f"{len(lost)} failures are not listed: {lost[:3]}"
        assert listed.keys() <= told.chapters.keys()

    def _all_is_taken_in(self, daemons):
        """What was told, and what is in the failure log of it."""
        stream, told = self.stream, self.stream.told
        wait_for(lambda: stream.taken() == stream.produced, "all to be taken in", 120)
        for daemon in daemons:
            daemon.wait_ready()
        written = story_of(self.place.failure_log())
        print(f"{stream.produced} records, {count(told)} taken in as {count(written)}; "
              f"{len(told.open())} of {len(told.chapters)} identities have failed last")
        return told, written

    def _listed(self, daemons):
        """{identity: FailedAt} of what each member lists, which is what the log says."""
        truth = fold(log_that_is_listed(self.place, daemons))
        found = {identity_of(v): v["FailedAt"] for v in wait_listed(daemons[0], len(truth))}
        assert found == {i: s.fields["FailedAt"] for i, s in truth.items()}
        return found


def count(story):
    chapters = [f for chapters in story.chapters.values() for f in chapters]
    return (f"{sum(f.failed_at is not None for f in chapters)} failures "
            f"and {sum(f.outcomes for f in chapters)} outcomes")
