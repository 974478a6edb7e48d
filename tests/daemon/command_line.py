#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What crr-retryd answers on its command line: DAEMON CONFIG-FOLDER."""
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import unittest

DAEMON, CONFIG = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])


def run(*arguments, **environment):
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith("CRR_") or name == "CRR_LOG_STRICT"}
    return subprocess.run([DAEMON, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=30, env=clean | environment)


def errors(result):
    """(source, path, message) of each error in a log in JSON."""
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    return [(e["source"], e["path"], e["msg"]) for e in lines if e["event"] == "config_error"]


class CommandLine(unittest.TestCase):
    def test_help_names_every_setting_of_the_sample(self):
        told = run("--help")
        self.assertEqual(told.returncode, 0)
        groups, settings = [], 0
        for line in (CONFIG / "crr-retryd.json").read_text().splitlines():
            name = re.fullmatch(r'( *)"(\w+)": (.*)', line)
            if not name:
                continue
            groups[len(name[1]) // 2 - 1:] = [name[2]]
            if name[3] != "{":
                self.assertIn(f"  {'.'.join(groups)}  ", told.stdout)
                settings += 1
        self.assertEqual(settings, len(re.findall(r"\(default ", told.stdout)))

    def test_version_names_the_library_too(self):
        told = run("--version")
        self.assertEqual(told.returncode, 0)
        self.assertRegex(told.stdout, r"^crr-retryd \d+\.\d+\.\d+ \(librdkafka \d.*\)\n$")

    def test_wrong_usage_exits_2(self):
        for wrong in (["--no-such"], ["--set"], ["--set", "x"], ["word"], ["healthcheck", "a", "b"],
                      ["--version", "--help"], ["--config"],
                      ["--config", "/dev/null", "--config", "/dev/null"]):
            with self.subTest(wrong):
                told = run(*wrong)
                self.assertEqual(told.returncode, 2)
                self.assertIn("--help", told.stderr)

    def test_the_sample_is_a_good_configuration_and_is_the_default(self):
        sample = run("--config", CONFIG / "crr-retryd.json", "--check-config")
        self.assertEqual((sample.returncode, sample.stderr), (0, ""))

        def values(*arguments):
            return re.sub(" *//.*", "", run(*arguments, "--print-config").stdout)
        self.assertEqual(values("--config", CONFIG / "crr-retryd.json"), values())

    def test_every_problem_is_told_at_once_and_exits_78(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write('{\n  "http": {\n      "max_connections": 0\n  }, "peer": 1\n}\n')
            file.flush()
            for command in ("--check-config", "--print-config", None):
                told = run("--config", file.name, "--set", "log.format=json", "--set", "a.b=c",
                           *([command] if command else []), CRR_HTTP__COLOUR="red",
                           CRR_KAFKA__PROPERTIES__BOOTSTRAP_SERVER="x",
                           CRR_KAFKA__PROPERTIES__LINGER_MS="soon")
                self.assertEqual((told.returncode, told.stdout), (78, ""))
                found = errors(told)
                self.assertEqual(found[0], (
                    f"{file.name}:3:7", "http.max_connections",
                    f"{file.name}:3:7: http.max_connections: 0 is below 1"))
                self.assertEqual(sorted(path for _, path, _ in found), [
                    "a.b", "http.colour", "http.max_connections",
                    "kafka.properties.bootstrap_server", "kafka.properties.linger.ms", "peer"])

    def test_print_config_tells_sources_and_no_secret(self):
        told = run("--print-config", "--set", "kafka.properties.sasl.password=hunter2",
                   "--set", 'kafka.properties.sasl.username={"env":"NAME"}',
                   CRR_KAFKA__PROPERTIES__BOOTSTRAP_SERVERS="a:1", NAME="hunter2")
        self.assertEqual(told.returncode, 0)
        self.assertNotIn("hunter2", told.stdout + told.stderr)
        self.assertIn('"bootstrap.servers": "a:1",  // CRR_KAFKA__PROPERTIES__BOOTSTRAP_SERVERS',
                      told.stdout)
        self.assertIn('"sasl.password": "(secret)",  // --set', told.stdout)
        self.assertIn('"max_in_flight": 256,  // default', told.stdout)

    def test_properties_that_we_own_are_refused_with_a_reason(self):
        for name in ("group.id", "transactional.id", "enable.auto.commit", "isolation.level"):
            told = run("--check-config", "--set", f"kafka.consumer_properties.{name}=x")
            self.assertEqual(told.returncode, 78)
            self.assertRegex(told.stderr, f"--set: kafka.consumer_properties.{name}: .+")

    def test_what_kubernetes_injects_is_a_warning(self):
        told = run("--check-config", CRR_RETRY_SERVICE_HOST="10.0.0.1", CRR_RETRY_PORT="tcp://x")
        self.assertEqual(told.returncode, 0)
        self.assertEqual(told.stderr.count("event=config_warning"), 1)

    def test_healthcheck_of_nobody_exits_1(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        self.assertEqual(run("healthcheck", f"http://127.0.0.1:{port}").returncode, 1)
        self.assertEqual(run("healthcheck", "nonsense").returncode, 1)
        self.assertEqual(run("--set", f"http.listen=127.0.0.1:{port}", "healthcheck").returncode, 1)

    def test_an_address_in_use_exits_1(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            told = run("--set", "kafka.embedded=true", "--set", f"http.listen=127.0.0.1:{port}")
        self.assertEqual(told.returncode, 1)
        self.assertIn("http.listen", told.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
