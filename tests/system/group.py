# SPDX-License-Identifier: Apache-2.0
"""Members of one group: started, watched, and asked all the while."""
import http.client
import random
import threading
import time
from collections import Counter

from daemon import FAILED
from kafka_util import identity_of
from waiting import PAUSE_S, wait_for

SESSION_MS = 6000
QUICK = {"kafka__consumer_properties__session__timeout__ms": SESSION_MS}
# Where nobody dies or stands still: who has to wait for a processor is not taken for gone.
CALM = {"kafka__consumer_properties__session__timeout__ms": 60_000, "peer__timeout": "20s"}


def cluster(daemon):
    return daemon.get("/_/cluster").json()


def positions(daemons):
    """{partition: the offset up to which its owner has read}, of those that are ready."""
    return {p["partition"]: p["position"] for d in daemons
            for p in cluster(d)["members"][0]["status"]["partitions"] if p["state"] == "ready"}


def wait_shared(daemons, partitions=6, deadline_s=90):
    """Every partition is ready at one of them, and all know whom to ask."""
    def shared():
        states = [d.ready() for d in daemons]
        if not all(s and s["ready"] for s in states):
            return False
        counts = [s["partitions"]["ready"] for s in states]
        if sum(counts) != partitions or max(counts) - min(counts) > 1:
            return False
        return all(cluster(d)["coverage"]["missing"] == [] for d in daemons)
    wait_for(shared, f"{partitions} partitions shared by {len(daemons)} members", deadline_s)


class Members:
    """A group that changes. Names are given once: a member that comes again is the same one."""

    def __init__(self, place, **settings):
        self.place, self._settings = place, QUICK | settings
        self._all, self.running, self.paused = {}, [], []

    def join(self, name):
        if name not in self._all:
            self._all[name] = self.place.daemon(
                instance__id=f"{self.place.name}-{name}", **self._settings)
        daemon = self._all[name].start()
        self.running.append(daemon)
        return daemon

    def start(self, n):
        for i in range(n):
            self.join(f"m{i}x")
        wait_shared(self.running)
        return self

    def leave(self, daemon):
        """SIGTERM, to one that catches it already; the exit is awaited."""
        self.running.remove(daemon)
        daemon.wait_event("started")
        assert daemon.stop() == 0

    def kill(self, daemon):
        self.running.remove(daemon)
        daemon.kill()

    def names_not_running(self):
        return [n for n, d in self._all.items() if d not in self.running and d not in self.paused]

    def asked(self):
        """Those that a client may ask: they run, or did a moment ago. A list that stays as it is,
        whoever joins and leaves while a thread takes one of it."""
        return list(self.running) or list(self._all.values())


class Reader(threading.Thread):
    """Lists everything again and again through any member; what is told as whole must be whole.

    `untouched` are identities of a site of their own that nobody retries: each is in every whole
    list, exactly once. While `moving` is set (the topic grew), a failure that moves between two
    pages may be seen at both of its places or at none.
    """

    def __init__(self, members, untouched, site, seed):
        super().__init__(daemon=True)
        self._members, self._untouched, self._site = members, Counter(untouched), site
        self._random, self._over = random.Random(seed), threading.Event()
        self.whole, self.statuses, self.error = 0, Counter(), None
        self.moving = threading.Event()

    def run(self):
        try:
            while not self._over.is_set():
                self._walk()
                self._over.wait(PAUSE_S)
        except Exception as error:
            self.error = error

    def _page(self, marker):
        """The page; None: this walk cannot go on."""
        daemon = self._random.choice(self._members.asked())
        try:
            reply = daemon.get(FAILED, sitename=self._site, marker=marker, max_keys=100)
        except (OSError, http.client.HTTPException):
            self.statuses["gone"] += 1
            return None
        self.statuses[reply.status] += 1
        assert reply.status in (200, 503, 504), reply
        assert reply.status != 503 or reply.headers["Retry-After"], reply
        return reply.json() if reply.status == 200 else None

    def _walk(self):
        seen, marker, moving = Counter(), 0, self.moving.is_set()
        while marker is not None:
            page = self._page(marker)
            if page is None:
                return
            assert "Coverage" not in page, page
            seen.update(map(identity_of, page["Versions"]))
            marker = page["NextMarker"] if page["IsTruncated"] else None
        if moving or self.moving.is_set():
            assert seen.keys() <= self._untouched.keys()
            return
        assert seen == self._untouched, (
            f"a whole list lacks {list((self._untouched - seen))[:3]}, "
            f"has too many {list((seen - self._untouched))[:3]}")
        self.whole += 1

    def stop(self):
        self._over.set()
        self.join(60)
        if self.error:
            raise self.error


class Watch(threading.Thread):
    """Which partitions nobody can tell about, and for how long."""

    def __init__(self, members):
        super().__init__(daemon=True)
        self._members, self._over = members, threading.Event()
        self._since, self.gaps = {}, []

    def run(self):
        while not self._over.is_set():
            for daemon in list(self._members.running)[:1]:
                self._look(daemon)
            self._over.wait(PAUSE_S)

    def _look(self, daemon):
        try:
            reply = daemon.get(FAILED, sitename="nobody", partial="true")
        except (OSError, http.client.HTTPException):
            return
        if reply.status != 200:
            return
        missing, now = set(reply.json().get("Coverage", {}).get("Missing", [])), time.monotonic()
        for partition in list(self._since):
            if partition not in missing:
                self.gaps.append(now - self._since.pop(partition))
        for partition in missing:
            self._since.setdefault(partition, now)

    def stop(self):
        self._over.set()
        self.join(60)

    def report(self):
        gaps = sorted(self.gaps)
        if not gaps:
            return "no partition was missing"
        return (f"partitions were missing {len(gaps)} times, p50 {gaps[len(gaps) // 2]:.2f} s, "
                f"max {gaps[-1]:.2f} s")
