# SPDX-License-Identifier: Apache-2.0
"""What README tells Backbeat's users to type does what it says."""
import json
import pathlib
import re
import shlex
import subprocess

import pytest

from waiting import wait_for

README = pathlib.Path(__file__).resolve().parents[2] / "README.md"
FAILURES = 10000


def section(name="Beside a Backbeat"):
    return README.read_text().split(f"## {name}\n")[1].split("\n## ")[0]


def lines():
    """(command, answer) as printed."""
    return re.findall(r"^\$ (curl .*)\n(.*)$", section(), re.MULTILINE)


def shape(value, but=()):
    """Names and kinds: what the answer of another day has in common with the printed one."""
    if isinstance(value, dict):
        return {name: shape(member, but) for name, member in value.items() if name not in but}
    if isinstance(value, list):
        return [shape(member, but) for member in value]
    return type(value).__name__


@pytest.fixture
def played(make_embedded, programs, request):
    """As deploy/quickstart.sh --backbeat does it."""
    words = ["--format", "backbeat", "--count", str(FAILURES)]
    running = []

    def demo(*more):
        running.append(subprocess.Popen([programs["demo"], *words, *more], text=True,
                                        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE))
        return running[-1]

    source = demo("--no-producer", "--no-mover", "--metadata-listen", "127.0.0.1:0")
    url = re.search(r"metadata at (http\S+)", source.stderr.readline())[1]
    daemon = make_embedded(
        retry__payload="backbeat", topics__status="backbeat-replication-status",
        topics__intake="backbeat-replication-failed,backbeat-replication-status",
        source__url=url).start().wait_ready()
    demo("--bootstrap", daemon.wait_event("embedded_broker")["bootstrap"])
    wait_for(lambda: daemon.metric("crr_retry_records_total", topic="crr-retry-failures",
                                   outcome="failed") == FAILURES, "all failures", 150)
    yield daemon
    for process in reversed(running):
        process.terminate()
        process.communicate()


def test_the_lines_for_backbeats_users_work_as_printed(played):
    printed = lines()
    assert len(printed) == 4
    for command, answer in printed:
        typed = command.replace("127.0.0.1:8900", "%s:%d" % played.address)
        said = subprocess.run(["sh", "-c", typed], capture_output=True, text=True, timeout=30)
        # The first of all is of the topic that was read first, and only one of them tells roles.
        but = ("Role",) if "max-keys" in command else ()
        assert shape(json.loads(said.stdout), but) == shape(json.loads(answer), but), (
            command, said.stdout)
        if "failed/" in command:
            assert ([v["Key"] for v in json.loads(said.stdout)["Versions"]] ==
                    [v["Key"] for v in json.loads(answer)["Versions"]])


def test_the_settings_for_backbeats_users_are_good(programs, tmp_path):
    config = tmp_path / "crr-retryd.json"
    config.write_text(re.search(r"^```\n(\{.*?^\})", section(), re.MULTILINE | re.DOTALL)[1])
    said = subprocess.run([programs["daemon"], "--config", config, "--check-config"],
                          env={"SOURCE_ACCESS_KEY": "a", "SOURCE_SECRET_KEY": "s"},
                          capture_output=True, text=True, timeout=30)
    assert said.returncode == 0, said.stderr


def test_the_lines_for_a_group_are_good_and_warn_of_nothing(programs):
    printed = re.findall(r"^crr-retryd (.*)$", section("Running a group"), re.MULTILINE)
    assert len(printed) == 2
    for words in printed:
        said = subprocess.run([programs["daemon"], *shlex.split(words), "--check-config"],
                              env={"PEER_SECRET": "sixteen bytes or more"},
                              capture_output=True, text=True, timeout=30)
        assert said.returncode == 0 and not said.stderr, said.stderr
