# SPDX-License-Identifier: Apache-2.0
"""group: three members against one, through an owner and through another, and how long partitions
are without an owner."""
import concurrent.futures
import datetime
import itertools
import signal
import time
import urllib.parse

from daemon import FAILED
from group import QUICK, cluster, wait_shared
from pages import LOOKUP_CONNECTIONS, PAGE, SITE
from report import AtMost, measured
from stage import PARTITIONS, START_DEADLINE_S

MEMBERS = 3
OBJECTS = 500
MARKERS = 2**43  # of a partition


class Group:
    """Members of one group of their own, started and sharing the partitions."""

    names = itertools.count(1)

    def __init__(self, stage, topics, members):
        self._stage, self._topics = stage, topics
        self._name = f"{topics.name}-members-{next(self.names)}"
        self.daemons = [self._start(i) for i in range(members)]
        self.wait()

    def _start(self, i):
        return self._stage.daemon(self._topics, kafka__group=self._name,
                                  instance__id=f"{self._name}-m{i}x", **QUICK)

    def wait(self):
        wait_shared(self.daemons, PARTITIONS, START_DEADLINE_S)

    def owner(self, partition):
        """(the member that holds it, one that does not)."""
        urls = {"http://%s:%d" % d.address: d for d in self.daemons}
        for member in cluster(self.daemons[0])["members"]:
            if partition in member["claims"]:
                owner = urls[member["url"]]
                return owner, next(d for d in self.daemons if d is not owner)
        raise AssertionError(f"nobody holds partition {partition}")

    def one_of(self, daemon):
        """A partition that it holds."""
        return next(p for p in range(PARTITIONS) if self.owner(p)[0] is daemon)

    def lose(self, daemon, end):
        """Seconds from its end until the others have all partitions: (all, until assigned)."""
        self.daemons.remove(daemon)
        seen = {d: len(d.events("assigned")) for d in self.daemons}
        began, began_utc = time.monotonic(), datetime.datetime.now(datetime.timezone.utc)
        end(daemon)
        self.wait()
        waited = time.monotonic() - began
        assigned = [e for d in self.daemons for e in d.events("assigned")[seen[d]:]]
        first = min(datetime.datetime.fromisoformat(e["time"].replace("Z", "+00:00"))
                    for e in assigned)
        return waited, (first - began_utc).total_seconds()

    def stop(self):
        for daemon in self.daemons:
            daemon.stop()


def _pages(stage, daemon, sizes):
    """The first page, which is of partition 0."""
    return stage.load_daemon(daemon, "get", f"{FAILED}?sitename={SITE}&max-keys={PAGE}",
                             requests=sizes.pages, warmup=sizes.pages // 10 + 1)


def _listing(stage, group, sizes):
    owner, other = group.owner(0)
    quiet, through = _pages(stage, owner, sizes), _pages(stage, other, sizes)
    other.signal(signal.SIGSTOP)  # for less than the session timeout
    try:
        beside = _pages(stage, owner, sizes)
    finally:
        other.signal(signal.SIGCONT)
    mine, theirs = (found["seconds"] / found["requests"] for found in (quiet, through))
    return [
        measured("a page of its own while a peer is stopped, p99 against before",
                 beside["p99_us"] / quiet["p99_us"], goal=AtMost(2)),
        measured("a page through another member against its owner", theirs / mine),
        measured("a page through its owner", mine * 1e3, "ms"),
        measured("a page through another member", theirs * 1e3, "ms"),
    ]


def _object(failure):
    """The path of a failure's identity."""
    place = "/".join(map(urllib.parse.quote, (failure["Bucket"], failure["Key"])))
    return f"{FAILED}/{place}?" + urllib.parse.urlencode(
        {"versionId": failure["VersionId"], "sitename": failure["StorageClass"]})


def _lookups(stage, group, sizes):
    """Of objects that the member holds itself; another one is stopped that nobody waits for any
    more, for less than the session timeout."""
    owner, other = group.owner(0)
    failures, _ = owner.page(sitename=SITE, max_keys=OBJECTS, marker=0)

    def load():
        return stage.load_daemon(owner, "get", *map(_object, failures),
                                 requests=sizes.lookups // 2, warmup=sizes.lookups // 20 + 1,
                                 connections=LOOKUP_CONNECTIONS)
    quiet, away = load(), group.one_of(other)
    other.signal(signal.SIGSTOP)
    try:
        page = owner.get(FAILED, partial="true", max_keys=1, marker=away * MARKERS).json()
        assert away in page["Coverage"]["Missing"], page
        beside = load()
    finally:
        other.signal(signal.SIGCONT)
    figures = []
    for percentile in ("p50", "p99"):
        before, then = quiet[f"{percentile}_us"], beside[f"{percentile}_us"]
        figures += [
            measured(f"own object while a peer is stopped, {percentile} against before",
                     then / before, goal=AtMost(2) if percentile == "p99" else None),
            measured(f"own object, {percentile}", before, "us"),
        ]
    return figures


def _retries(stage, group, step, first_row):
    """Retries a second, all members asked at once."""
    share = step.requests // len(group.daemons)

    def load(i):
        row = first_row + i * share * step.elements
        return stage.load_daemon(group.daemons[i], "retry", row, step.elements, requests=share,
                                 connections=max(1, step.clients // len(group.daemons)))

    with concurrent.futures.ThreadPoolExecutor() as pool:
        found = list(pool.map(load, range(len(group.daemons))))
    return share * len(found) * step.elements / max(f["seconds"] for f in found)


def _takeovers(group):
    killed, killed_assigned = group.lose(group.daemons[0], lambda d: d.kill())
    left, left_assigned = group.lose(group.daemons[0], lambda d: d.stop())
    return [
        measured("after kill -9: until another has all", killed, "s"),
        measured("after kill -9: of it the session timeout, until assigned", killed_assigned, "s"),
        measured("after kill -9: of it replay and barrier", killed - killed_assigned, "s",
                 AtMost(5)),
        measured("after SIGTERM: until another has all", left, "s"),
        measured("after SIGTERM: of it until assigned", left_assigned, "s", AtMost(2)),
    ]


def rounds(stage, sizes):
    step = sizes.group_retries
    per_round = 2 * step.requests * step.elements
    topics = stage.fill("group", max(sizes.rows, per_round * sizes.rounds))
    for number in range(sizes.rounds):
        first_row = number * per_round
        alone = Group(stage, topics, 1)
        one = _retries(stage, alone, step, first_row)
        alone.stop()
        members = Group(stage, topics, MEMBERS)
        figures = _listing(stage, members, sizes) + _lookups(stage, members, sizes)
        three = _retries(stage, members, step, first_row + per_round // 2)
        figures += [measured("retries, three members against one", three / one),
                    measured("retries, one member", one, "1/s"),
                    measured("retries, three members", three, "1/s")]
        figures += _takeovers(members)
        members.stop()
        yield figures

