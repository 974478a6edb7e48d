# SPDX-License-Identifier: Apache-2.0
"""list: pages of 1,000 against their bytes sent from memory; lookup: one object against /live."""
import contextlib

from daemon import FAILED
from report import AtMost, measured
from stage import StaticServer

SITE = "us-east-1-aws"  # has 60 % of the data set
PAGE = 1000
LIST_CONNECTIONS = 4
LOOKUP_CONNECTIONS = 8
LOOKUP_ROWS = 50000


def _cpu_us(found):
    return found["server_cpu_s"] / found["requests"] * 1e6


def _deep_marker(daemon, rows):
    """Behind half of the site's rows."""
    marker, seen = 0, 0
    while seen < rows * 0.3:
        versions, marker = daemon.page(sitename=SITE, max_keys=PAGE, marker=marker)
        seen += len(versions)
    return marker


def list_rounds(stage, sizes):
    daemon = stage.ready_daemon(stage.shared(sizes.rows))
    first_path = f"{FAILED}?sitename={SITE}&max-keys={PAGE}"
    deep_path = f"{first_path}&marker={_deep_marker(daemon, sizes.rows)}"
    numbers = {"requests": sizes.pages, "warmup": sizes.pages // 10 + 1,
               "connections": LIST_CONNECTIONS}
    page = daemon.get(FAILED, sitename=SITE, max_keys=PAGE).body
    with contextlib.closing(StaticServer(stage, page)) as static:
        for _ in range(sizes.rounds):
            first = stage.load_daemon(daemon, "get", first_path, **numbers)
            deep = stage.load_daemon(daemon, "get", deep_path, **numbers)
            copied = stage.load(static.server, "get", "/", **numbers)
            assert first["bytes"] == copied["bytes"], (first, copied)
            yield [
                measured("a page against its bytes from memory, CPU",
                         _cpu_us(first) / _cpu_us(copied), goal=AtMost(6)),
                measured("a deep page against the first, CPU", _cpu_us(deep) / _cpu_us(first),
                         goal=AtMost(1.1)),
                measured("first page", _cpu_us(first), "CPU us"),
                measured("deep page", _cpu_us(deep), "CPU us"),
                measured("the bytes of the first page from memory", _cpu_us(copied), "CPU us"),
                measured("pages", first["requests"] / first["seconds"], "1/s"),
                measured("a page, p99", first["p99_us"], "us"),
            ]
    daemon.stop()


def lookup_rounds(stage, sizes):
    daemon = stage.ready_daemon(stage.shared(sizes.rows))
    numbers = {"requests": sizes.lookups, "warmup": sizes.lookups // 10 + 1,
               "connections": LOOKUP_CONNECTIONS}
    for _ in range(sizes.rounds):
        lookup = stage.load_daemon(daemon, "lookup", 0, min(sizes.rows, LOOKUP_ROWS), **numbers)
        live = stage.load_daemon(daemon, "get", "/live", **numbers)
        yield [
            measured("a lookup against /live, CPU", _cpu_us(lookup) / _cpu_us(live),
                     goal=AtMost(1.5)),
            measured("a lookup against /live, time", lookup["seconds"] / live["seconds"],
                     goal=AtMost(1.5)),
            measured("lookup", _cpu_us(lookup), "CPU us"),
            measured("/live", _cpu_us(live), "CPU us"),
            measured("lookups", lookup["requests"] / lookup["seconds"], "1/s"),
            measured("/live", live["requests"] / live["seconds"], "1/s"),
        ]
    daemon.stop()
