# SPDX-License-Identifier: Apache-2.0
"""abuse: a healthy client's p99 among many bad ones, against when it is quiet."""
import concurrent.futures
import contextlib
import json
import pathlib
import re
import subprocess
from collections import namedtuple

from daemon import FAILED
from pages import LOOKUP_ROWS, PAGE, SITE
from report import AtMost, measured
from retry import LONGEST_TURN, counters
from stage import StaticServer

MIB = 1 << 20
GOAL = AtMost(2)
BUFFERED_MIB = 256  # http.max_buffered_bytes
BESIDE_IT_MIB = 128  # of what is in work: entries of the posts, rendered pages, connections
PACE = 200  # requests a second of each healthy client
BIG_PAGE = f"{FAILED}?sitename={SITE}&max-keys={PAGE}"

Healthy = namedtuple("Healthy", "page lookup bystander bystander_page waited turn_us longest_ms")


class BadClients:
    def __init__(self, stage, daemon, **counts):
        words = [word for name, n in counts.items() for word in (f"--{name}", n)]
        self._process = subprocess.Popen(
            stage.program("bench_abuse", *words, *daemon.address, BIG_PAGE),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        assert json.loads(self._process.stdout.readline())["connected"] > 0

    def end(self):
        """What became of them."""
        self._process.terminate()
        said, _ = self._process.communicate()
        assert self._process.returncode == 0
        return json.loads(said)


def _wait_s(daemon):
    """Seconds that the loop's thread has waited for a processor."""
    return int(pathlib.Path(f"/proc/{daemon.pid}/task/{daemon.pid}/schedstat").read_text().split()[1]) / 1e9


def _memory(daemon, name):
    status = pathlib.Path(f"/proc/{daemon.pid}/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+)", status)[1]) / 1024


def _healthy(stage, daemon, bystander, bystander_page, requests):
    numbers = {"requests": requests, "warmup": requests // 10 + 1, "pace": PACE}
    work = [(stage.load_daemon, daemon, "get", f"{FAILED}?max-keys={PAGE}"),
            (stage.load_daemon, daemon, "lookup", 0, LOOKUP_ROWS),
            (stage.load, bystander.server, "get", "/"),
            (stage.load, bystander_page.server, "get", "/")]
    turn = "event_loop_turn_cpu_seconds"
    m = counters(daemon)
    before = m[turn + "_sum"], m[turn + "_count"], _wait_s(daemon)
    with concurrent.futures.ThreadPoolExecutor(len(work)) as pool:
        found = [each.result() for each in [pool.submit(f, *a, **numbers) for f, *a in work]]
    m = counters(daemon)
    after = m[turn + "_sum"], m[turn + "_count"], _wait_s(daemon)
    turns, n, waited = (b - a for a, b in zip(before, after))
    return Healthy(*found, waited / (found[0]["seconds"] * 1.1), turns / n * 1e6,
                   m[LONGEST_TURN] * 1e3)


def show(name, h):
    print(f"   {name:8}", *(f"{f}: {x['p50_us']:.0f} {x['p99_us']:.0f} {x['max_us']:.0f}" for f, x in zip(h._fields, h[:4])),
          f"waited {h.waited:.2f} turn {h.turn_us:.0f} us longest {h.longest_ms:.1f} ms", flush=True)


def rounds(stage, sizes):
    daemon = stage.ready_daemon(stage.shared(sizes.rows), http__max_in_flight=256, http__max_connections=2000)
    page = daemon.get(FAILED, max_keys=PAGE).body
    with contextlib.closing(StaticServer(stage, b'{"live":true}')) as bystander, \
            contextlib.closing(StaticServer(stage, page)) as bystander_page:
        import os
        for kind in eval(os.environ.get("KINDS", "[dict(slow=200,silent=50,posts=32)]")):
            quiet = _healthy(stage, daemon, bystander, bystander_page, 1000)
            show("quiet", quiet)
            before = _memory(daemon, "VmRSS")
            pathlib.Path(f"/proc/{daemon.pid}/clear_refs").write_text("5")
            bad = BadClients(stage, daemon, **kind)
            try:
                attacked = _healthy(stage, daemon, bystander, bystander_page, 1000)
            finally:
                print(kind, bad.end())
            show("attacked", attacked)
            print("  grown MiB", _memory(daemon, "VmHWM") - before)
        yield [measured("x", 1)]
    daemon.stop()
