#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The life of crr-retryd on an embedded broker, from start to its exit: DAEMON."""
import http.client
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

DAEMON = pathlib.Path(sys.argv[1])
DEADLINE_S = 30
ENTRY = {"Bucket": "b", "Key": "k", "VersionId": "v", "StorageClass": "aws", "ForceRetry": True}


class Daemon:
    """A running daemon: its log in JSON is read line by line."""

    def __init__(self, *settings, config=None, environment=None):
        words = [w for s in ("http.listen=127.0.0.1:0", "log.format=json", "kafka.embedded=true",
                             *settings) for w in ("--set", s)]
        if config:
            words += ["--config", config]
        self.process = subprocess.Popen([DAEMON, *words], stdin=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True,
                                        env=os.environ | (environment or {}))
        self.seen = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def wait_event(self, name):
        """The first line of this event from here on."""
        for line in self.process.stderr:
            event = json.loads(line) if line.startswith("{") else {"event": line}
            self.seen.append(event)
            if event["event"] == name:
                return event
        raise AssertionError(f"it ended before {name}: {self.seen}")

    def wait_ready(self):
        self.address = self.wait_event("listening")["address"]
        self.wait_event("ready")
        return self

    def ask(self, method, path, body=None):
        """The connection; getresponse() waits for the answer."""
        connection = http.client.HTTPConnection(self.address, timeout=DEADLINE_S)
        connection.request(method, path, body)
        return connection

    def get(self, path):
        connection = self.ask("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.end()

    def end(self):
        for line in self.process.stderr:
            self.seen.append(json.loads(line) if line.startswith("{") else {"event": line})
        return self.process.wait(DEADLINE_S)

    def events(self):
        return [event["event"] for event in self.seen]


class Life(unittest.TestCase):
    def test_it_starts_becomes_ready_and_stops_cleanly(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with Daemon() as daemon:
                daemon.wait_ready()
                self.assertEqual(daemon.get("/ready")[0], 200)
                self.assertEqual(daemon.get("/live")[0], 200)
                health = [DAEMON, "healthcheck", f"http://{daemon.address}"]
                self.assertEqual(subprocess.run(health, timeout=DEADLINE_S).returncode, 0)
                self.assertEqual(daemon.stop(number), 0)
                self.assertEqual(daemon.seen[0]["event"], "started")
                self.assertEqual(daemon.events().count("ready"), 1)
                self.assertEqual(daemon.seen[-1]["event"], "stopped")

    def test_a_stop_while_it_starts_is_clean(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with Daemon() as daemon:
                daemon.wait_event("started")  # its first line: there are no parts yet
                self.assertEqual(daemon.stop(number), 0)

    def test_a_stop_before_it_is_ready_is_clean(self):
        with Daemon("kafka.embedded=false",
                    "kafka.properties.bootstrap.servers=127.0.0.1:1") as daemon:
            daemon.address = daemon.wait_event("listening")["address"]
            status, body = daemon.get("/ready")
            self.assertEqual((status, json.loads(body)["waiting_for"]), (503, "broker"))
            self.assertEqual(daemon.get("/live")[0], 200)
            self.assertEqual(daemon.stop(), 0)

    def test_during_the_delay_it_answers_but_is_not_ready(self):
        with Daemon("shutdown.delay=1h") as daemon:
            daemon.wait_ready()
            daemon.process.send_signal(signal.SIGTERM)
            daemon.wait_event("not_ready")
            status, body = daemon.get("/ready")
            self.assertEqual((status, json.loads(body)["state"]), (503, "stopping"))
            self.assertEqual(daemon.get("/_/crr/failed")[0], 200)
            started = time.monotonic()
            self.assertIn(daemon.stop(), (0, 1))
            self.assertLess(time.monotonic() - started, DEADLINE_S)

    def test_a_retry_under_way_is_answered_before_the_end(self):
        with Daemon() as daemon:
            daemon.wait_ready()
            connection = daemon.ask("POST", "/_/crr/failed", json.dumps([ENTRY]))
            self.assertEqual(daemon.stop(), 0)
            answer = connection.getresponse()
            self.assertIn(answer.status, (200, 503))
            connection.close()

    def test_sighup_applies_what_is_reloadable(self):
        with tempfile.NamedTemporaryFile("w") as config:
            def write(text):
                config.seek(0)
                config.truncate()
                config.write(text)
                config.flush()
            write("{}")
            with Daemon(config=config.name) as daemon:
                daemon.wait_ready()
                write('{"log":{"level":"debug"},"kafka":{"group":"other"},'
                      '"table":{"memory_limit":"64MiB"}}')
                daemon.process.send_signal(signal.SIGHUP)
                self.assertEqual(daemon.wait_event("config_needs_restart")["path"], "kafka.group")
                self.assertEqual(daemon.wait_event("config_reloaded")["changed"],
                                 "table.memory_limit,log.level")
                self.assertIn(b"crr_retry_table_memory_limit_bytes 67108864\n",
                              daemon.get("/metrics")[1])
                write('{"log":{"level":"loud"},"table":{"memory_limit":"32MiB"}}')
                daemon.process.send_signal(signal.SIGHUP)
                self.assertEqual(daemon.wait_event("config_error")["path"], "log.level")
                daemon.wait_event("config_kept")
                self.assertIn(b"crr_retry_table_memory_limit_bytes 67108864\n",
                              daemon.get("/metrics")[1])
                self.assertEqual(daemon.stop(), 0)

    def test_a_source_is_shown_takes_new_keys_and_ends_with_the_daemon(self):
        with tempfile.NamedTemporaryFile("w") as key:
            key.write("first")
            key.flush()
            with Daemon("source.url=http://127.0.0.1:1", "source.auth.type=v4",
                        "source.auth.access_key=AK", "source.roles.arn:aws:iam::1:role/r=AK2:key",
                        f'source.auth.secret_key={{"file":"{key.name}"}}') as daemon:
                daemon.wait_ready()
                connections = json.loads(daemon.get("/_/healthcheck")[1])["internalConnections"]
                self.assertEqual(connections["source"], {"status": "ok"})
                key.write(" and second")
                key.flush()
                daemon.process.send_signal(signal.SIGHUP)
                self.assertEqual(daemon.wait_event("config_reloaded")["changed"],
                                 "source.auth.secret_key")
                self.assertEqual(daemon.stop(), 0)

    def test_without_a_source_none_is_shown(self):
        with Daemon() as daemon:
            daemon.wait_ready()
            connections = json.loads(daemon.get("/_/healthcheck")[1])["internalConnections"]
            self.assertNotIn("source", connections)
            self.assertEqual(daemon.stop(), 0)

    def test_metrics_tell_of_the_process(self):
        with Daemon() as daemon:
            daemon.wait_ready()
            text = daemon.get("/metrics")[1].decode()
            samples = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
            self.assertEqual(samples["crr_retry_ready"], "1")
            self.assertGreater(float(samples["process_resident_memory_bytes"]), 1e6)
            self.assertLess(abs(float(samples["process_start_time_seconds"]) - time.time()), 60)
            self.assertGreater(float(samples["process_open_fds"]), 5)
            self.assertGreater(float(samples["process_max_fds"]), 100)
            self.assertGreater(float(samples["process_cpu_seconds_total"]), 0)
            self.assertGreater(float(samples['crr_retry_log_messages_total{level="info"}']), 2)
            self.wait_loop_delay(daemon)
            self.assertEqual(daemon.stop(), 0)

    def wait_loop_delay(self, daemon):
        """The application timer fires now and then."""
        end = time.monotonic() + 20
        while b"event_loop_delay_seconds_count 0" in daemon.get("/metrics")[1]:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
