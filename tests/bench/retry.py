# SPDX-License-Identifier: Apache-2.0
"""retry: clients that post retries, against a bare loop of transactions of the same size."""
import re
from collections import namedtuple

from report import AtLeast, AtMost, measured

BARE_ENTRIES = 200000  # the bare loop writes about so many retries
BARE_TRANSACTIONS = 20, 300  # at least and at most
WARM_UP = 2000, 400  # entries of a transaction, and transactions, before anything is measured
THROUGHPUT_GOAL = AtLeast(100000)
LONGEST_TURN = "event_loop_turn_cpu_max_seconds"  # since it was asked last

Retried = namedtuple("Retried", "found growth longest_turn_ms")


def counters(daemon):
    """{name: value} of /metrics, samples of all sites and outcomes summed."""
    found = {}
    for line in daemon.get("/metrics").body.decode().splitlines():
        sample = re.fullmatch(r"(\w+)(?:\{(?:site|outcome)=.*\})? (\S+)", line)
        if sample:
            name = sample[1].removeprefix("crr_retry_")
            found[name] = found.get(name, 0) + float(sample[2])
    return found


class Retrying:
    """Retries of rows that were not retried before, and what the daemon counted meanwhile."""

    def __init__(self, stage, daemon, first_row=0):
        self._stage, self._daemon, self.next_row = stage, daemon, first_row

    def _work(self, step):
        """The words that tell the load generator what to post."""
        return "retry", self.next_row, step.elements

    def run(self, step):
        """What the load generator measured, {counter: growth}, the longest turn meanwhile."""
        before = counters(self._daemon)
        found = self._stage.load_daemon(
            self._daemon, *self._work(step), requests=step.requests, connections=step.clients,
            warmup=step.warmup)
        after = counters(self._daemon)
        growth = {name: value - before.get(name, 0) for name, value in after.items()}
        posted = step.elements * (step.requests + step.warmup)
        assert growth["retries_published_total"] == posted, (growth, posted)
        self.next_row += posted
        return Retried(found, growth, after[LONGEST_TURN] * 1e3)


def _transactions(stage, topics, entries, count):
    """Into topics of its own, which nobody reads."""
    return stage.run("bench_transactions", stage.broker.bootstrap, topics.failures,
                     topics.replication, "bench-idle", entries, count)


def _bare(stage, topics, entries, small):
    least, most = BARE_TRANSACTIONS
    count = least if small else max(least, min(most, round(BARE_ENTRIES / entries)))
    return _transactions(stage, topics, entries, count)


def _entries(growth):
    """Of a transaction, on average."""
    return growth["retry_transaction_entries_sum"] / growth["retry_transaction_entries_count"]


def _figures(step, retried, bare):
    found, growth = retried.found, retried.growth
    share = step.requests / (step.requests + step.warmup)
    transactions = growth["retry_transaction_duration_seconds_count"] * share
    ours_ms = found["seconds"] / transactions * 1e3
    bare_ms = bare["seconds"] / bare["transactions"] * 1e3
    published = step.requests * step.elements
    name = f"{step.clients} x {step.elements:,}"
    is_bulk = step.elements > 1
    return [
        measured(f"{name}: a transaction against the bare loop", ours_ms / bare_ms,
                 goal=AtMost(1.3)),
        measured(f"{name}: retries", published / found["seconds"], "1/s",
                 THROUGHPUT_GOAL if is_bulk else None),
        measured(f"{name}: answered, p50", found["p50_us"] / 1e3, "ms"),
        measured(f"{name}: answered, p99", found["p99_us"] / 1e3, "ms"),
        measured(f"{name}: retries in a transaction", _entries(growth)),
        measured(f"{name}: time per transaction", ours_ms, "ms"),
        measured(f"{name}: of the bare loop", bare_ms, "ms"),
        measured(f"{name}: retries of the bare loop", bare["entries"] / bare_ms * 1e3, "1/s"),
        measured(f"{name}: crr-retryd", growth["process_cpu_seconds_total"] * share / published * 1e6, "CPU us/retry"),
        measured(f"{name}: the bare loop",
                 bare["cpu_s"] / (bare["entries"] * bare["transactions"]) * 1e6, "CPU us/retry"),
    ]


def rounds(stage, sizes):
    per_round = sum(s.elements * (s.requests + s.warmup) for s in sizes.retries)
    topics = stage.fill("retry", per_round * sizes.rounds)
    daemon = stage.ready_daemon(topics)
    bare_topics = stage.fill("bare", 0)
    if not sizes.small:  # the broker's JVM compiles meanwhile what it does most
        _transactions(stage, bare_topics, *WARM_UP)
    retrying = Retrying(stage, daemon)
    for _ in range(sizes.rounds):
        figures = []
        for step in sizes.retries:
            retried = retrying.run(step)
            entries = max(1, round(_entries(retried.growth)))
            bare = _bare(stage, bare_topics, entries, sizes.small)
            figures += _figures(step, retried, bare)
        yield figures
    daemon.stop()
