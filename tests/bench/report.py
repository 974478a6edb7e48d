# SPDX-License-Identifier: Apache-2.0
"""What was measured, as people read it, and whether it is what it should be."""
import os
import platform
import re
import statistics
from collections import namedtuple


class AtMost(namedtuple("AtMost", "limit")):
    def __str__(self):
        return f"<= {self.limit:g}"

    def holds(self, value):
        return value <= self.limit


class AtLeast(namedtuple("AtLeast", "limit")):
    def __str__(self):
        return f">= {self.limit:,g}"

    def holds(self, value):
        return value >= self.limit


# A line of the report; the goal is for the median of the rounds.
Figure = namedtuple("Figure", "name unit goal")
Row = namedtuple("Row", "figure median least most")


def measured(name, value, unit="", goal=None):
    """A figure's value in one round."""
    return Figure(name, unit, goal), value


def rows_of(rounds):
    """`rounds`: a list of measured() each, the same figures in all of them."""
    for same in zip(*rounds):
        values = [value for _, value in same]
        yield Row(same[0][0], statistics.median(values), min(values), max(values))


def missed(row):
    return row.figure.goal is not None and not row.figure.goal.holds(row.median)


def verdict(bench, row):
    held = "misses" if missed(row) else "holds"
    return f"{held:6} {bench}: {row.figure.name}: {number(row.median)}, wanted {row.figure.goal}"


def number(value):
    """Three digits that count."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def lines_of(bench, rows, with_goals):
    yield f"{bench:58} {'median':>10} {'least':>10} {'most':>10}"
    for row in rows:
        name = f"  {row.figure.name}" + (f", {row.figure.unit}" if row.figure.unit else "")
        line = f"{name:58} {number(row.median):>10} {number(row.least):>10} {number(row.most):>10}"
        if row.figure.goal is not None and with_goals:
            line += f"  {row.figure.goal}{'  MISSED' if missed(row) else ''}"
        yield line


def _first(pattern, path):
    with open(path) as file:
        found = re.search(pattern, file.read(), re.MULTILINE)
    return found[1] if found else "unknown"


def machine():
    model = _first(r"^(?:model name|Model)\s*: (.*)$", "/proc/cpuinfo")
    memory = int(_first(r"^MemTotal:\s*(\d+)", "/proc/meminfo")) / 2**20
    return (f"{os.cpu_count()} x {model}, {memory:.0f} GiB, Linux {platform.release()}, "
            f"load {os.getloadavg()[0]:.1f}")


class Others:
    """How much of the machine's CPU time went to whom since this was made."""

    def __init__(self):
        self._before = self._read()

    @staticmethod
    def _read():
        with open("/proc/stat") as file:
            ticks = [int(word) for word in file.readline().split()[1:9]]
        return sum(ticks), ticks[3] + ticks[4], ticks[7]

    def __str__(self):
        total, idle, stolen = (now - then for now, then in zip(self._read(), self._before))
        return f"idle {100 * idle / total:.0f} %, stolen {100 * stolen / total:.1f} %"
