# SPDX-License-Identifier: Apache-2.0
"""One real Apache Kafka node (broker and controller, KRaft) on free ports of one address."""
import errno
import itertools
import pathlib
import random
import resource
import signal
import socket
import subprocess

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from last_words import last_words
from waiting import wait_for

USER, PASSWORD = "crr", "right-password"

# For tests: the first two lines halve the time to start, and cost speed.
JVM = ["-Xms64m", "-Xmx320m", "-XX:MaxDirectMemorySize=64m",
       "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData",
       "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
       "-Dorg.slf4j.simpleLogger.showDateTime=true"]

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{address}:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{address}:{plain},SASL://{address}:{sasl},CONTROLLER://{address}:{controller}
advertised.listeners=PLAINTEXT://{address}:{plain},SASL://{address}:{sasl}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.sasl.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required user_{user}="{password}";
log.dirs={folder}/data
auto.create.topics.enable=false

# One node: internal topics without replicas; few partitions, for each costs files and time.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=3
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1

# Groups: no wait for more members (the default is 3 s), short sessions allowed.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000

# Abandoned transactions are looked for every second; the default is 10 s.
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000

log.cleaner.dedupe.buffer.size=4194304
log.cleaner.threads=1
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
controller.quorum.election.timeout.ms=500
controller.quorum.fetch.timeout.ms=1000
num.io.threads=4
num.network.threads=2
"""


# Below those that a system gives away by itself: nobody takes one by chance while its broker is
# down. A process goes on where it was, so that two of them side by side hardly meet.
PORTS = range(10000, 32000)
CANDIDATES = itertools.islice(itertools.cycle(PORTS), random.randrange(len(PORTS)), None)


def is_free(address, port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


def free_ports(n, address):
    """Different ones."""
    free = (port for port in CANDIDATES if is_free(address, port))
    return [next(free) for _ in range(n)]


class Broker:
    """Its ports are chosen when it is made, so that a daemon can be told of it before it runs."""

    def __init__(self, libs, folder, output, jvm=JVM, address="127.0.0.1"):
        self._jvm = list(jvm)
        self._libs, self._folder, self.output = libs, pathlib.Path(folder), output
        self._process = None
        ports = dict(zip(("plain", "sasl", "controller"), free_ports(3, address)))
        self.bootstrap = f"{address}:{ports['plain']}"
        self.sasl_bootstrap = f"{address}:{ports['sasl']}"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._properties = self._folder / "server.properties"
        self._properties.write_text(PROPERTIES.format(
            **ports, address=address, user=USER, password=PASSWORD, folder=self._folder))

    def judge_rights(self):
        """Before it starts: who comes by SASL may do what it was granted, others everything."""
        self._set(
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n"
            "super.users=User:ANONYMOUS\n")

    def believe_producers(self):
        """Before it starts: whether a transaction is known to its coordinator is not asked."""
        self._set("transaction.partition.verification.enable=false\n")

    def _set(self, lines):
        with open(self._properties, "a", encoding="utf-8") as properties:
            properties.write(lines)

    @property
    def data_folder(self):
        """With a folder for each partition; nobody else touches it while the broker is stopped."""
        return self._folder / "data"

    def _java(self, *words):
        return ["java", *self._jvm, f"-Dkafka.logs.dir={self._folder}", "-cp", f"{self._libs}/*",
                *words]

    def _format(self):
        said = subprocess.run(
            self._java("kafka.tools.StorageTool", "format", "-t", "crrRetryTestClusterAAAA",
                       "-c", str(self._properties)), capture_output=True, text=True)
        assert said.returncode == 0, said.stdout + said.stderr

    def start(self):
        if not (self._folder / "data").exists():
            self._format()
        with open(self.output, "ab") as output:
            self._process = subprocess.Popen(
                self._java("kafka.Kafka", str(self._properties)), stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        wait_for(self._answers, f"the broker (see {self.output})", 90)
        return self

    def _answers(self):
        """Metadata that names the node: it is unfenced then, not just listening."""
        assert self._process.poll() is None, f"the broker ended, see {self.output}"
        try:
            return self.admin().list_topics(timeout=1).brokers
        except KafkaException:
            return False

    def admin(self):
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})

    def _signal(self, number):
        self._process.send_signal(number)

    def kill(self):
        self._signal(signal.SIGKILL)
        self._process.wait()

    def stop(self):
        if self._process is None or self._process.poll() is not None:
            return
        self.resume()
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()

    def pause(self):
        self._signal(signal.SIGSTOP)

    def resume(self):
        self._signal(signal.SIGCONT)

    def fill_disk(self, file_bytes):
        """From now on no file of the broker grows beyond file_bytes: to it, a full disk."""
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (file_bytes, file_bytes))

    def wait_gone(self):
        wait_for(lambda: self._process.poll() is not None, "the broker to give up")

    def last_words(self):
        return last_words(self._process, self.output)
