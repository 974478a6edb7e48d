# SPDX-License-Identifier: Apache-2.0
"""Where a bench takes place: one real broker, failure logs full of the data set, and daemons."""
import itertools
import json
import pathlib
import subprocess

from daemon import Daemon
from kafka_util import Cluster

PARTITIONS = 6
START_DEADLINE_S = 300
PROGRAM_DEADLINE_S = 600


class Topics:
    """A failure log that holds rows 0 .. rows - 1 of the data set, and what belongs to it."""

    def __init__(self, name, rows):
        self.name, self.rows = name, rows
        self.failures, self.replication = f"{name}-failures", f"{name}-replication"


class Stage:
    """`build`: the folder with the programs; `broker`: a running one; `folder`: for what is
    written."""

    def __init__(self, build, broker, folder):
        self._build, self.broker = pathlib.Path(build), broker
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.cluster = Cluster(broker)
        self._daemons, self._names = [], itertools.count(1)
        self._shared = None
        self.cluster.create_topic("bench-idle", 1)

    def program(self, name, *arguments):
        """The words that run a program of the benches."""
        return [str(self._build / "tests" / "bench" / name), *map(str, arguments)]

    def demo_words(self, *words):
        """The words that run the demo as a Backbeat, all of whose failures are failed entries."""
        return [str(self._build / "src" / "demo" / "crr-demo"), "--format", "backbeat",
                "--failed-share", "1", "--no-mover", *map(str, words)]

    def run(self, name, *arguments):
        """Run it, and what its line of JSON says (None: it prints none)."""
        said = subprocess.run(self.program(name, *arguments), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=PROGRAM_DEADLINE_S)
        assert said.returncode == 0, f"{name} {arguments}: {said.stderr}"
        return json.loads(said.stdout) if said.stdout else None

    def fill(self, name, rows):
        """Topics with so many rows."""
        topics = Topics(name, rows)
        self.cluster.create_topic(topics.failures, PARTITIONS, {"cleanup.policy": "compact"})
        self.cluster.create_topic(topics.replication, PARTITIONS)
        if rows > 0:
            self.run("bench_fill", self.broker.bootstrap, topics.failures, 0, rows)
        return topics

    def shared(self, rows):
        """Topics that all benches use which only read; always the same number of rows."""
        if self._shared is None:
            self._shared = self.fill("shared", rows)
        return self._shared

    def daemon(self, topics, **settings):
        """Started, not ready. A setting is named as its path with `__` for dots."""
        number = next(self._names)
        all_settings = {
            "http.listen": "127.0.0.1:0", "http.max_in_flight": 4096,
            "http.max_connections": 4096, "log.format": "json",
            "kafka.properties.bootstrap.servers": self.broker.bootstrap,
            "kafka.group": f"{topics.name}-group-{number}",
            "instance.id": f"{topics.name}-instance-{number}",
            "topics.failures": topics.failures, "topics.replication": topics.replication,
        } | {path.replace("__", "."): value for path, value in settings.items()}
        daemon = Daemon(self._build / "src" / "daemon" / "crr-retryd", all_settings,
                        self.folder / f"{topics.name}-{number}.log")
        self._daemons.append(daemon)
        return daemon.start()

    def ready_daemon(self, topics, **settings):
        return self.daemon(topics, **settings).wait_ready(START_DEADLINE_S)

    def load(self, server, *words, requests, connections=1, warmup=0, pace=0):
        """What the load generator measured. `server`: (host, port, process id); `pace`: requests a
        second (0: as many as are answered)."""
        host, port, pid = server
        found = self.run("loadgen", "--connections", connections, "--requests", requests,
                         "--warmup", warmup, "--pace", pace, "--pid", pid, host, port, *words)
        assert found["statuses"] == {"200": found["requests"]}, found["statuses"]
        return found

    def load_daemon(self, daemon, *words, **numbers):
        return self.load((*daemon.address, daemon.pid), *words, **numbers)

    def close(self):
        for daemon in self._daemons:
            daemon.ask_to_end()
            daemon.finish()


class StaticServer:
    """bench_answer with the bytes of a page."""

    def __init__(self, stage, page):
        path = stage.folder / "page.json"
        path.write_bytes(page)
        self._process = subprocess.Popen(stage.program("bench_answer", path),
                                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        port = json.loads(self._process.stdout.readline())["port"]
        self.server = "127.0.0.1", port, self._process.pid

    def close(self):
        self._process.terminate()
        self._process.wait()
        self._process.stdout.close()
