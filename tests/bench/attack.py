# SPDX-License-Identifier: Apache-2.0
"""abuse: what healthy clients wait for among many bad ones, against when it is quiet."""
import concurrent.futures
import contextlib
import json
import pathlib
import re
import subprocess
from collections import namedtuple

from daemon import FAILED
from pages import LOOKUP_ROWS, PAGE
from report import AtMost, measured
from retry import LONGEST_TURN, counters
from stage import StaticServer

GOAL = AtMost(2)
BUFFERED_MIB = 256  # http.max_buffered_bytes
BESIDE_IT_MIB = 128  # the entries of 32 posts, pages that are rendered, connections
PACE = 200  # requests a second of each healthy client
BIG_PAGE = f"{FAILED}?max-keys={PAGE}"
TURN = "event_loop_turn_cpu_seconds"

Seen = namedtuple("Seen", "page lookup bystander turn_us longest_ms")


class BadClients:
    """bench_abuse, until the end of the block; then `ends` says what became of them."""

    def __init__(self, stage, daemon, counts):
        words = [word for name, n in counts.items() for word in (f"--{name}", n)]
        self._process = subprocess.Popen(
            stage.program("bench_abuse", *words, *daemon.address, BIG_PAGE),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.ends = None

    def __enter__(self):
        assert json.loads(self._process.stdout.readline())["connected"] > 0
        return self

    def __exit__(self, *_):
        self._process.terminate()
        said, _ = self._process.communicate()
        assert self._process.returncode == 0
        self.ends = json.loads(said)


def _memory_mib(daemon, name):
    """VmRSS: now; VmHWM: at most since _forget_peak()."""
    status = pathlib.Path(f"/proc/{daemon.pid}/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+)", status)[1]) / 1024


def _forget_peak(daemon):
    pathlib.Path(f"/proc/{daemon.pid}/clear_refs").write_text("5")


def _see(stage, daemon, bystander, sizes):
    """What three clients see that ask at the same time, at a steady pace."""
    numbers = {"requests": sizes.paced, "warmup": sizes.paced // 10 + 1, "pace": PACE}
    asked = [(stage.load_daemon, daemon, "get", BIG_PAGE),
             (stage.load_daemon, daemon, "lookup", 0, min(sizes.rows, LOOKUP_ROWS)),
             (stage.load, bystander.server, "get", "/")]
    before = counters(daemon)
    with concurrent.futures.ThreadPoolExecutor(len(asked)) as pool:
        found = [pool.submit(ask, *words, **numbers) for ask, *words in asked]
        found = [each.result() for each in found]
    after = counters(daemon)
    turns, seconds = (after[f"{TURN}_{of}"] - before[f"{TURN}_{of}"] for of in ("count", "sum"))
    return Seen(*found, seconds / turns * 1e6, after[LONGEST_TURN] * 1e3)


def _figures(quiet, attacked, grown_mib, posts):
    def ratio(name):
        return getattr(attacked, name)["p99_us"] / getattr(quiet, name)["p99_us"]

    yield measured("a page among bad clients, p99 against quiet", ratio("page"), goal=GOAL)
    yield measured("a lookup, p99 against quiet", ratio("lookup"), goal=GOAL)
    yield measured("an idle server beside it, p99 against quiet", ratio("bystander"))
    for name in ("page", "lookup", "bystander"):
        for when, seen in (("quiet", quiet), ("attacked", attacked)):
            found = getattr(seen, name)
            yield measured(f"{name}, {when}, p50", found["p50_us"], "us")
            yield measured(f"{name}, {when}, p99", found["p99_us"], "us")
    yield measured("a turn of the loop, mean", attacked.turn_us, "CPU us")
    yield measured("the longest turn", attacked.longest_ms, "ms", AtMost(5))
    yield measured("memory grown against what is documented",
                   grown_mib / (BUFFERED_MIB + BESIDE_IT_MIB), goal=AtMost(1))
    yield measured("posts answered meanwhile", posts)


def rounds(stage, sizes):
    daemon = stage.ready_daemon(stage.shared(sizes.rows), http__max_in_flight=256,
                                http__max_connections=2000,
                                http__max_buffered_bytes=f"{BUFFERED_MIB}MiB")
    with contextlib.closing(StaticServer(stage, b'{"live":true}')) as bystander:
        for _ in range(sizes.rounds):
            quiet = _see(stage, daemon, bystander, sizes)
            before = _memory_mib(daemon, "VmRSS")
            _forget_peak(daemon)
            with BadClients(stage, daemon, sizes.bad_clients) as bad:
                attacked = _see(stage, daemon, bystander, sizes)
            assert set(bad.ends["posts"]) <= {"200"}, bad.ends
            grown = _memory_mib(daemon, "VmHWM") - before
            yield list(_figures(quiet, attacked, grown, bad.ends["posts"].get("200", 0)))
    daemon.stop()
