# SPDX-License-Identifier: Apache-2.0
"""intake: Backbeat's failed entries taken into the failure log, against a bare loop that moves
the same records, and with a source that knows what they lack."""
import itertools
import re
import subprocess
import time
import urllib.parse
import urllib.request
from datetime import datetime

from report import AtLeast, AtMost, measured
from stage import PARTITIONS, PROGRAM_DEADLINE_S, START_DEADLINE_S
from waiting import wait_for

LOOK_EVERY_S = 0.1
LATENCY_MS, CONCURRENCY = 5, 64
NUMBERS = itertools.count(1)


class Failed:
    """A topic with so many failed entries of the demo's."""

    def __init__(self, stage, name, count):
        self.topic, self.count = name, count
        stage.cluster.create_topic(self.topic, PARTITIONS)
        stage.cluster.create_topic(f"{name}-status", 1)  # the demo wants one
        subprocess.run(
            stage.demo_words("--bootstrap", stage.broker.bootstrap, "--count", count,
                             "--failed-topic", self.topic, "--status-topic", f"{name}-status"),
            stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=PROGRAM_DEADLINE_S)


class Metadata:
    """The demo's source: it knows the objects of all its failed entries, which have some parts."""

    def __init__(self, stage, count, parts=1):
        self._process = subprocess.Popen(
            stage.demo_words("--no-producer", "--count", count, "--metadata-listen", "127.0.0.1:0",
                             "--metadata-latency", LATENCY_MS, "--parts", parts),
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.url = re.search(r"http://\S+", self._process.stderr.readline())[0]

    def size_of(self, version):
        """Bytes of what it answers about a version as it is listed."""
        name = "/".join(urllib.parse.quote(version[part], safe="") for part in ("Bucket", "Key"))
        with urllib.request.urlopen(f"{self.url}/_/backbeat/metadata/{name}"
                                    f"?versionId={version['VersionId']}") as answer:
            return len(answer.read())

    def close(self):
        self._process.terminate()
        self._process.wait()
        self._process.stderr.close()


def _assigned_at(daemon):
    return datetime.fromisoformat(
        daemon.events("intake_assigned")[0]["time"].replace("Z", "+00:00")).timestamp()


def _take_in(stage, failed, **settings):
    """(seconds, CPU seconds) of a daemon from its intake's assignment to the last commit, and one
    of the failures that it lists at last."""
    topics = stage.fill(f"intake-{next(NUMBERS)}", 0)
    daemon = stage.daemon(topics, topics__intake=failed.topic, **settings)

    def is_taken():
        assert daemon.is_running(), f"the daemon ended, see {daemon.output}"
        return daemon.metric("crr_retry_records_total", topic=failed.topic,
                             outcome="failed") >= failed.count
    daemon.wait_event("intake_assigned", START_DEADLINE_S)
    wait_for(is_taken, f"{failed.count} records in {daemon.output}", START_DEADLINE_S, LOOK_EVERY_S)
    seconds = time.time() - _assigned_at(daemon)
    cpu_s = daemon.metric("process_cpu_seconds_total")
    version = wait_for(lambda: daemon.page(max_keys=1)[0], "a failure to be listed")[0]
    daemon.stop()
    return seconds, cpu_s, version


def _move(stage, failed):
    """The bare loop, into a topic of its own."""
    topic = f"intake-{next(NUMBERS)}"  # and its group
    stage.cluster.create_topic(topic, PARTITIONS)
    moved = stage.run("bench_mover", stage.broker.bootstrap, topic, failed.topic, topic,
                      failed.count)
    assert moved["records"] == failed.count, moved
    return moved


def _complete(stage, failed):
    """Seconds with a source."""
    source = Metadata(stage, failed.count)
    seconds, _, version = _take_in(stage, failed, source__url=source.url,
                                   source__concurrency=CONCURRENCY)
    source.close()
    assert "Size" in version, version
    return seconds


def rounds(stage, sizes):
    failed = Failed(stage, "intake-failed", sizes.intake)
    lacking = Failed(stage, "intake-lacking", sizes.completed)
    for _ in range(sizes.rounds):
        bare = _move(stage, failed)
        seconds, cpu_s, _ = _take_in(stage, failed)
        completing_s = _complete(stage, lacking)
        yield [
            measured("a failed entry against the bare loop", seconds / bare["seconds"],
                     goal=AtMost(1.5)),
            measured("failed entries", failed.count / seconds, "1/s", AtLeast(100000)),
            measured("records of the bare loop", failed.count / bare["seconds"], "1/s"),
            measured("records in a transaction of the bare loop",
                     failed.count / bare["transactions"]),
            measured("crr-retryd", cpu_s / failed.count * 1e6, "CPU us/record"),
            measured("the bare loop", bare["cpu_s"] / failed.count * 1e6, "CPU us/record"),
            measured(f"completed from a source of {LATENCY_MS} ms, {CONCURRENCY} at once",
                     lacking.count / completing_s, "1/s", AtLeast(2000)),
        ]
