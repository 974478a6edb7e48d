# SPDX-License-Identifier: Apache-2.0
"""ingest: a failure log read until its partitions are ready, against reading and parsing alone."""
from datetime import datetime

from report import AtLeast, measured
from stage import START_DEADLINE_S
from waiting import wait_for

LOOK_EVERY_S = 0.25  # who asks more often takes the processors that are measured


def _seconds_between(first, last):
    """Of two lines of the daemon's log."""
    return (datetime.fromisoformat(last["time"].replace("Z", "+00:00")) -
            datetime.fromisoformat(first["time"].replace("Z", "+00:00"))).total_seconds()


def _restore(stage, topics):
    """(seconds, CPU seconds) of a daemon from its assignment to readiness."""
    daemon = stage.daemon(topics)

    def is_ready():
        assert daemon.is_running(), f"the daemon ended, see {daemon.output}"
        return daemon.events("ready")
    wait_for(is_ready, f"readiness of {daemon.output}", START_DEADLINE_S, LOOK_EVERY_S)
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
