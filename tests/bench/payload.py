# SPDX-License-Identifier: Apache-2.0
"""backbeat: retries in the payload mode backbeat, whose metadata comes from a source that takes
its time. What is retried are failed entries of the demo's, taken in before."""
import json

from intake import CONCURRENCY, LATENCY_MS, Failed, Metadata
from report import AtLeast, AtMost, measured
from retry import Retrying
from stage import START_DEADLINE_S
from waiting import wait_for

NAME = "backbeat"
RATE_GOAL, TURN_GOAL_MS = AtLeast(5000), AtMost(5)
ELEMENT = "Bucket", "Key", "VersionId", "StorageClass"
LOOK_EVERY_S = 0.1
MESSAGE_BYTES = 5_000_020   # as Backbeat has it


class RetryingListed(Retrying):
    """Retries of what the daemon lists; each of it once."""

    def __init__(self, stage, daemon):
        super().__init__(stage, daemon)
        self._elements = [{name: version[name] for name in ELEMENT}
                          for version in daemon.walk(max_keys=1000)]
        self._bodies = stage.folder / f"{NAME}-bodies"

    def _work(self, step):
        """A line of the file is a request's body."""
        count = step.elements * (step.requests + step.warmup)
        elements = self._elements[self.next_row:self.next_row + count]
        assert len(elements) == count, f"{len(elements)} of {count} are listed"
        with open(self._bodies, "w", encoding="utf-8") as file:
            for at in range(0, count, step.elements):
                print(json.dumps(elements[at:at + step.elements]), file=file)
        return "post", self._bodies


def _taken_in(stage, failed, source, name):
    """A daemon that holds them all, and topics that take what the source has."""
    topics = stage.fill(name, 0)
    status = f"{name}-outcomes"
    stage.cluster.create_topic(status, 1)
    for topic in (topics.failures, topics.replication, status):
        stage.cluster.set_topic_config(topic, "max.message.bytes", str(MESSAGE_BYTES))
    daemon = stage.ready_daemon(
        topics, topics__intake=failed.topic, topics__status=status, retry__payload="backbeat",
        source__url=source.url, source__concurrency=CONCURRENCY)
    wait_for(lambda: daemon.metric("crr_retry_failed_entries") >= failed.count,
             f"{failed.count} failures in {daemon.output}", START_DEADLINE_S, LOOK_EVERY_S)
    return daemon


def _figures(step, retried):
    found, growth = retried.found, retried.growth
    published = step.requests * step.elements
    share = step.requests / (step.requests + step.warmup)
    name = f"{step.clients} x {step.elements:,}"
    is_bulk = step.elements > 1
    return [
        measured(f"{name}: retries", published / found["seconds"], "1/s",
                 RATE_GOAL if is_bulk else None),
        measured(f"{name}: longest turn", retried.longest_turn_ms, "ms", TURN_GOAL_MS),
        measured(f"{name}: answered, p50", found["p50_us"] / 1e3, "ms"),
        measured(f"{name}: requests to the source",
                 growth["source_requests_total"] / (published / share), "1/retry"),
        measured(f"{name}: crr-retryd", growth["process_cpu_seconds_total"] * share / published * 1e6,
                 "CPU us/retry"),
    ]


class Large:
    """Retries of objects of many parts."""

    def __init__(self, stage, sizes, parts):
        self._step = step = sizes.large_retries
        failed = Failed(stage, f"{NAME}-failed-{parts}",
                        step.elements * (step.requests + step.warmup) * sizes.rounds)
        self._source = Metadata(stage, failed.count, parts)
        self._daemon = _taken_in(stage, failed, self._source, f"{NAME}-{parts}")
        self._retrying = RetryingListed(stage, self._daemon)
        size = self._source.size_of(self._daemon.page(max_keys=1)[0][0])
        self._name = f"metadata of {size / 1000:,.0f} KB"

    def figures(self):
        retried = self._retrying.run(self._step)
        step, growth = self._step, retried.growth
        published = (step.requests + step.warmup) * step.elements
        return [
            measured(f"{self._name}: retries",
                     step.requests * step.elements / retried.found["seconds"], "1/s"),
            measured(f"{self._name}: longest turn", retried.longest_turn_ms, "ms", TURN_GOAL_MS),
            measured(f"{self._name}: crr-retryd",
                     growth["process_cpu_seconds_total"] / published * 1e3, "CPU ms/retry"),
        ]

    def close(self):
        self._daemon.stop()
        self._source.close()


def rounds(stage, sizes):
    large = [Large(stage, sizes, parts) for parts in sizes.large_parts]
    per_round = sum(s.elements * (s.requests + s.warmup) for s in sizes.backbeat_retries)
    failed = Failed(stage, f"{NAME}-failed", per_round * sizes.rounds)
    source = Metadata(stage, failed.count)
    daemon = _taken_in(stage, failed, source, NAME)
    retrying = RetryingListed(stage, daemon)
    for _ in range(sizes.rounds):
        yield [figure for step in sizes.backbeat_retries
               for figure in _figures(step, retrying.run(step))] + [
               figure for some in large for figure in some.figures()]
    for some in large:
        some.close()
    daemon.stop()
    source.close()
