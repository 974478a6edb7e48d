# SPDX-License-Identifier: Apache-2.0
"""Fixtures: one broker for the whole run, fresh topics for each test, daemons that end with it."""
import itertools
import os
import pathlib
import re
import subprocess

import pytest

from broker import Broker
from daemon import ENVIRONMENT, Daemon
from kafka_util import Cluster, failure, tombstone

TEST_DEADLINE_S = 480
PARTITIONS = 6
TESTS = itertools.count(1)
SIZE = {"max.message.bytes": 5000020}
PROCESSES = pytest.StashKey()  # of a test: its daemons and brokers


def pytest_addoption(parser):
    parser.addoption("--daemon-folder", help="the build's src folder, with daemon/ and demo/")
    parser.addoption("--kafka-libs", help="the folder with Apache Kafka's jars")
    parser.addoption("--logs", default="build/log/system", help="where everything is written")
    parser.addoption("--long", action="store_true", help="run the long fault tests")
    parser.addoption("--measure", action="store_true", help="judge what is measured, too")


def pytest_collection_modifyitems(config, items):
    for item in items:
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(TEST_DEADLINE_S))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """What failed is explained by last words: the logs may be gone with the machine."""
    report = yield
    if report.failed:
        for process in item.stash.get(PROCESSES, []):
            report.sections.append((f"last words of {process.output}", process.last_words()))
    return report


@pytest.fixture(scope="session")
def logs(request):
    folder = pathlib.Path(request.config.getoption("--logs")).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def programs(request):
    folder = pathlib.Path(request.config.getoption("--daemon-folder")).resolve()
    return {"daemon": folder / "daemon" / "crr-retryd", "demo": folder / "demo" / "crr-demo"}


@pytest.fixture(scope="session")
def new_broker(request, logs, tmp_path_factory):
    """Make a broker that is not started yet; who makes one stops it."""
    libs = pathlib.Path(request.config.getoption("--kafka-libs")).resolve()
    numbers = itertools.count(1)

    def make(address="127.0.0.1"):
        number = next(numbers)
        return Broker(libs, tmp_path_factory.mktemp(f"broker{number}"),
                      logs / f"broker{number}.log", address=address)

    return make


@pytest.fixture(scope="session")
def shared_broker(new_broker):
    broker = new_broker().start()
    yield broker
    broker.stop()


class Place:
    """Topics of one test on one broker, and what makes daemons that work on them."""

    def __init__(self, broker, name, make_daemon):
        self.broker, self.cluster, self.name = broker, Cluster(broker), name
        self.failures, self.replication = f"{name}-failures", f"{name}-replication"
        self._make_daemon, self._starts = make_daemon, itertools.count(1)

    def create_failures(self, partitions=PARTITIONS):
        self.cluster.create_topic(self.failures, partitions, SIZE | {"cleanup.policy": "compact"})

    def create_topics(self):
        self.create_failures()
        self.cluster.create_topic(self.replication, PARTITIONS, SIZE)
        return self

    def settings(self, **more):
        return {
            "http.listen": "127.0.0.1:0", "log.format": "json", "log.level": "info",
            "kafka.properties.bootstrap.servers": self.broker.bootstrap,
            "kafka.group": f"{self.name}-group", "instance.id": f"{self.name}-0",
            "topics.failures": self.failures, "topics.replication": self.replication,
        } | {path.replace("__", "."): value for path, value in more.items()}

    def daemon(self, before=(), **settings):
        """Not started. A setting is named as its path with `__` for dots."""
        return self._make_daemon(f"{self.name}-{next(self._starts)}", self.settings(**settings),
                                 before=before)

    def daemon_with_file(self, config, without=()):
        """Not started; `without`: settings that the file has, and not the command line."""
        settings = {path: v for path, v in self.settings().items() if path not in without}
        return self._make_daemon(f"{self.name}-{next(self._starts)}", settings,
                                 arguments=["--config", str(config)])

    def start(self, **settings):
        """Started, and ready."""
        return self.daemon(**settings).start().wait_ready()

    def fail(self, identities, **fields):
        self.cluster.produce(self.failures, (failure(i, **fields) for i in identities))

    def complete(self, identities):
        self.cluster.produce(self.failures, map(tombstone, identities))

    def failure_log(self):
        return self.cluster.read(self.failures)

    def retry_entries(self):
        return self.cluster.read(self.replication)


@pytest.fixture
def make_daemon(programs, logs, request):
    """Make daemons; each is ended and judged when the test is over."""
    made = []

    def make(name, settings, arguments=(), environment=None, before=()):
        made.append(Daemon(programs["daemon"], settings, logs / f"{name}.log", arguments,
                           environment, before))
        request.node.stash.setdefault(PROCESSES, []).append(made[-1])
        return made[-1]

    yield make
    verdicts = []
    for daemon in made:
        daemon.ask_to_end()
    for daemon in made:
        try:
            daemon.finish()
        except AssertionError as verdict:
            verdicts.append(str(verdict))
    assert not verdicts, verdicts


@pytest.fixture
def test_name(request):
    """A name for topics and files, of this test alone."""
    words = re.sub(r"\W+", "-", request.node.name.removeprefix("test_"))[:60].strip("-")
    return f"{next(TESTS):03}-{words}"


@pytest.fixture
def place_of(test_name, make_daemon, request):
    """place_of(broker): no topics yet."""
    def make(broker):
        request.node.stash.setdefault(PROCESSES, []).append(broker)
        return Place(broker, test_name, make_daemon)
    return make


@pytest.fixture
def place(shared_broker, place_of):
    """Fresh topics on the shared broker."""
    return place_of(shared_broker).create_topics()


@pytest.fixture
def bare_place(new_broker, place_of):
    """A broker of one's own that does not run yet, and no topics."""
    broker = new_broker()
    yield place_of(broker)
    broker.stop()


@pytest.fixture
def own_place(bare_place):
    """A broker of one's own, to be killed and stopped, and fresh topics on it."""
    bare_place.broker.start()
    return bare_place.create_topics()


@pytest.fixture
def make_embedded(make_daemon, test_name):
    """Make a daemon with a broker in itself; a setting is named as its path with `__` for dots."""
    def make(environment=None, **more):
        settings = {"kafka.embedded": "true", "http.listen": "127.0.0.1:0", "log.format": "json"}
        settings |= {path.replace("__", "."): value for path, value in more.items()}
        return make_daemon(test_name, settings, environment=environment)
    return make


@pytest.fixture
def embedded(make_embedded):
    return make_embedded()


@pytest.fixture
def demo(programs):
    """demo(bootstrap, words...): crr-demo to its end."""
    def run(bootstrap, *words):
        said = subprocess.run([programs["demo"], "--bootstrap", bootstrap, *words],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                              env=os.environ | ENVIRONMENT)
        assert said.returncode == 0, said.stdout + said.stderr
        return said
    return run
