# SPDX-License-Identifier: Apache-2.0
"""ingest: a failure log read until its partitions are ready, against reading and parsing alone."""
import time
from datetime import datetime

from report import AtLeast, measured
from stage import START_DEADLINE_S

LOOK_EVERY_S = 0.25  # who asks more often takes the processors that are measured


def _seconds_between(first, last):
    """Of two lines of the daemon's log."""
    return (datetime.fromisoformat(last["time"].replace("Z", "+00:00")) -
            datetime.fromisoformat(first["time"].replace("Z", "+00:00"))).total_seconds()


def _restore(stage, topics):
    """(seconds, CPU seconds) of a daemon from its assignment to readiness."""
    daemon = stage.daemon(topics)
    end = time.monotonic() + START_DEADLINE_S
    while not daemon.events("ready"):
        assert daemon.is_running() and time.monotonic() < end, f"see {daemon.output}"
        time.sleep(LOOK_EVERY_S)
    cpu_s = daemon.metric("process_cpu_seconds_total")
    seconds = _seconds_between(daemon.events("assigned")[0], daemon.events("partition_ready")[-1])
    daemon.stop()
    return seconds, cpu_s


def rounds(stage, sizes):
    topics = stage.shared(sizes.rows)
    for _ in range(sizes.rounds):
        alone = stage.run("bench_reader", stage.broker.bootstrap, topics.failures)
        assert alone["records"] == topics.rows, alone
        seconds, cpu_s = _restore(stage, topics)
        yield [
            measured("throughput against librdkafka + yajl", alone["seconds"] / seconds,
                     goal=AtLeast(0.6)),
            measured("librdkafka + yajl, assign to end", topics.rows / alone["seconds"],
                     "records/s"),
            measured("crr-retryd, assign to ready", topics.rows / seconds, "records/s"),
            measured("librdkafka + yajl", alone["cpu_s"] / topics.rows * 1e6, "CPU us/record"),
            measured("crr-retryd", cpu_s / topics.rows * 1e6, "CPU us/record"),
        ]
