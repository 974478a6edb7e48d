# SPDX-License-Identifier: Apache-2.0
"""Many bad clients at once (abuse.py), and a healthy one among them. How long that one waits is
measured by tests/bench (abuse).

What an idle connection costs is judged with --measure only, on a release build: python -m pytest
-c tests/system/pytest.ini --measure -s --daemon-folder=build/src --kafka-libs=none
tests/system/test_http_abuse.py
"""
import contextlib
import json
import re
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from daemon import FAILED, wait_listed
from waiting import wait_for

MIB = 1 << 20
SLOW, SILENT, POSTS = 200, 50, 32
IDLE, SPARE_FILES = 10_000, 500
HALF_A_KILOBYTE = 512
HEADER_S, WRITE_S = 10, 20  # the deadlines
EARLY_S = 0.5  # a client that comes in a turn of the loop has come at its beginning
BUFFERED_MIB = 192
# Listings in work, connections, the pages that are rendered: what is not in the budget.
BESIDE_THE_BUDGET_MIB = 128
SMALL_QUARANTINE = {"ASAN_OPTIONS": "detect_leaks=1:exitcode=99:abort_on_error=0:"
                                    "quarantine_size_mb=8:malloc_context_size=5"}
EVERY_S = 0.005


def memory(daemon, name="VmRSS"):
    """Bytes of it, as the kernel counts them; VmHWM: at most so far."""
    status = Path(f"/proc/{daemon.pid}/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+)", status)[1]) * 1024


def attack(daemon, **numbers):
    host, port = daemon.address
    return subprocess.Popen(
        [sys.executable, Path(__file__).with_name("abuse.py"), host, str(port), FAILED,
         *(f"{name}={n}" for name, n in numbers.items())],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)


def outcomes(attackers):
    output, _ = attackers.communicate(timeout=120)
    assert attackers.returncode == 0
    return json.loads(output)


@pytest.fixture
def filled(make_embedded, demo):
    """A daemon with so many failures that a page is larger than what a socket takes at once."""
    daemon = make_embedded(SMALL_QUARANTINE, http__max_buffered_bytes=f"{BUFFERED_MIB}MiB")
    daemon.start().wait_ready()
    demo(daemon.wait_event("embedded_broker")["bootstrap"], "--count", "3000", "--no-mover")
    wait_listed(daemon, 3000)
    return daemon


def ask(daemon, connection):
    """Seconds that a small page took."""
    began = time.perf_counter()
    reply = daemon.request("GET", f"{FAILED}?max-keys=10", connection=connection)
    assert reply.status == 200, reply
    return time.perf_counter() - began


def test_bad_clients_are_gone_at_their_deadlines_and_a_healthy_one_is_always_answered(filled):
    before = memory(filled)
    attackers = attack(filled, slow=SLOW, silent=SILENT, posts=POSTS)
    with contextlib.closing(filled.connect()) as healthy:
        times = [ask(filled, healthy)]
        while attackers.poll() is None:
            times.append(ask(filled, healthy))
            time.sleep(EVERY_S)
    ends = outcomes(attackers)
    assert [end["status"] for end in ends["slow"]] == [408] * SLOW
    assert all(HEADER_S - EARLY_S < end["after_s"] < 2 * HEADER_S for end in ends["slow"]), ends
    assert [end["status"] for end in ends["silent"]] == [None] * SILENT
    assert all(WRITE_S - EARLY_S < end["after_s"] < 3 * WRITE_S for end in ends["silent"]), ends
    assert [end["status"] for end in ends["posts"]] == [200] * POSTS
    assert filled.metric("crr_retry_http_rejected_total", cause="RequestTimeout") == SLOW
    assert filled.metric("crr_retry_http_rejected_total", cause="slow_reader") == SILENT
    wait_for(lambda: filled.metric("crr_retry_http_connections") == 1, "the others to be gone")
    grown = memory(filled, "VmHWM") - before
    print(f"{len(times)} healthy requests, the slowest took {max(times) * 1000:.0f} ms; "
          f"memory grew by {grown // MIB} MiB at most")
    assert grown < (BUFFERED_MIB + BESIDE_THE_BUDGET_MIB) * MIB


# --- 10,000 idle connections ----------------------------------------------------------------------

@pytest.fixture
def many_files():
    """As many open files as the connections of one test need, for this process and its children."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < IDLE + SPARE_FILES:
        pytest.skip(f"NOT TESTED: {IDLE} connections; a process may open {hard} files only "
                    f"(ulimit -Hn), {IDLE + SPARE_FILES} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (IDLE + SPARE_FILES, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connect_idle(address):
    """A connection that has had one answer."""
    connection = socket.create_connection(address, timeout=30)
    connection.sendall(b"GET /live HTTP/1.1\r\nHost: h\r\n\r\n")
    assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
    return connection


def test_ten_thousand_idle_connections_are_kept_and_closed_at_the_end(
        request, many_files, make_embedded, record_testsuite_property):
    daemon = make_embedded(SMALL_QUARANTINE, http__max_connections=str(IDLE + 100))
    daemon.start().wait_ready()
    with contextlib.ExitStack() as open_ones:
        open_ones.enter_context(connect_idle(daemon.address))
        before = memory(daemon)
        for _ in range(IDLE - 1):
            open_ones.enter_context(connect_idle(daemon.address))
        each = (memory(daemon) - before) / (IDLE - 1)
        record_testsuite_property("bytes_per_idle_connection", round(each))
        print(f"{each:.0f} bytes for each of {IDLE} idle connections")
        assert daemon.metric("crr_retry_http_connections") == IDLE + 1
        assert daemon.get(FAILED).status == 200
        assert daemon.stop(20) == 0
    assert each <= HALF_A_KILOBYTE or not request.config.getoption("--measure")
