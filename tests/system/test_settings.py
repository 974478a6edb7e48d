# SPDX-License-Identifier: Apache-2.0
"""The command line, the environment, the file, and the metrics, from outside."""
import json
import os
import shutil
import signal
import subprocess

import pytest

from daemon import ENVIRONMENT
from samples import SITES, identities


@pytest.fixture
def run(programs):
    """Run crr-retryd to its end: run(words..., environment) -> CompletedProcess."""
    def run(*words, **environment):
        return subprocess.run([programs["daemon"], *words], stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=60,
                              env=os.environ | ENVIRONMENT | environment)
    return run


def test_help_and_version(run):
    said = run("--help")
    assert said.returncode == 0 and "--config" in said.stdout and "http.listen" in said.stdout
    said = run("--version")
    assert said.returncode == 0 and "crr-retryd" in said.stdout


@pytest.mark.parametrize("words", [["--nonsense"], ["extra"], ["--set"], ["--config"]])
def test_a_wrong_command_line_ends_with_2(run, words):
    said = run(*words)
    assert said.returncode == 2 and said.stderr


@pytest.mark.parametrize("setting, named", [
    ("http.max_connections=0", "http.max_connections"),
    ("http.nonsense=1", "http.nonsense"),
    ("retry.payload=yaml", "retry.payload"),
    ("http.request_timeout=500ms", "http.request_timeout"),
    ("http.request_timeout=soon", "http.request_timeout"),
    ("kafka.properties.nonsense=1", "nonsense"),
    ("kafka.properties.enable.auto.commit=true", "enable.auto.commit"),
    ("kafka.consumer_properties.group.id=x", "group.id"),
    ("log.level=loud", "log.level"),
    ("jobs.max=1", "jobs.max"),
])
def test_a_wrong_setting_ends_with_78_and_is_named(run, setting, named):
    said = run("--check-config", "--set", setting)
    assert said.returncode == 78 and named in said.stderr
    assert run("--set", setting).returncode == 78


def test_all_errors_of_a_file_are_told_at_once_with_their_places(run, tmp_path):
    file = tmp_path / "bad.json"
    file.write_text('{\n  // a comment\n  "http": { "max_connections": 0,\n'
                    '    "nonsense": 1 },\n  "log": { "level": "info", "level": "warn" }\n}\n')
    said = run("--check-config", "--config", str(file))
    assert said.returncode == 78
    for place in ("bad.json:3:", "bad.json:4:", "bad.json:5:"):
        assert place in said.stderr, said.stderr


@pytest.mark.parametrize("text", ["", "{", "[]", '{"http": 1}'])
def test_a_file_that_is_no_configuration_ends_with_78(run, tmp_path, text):
    file = tmp_path / "bad.json"
    file.write_text(text)
    assert run("--config", str(file)).returncode == 78
    assert run("--config", str(tmp_path / "missing.json")).returncode == 78


def test_a_good_configuration_is_accepted(run):
    assert run("--check-config").returncode == 0
    sample = os.path.join(os.path.dirname(__file__), "..", "..", "config", "crr-retryd.json")
    assert run("--check-config", "--config", sample).returncode == 0


def test_later_sources_win_and_print_config_says_which(run, tmp_path):
    file = tmp_path / "c.json"
    file.write_text('{"log": {"level": "warn"}, "kafka": {"group": "from-file"},'
                    ' "topics": {"failures": "from-file"}}')
    said = run("--config", str(file), "--set", "log.level=error", "--print-config",
               CRR_LOG__LEVEL="debug", CRR_TOPICS__FAILURES="from-environment")
    assert said.returncode == 0
    lines = {line.split()[0]: line for line in said.stdout.splitlines() if line.split()}
    rows = [line for name, line in lines.items()
            if name.strip('":=').startswith(("log.level", "kafka.group", "topics.failures"))]
    text = "\n".join(rows) or said.stdout
    assert "error" in text and "from-file" in text and "from-environment" in text


def test_an_unknown_variable_with_two_underscores_is_an_error(run):
    assert run("--check-config", CRR_HTTP__NONSENSE="1").returncode == 78
    assert run("--check-config", CRR_RETRY_SERVICE_HOST="10.0.0.1").returncode == 0


def test_secrets_are_never_printed(run, tmp_path):
    secret = tmp_path / "password"
    secret.write_text("very-secret\n")
    file = tmp_path / "c.json"
    file.write_text(json.dumps({"kafka": {"properties": {
        "sasl.password": {"file": str(secret)}, "ssl.key.password": "also-secret"}}}))
    said = run("--config", str(file), "--print-config")
    assert said.returncode == 0
    assert "very-secret" not in said.stdout + said.stderr
    assert "also-secret" not in said.stdout + said.stderr


def test_healthcheck_is_0_when_ready_and_1_when_not(run, place):
    daemon = place.start()
    url = "http://{}:{}".format(*daemon.address)
    assert run("healthcheck", url).returncode == 0
    daemon.stop()
    assert run("healthcheck", url).returncode == 1


def test_an_address_in_use_is_said(run, place):
    daemon = place.start()
    said = run("--set", "http.listen={}:{}".format(*daemon.address))
    assert said.returncode in (1, 78) and str(daemon.address[1]) in said.stderr


def test_a_reload_changes_the_log_level_and_a_bad_file_changes_nothing(place, tmp_path):
    config = tmp_path / "c.json"
    config.write_text('{"log": {"level": "info"}}')
    daemon = place.daemon_with_file(config, without=["log.level"]).start().wait_ready()
    config.write_text('{"log": {"level": "debug"}, "kafka": {"group": "another"}}')
    daemon.signal(signal.SIGHUP)
    daemon.wait_event("config_reloaded")
    daemon.get("/live")
    daemon.wait_event("http_request", path="/live")
    config.write_text('{"log": {"level": "nonsense"}}')
    daemon.signal(signal.SIGHUP)
    daemon.wait_event("config_error")
    assert daemon.get("/live").status == 200


@pytest.mark.skipif(not shutil.which("promtool"), reason="no promtool")
def test_promtool_finds_nothing_to_say_about_the_metrics(place):

    place.fail(identities(30, sites=SITES))
    daemon = place.start()
    daemon.retry(daemon.walk(sitename=SITES[0]))
    text = daemon.get("/metrics").body
    said = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)
    assert said.returncode == 0 and not said.stderr, said.stdout + said.stderr
    assert daemon.metric("crr_retry_failed_entries", site=SITES[1]) == 10
