# SPDX-License-Identifier: Apache-2.0
"""One crr-retryd: started on a free port, asked over HTTP, ended by its process id."""
import http.client
import json
import os
import re
import signal
import subprocess
import urllib.parse
from collections import namedtuple

from last_words import last_words
from waiting import wait_for

REQUEST_DEADLINE_S = 45
EXIT_DEADLINE_S = 60
FAILED = "/_/backbeat/api/_/crr/failed"
SANITIZER = re.compile(r"(Address|Leak|Thread)Sanitizer|runtime error:|Assertion .* failed")

ENVIRONMENT = {
    "CRR_LOG_STRICT": "1",
    "ASAN_OPTIONS": "detect_leaks=1:exitcode=99:abort_on_error=0",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:exitcode=99",
}


def wait_listed(daemon, count, **query):
    """The listing once it has this many entries."""
    def listed():
        found[:] = [daemon.whole(**query)]
        return found[0] is not None and len(found[0]) == count
    found = []
    wait_for(listed, f"{count} entries in the list of {daemon.output}")
    return found[0]


class NotNow(AssertionError):
    """503, and when to ask again: it cannot tell at the moment."""


class Reply(namedtuple("Reply", "status headers body")):
    def json(self):
        return json.loads(self.body)


class Daemon:
    """A program with the settings it was given; start() may be called again after its end.

    Its standard error is kept in the file `output`, over all its lives. `before`: words in front of
    its command line, of a program that becomes it.
    """

    def __init__(self, program, settings, output, arguments=(), environment=None,
                 before=()):
        self._program, self._settings, self.output = program, dict(settings), output
        self._arguments, self._environment = list(arguments), environment or {}
        self._before, self._process, self._read_from = list(before), None, 0
        self._addresses = {}  # by process id
        self.expected_exits = {0, -signal.SIGKILL}

    # --- life ---------------------------------------------------------------------------------

    def start(self):
        settings = [word for path, value in self._settings.items()
                    for word in ("--set", f"{path}={value}")]
        with open(self.output, "ab") as output:
            self._read_from = output.tell()
            self._process = subprocess.Popen(
                [*self._before, self._program, *self._arguments, *settings],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env=os.environ | ENVIRONMENT | self._environment)
        return self

    @property
    def pid(self):
        return self._process.pid

    def is_running(self):
        return self._process is not None and self._process.poll() is None

    def signal(self, number):
        self._process.send_signal(number)

    def kill(self):
        """kill -9: no good-bye to the group, the broker or anybody's connection."""
        self.signal(signal.SIGKILL)
        self._process.wait()

    def wait_exit(self, deadline_s=EXIT_DEADLINE_S):
        try:
            return self._process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"pid {self.pid} did not end in {deadline_s} s, see {self.output}")

    def stop(self, deadline_s=EXIT_DEADLINE_S):
        """SIGTERM, and the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait_exit(deadline_s)

    def ask_to_end(self):
        """At the end of a test. Only asked, so that many end at the same time."""
        if self.is_running():
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)

    def finish(self):
        """After that: not running any more, no sanitizer report, no unexpected exit."""
        if self._process is None:
            return
        try:
            self._process.wait(EXIT_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"SIGTERM did not end the daemon, see {self.output}")
        with open(self.output, errors="replace") as output:
            report = [line for line in output if SANITIZER.search(line)]
        assert not report, f"{self.output}: {report[:5]}"
        status = self._process.returncode
        assert status in self.expected_exits, f"exit {status}, see {self.output}"

    # --- its log ------------------------------------------------------------------------------

    def text(self):
        """What it wrote in this life."""
        with open(self.output, "rb") as output:
            output.seek(self._read_from)
            return output.read().decode(errors="replace")

    def last_words(self):
        return last_words(self._process, self.output)

    def events(self, name=None, **fields):
        """Lines of its log with this event and these fields, as dicts."""
        found = []
        for line in self.text().splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            wanted = fields if name is None else fields | {"event": name}
            if isinstance(event, dict) and wanted.items() <= event.items():
                found.append(event)
        return found

    def wait_event(self, name, deadline_s=60, **fields):
        def seen():
            runs = self.is_running()  # asked first: an event may be its last word
            found = self.events(name, **fields)
            assert found or runs, f"it ended before {name}, see {self.output}"
            return found
        return wait_for(seen, f"the event {name} {fields or ''} in {self.output}", deadline_s)[0]

    # --- HTTP ---------------------------------------------------------------------------------

    @property
    def address(self):
        """(host, port) it listens on, as its log says; ConnectionRefusedError when it has ended.

        Other threads may kill and start it meanwhile: an address belongs to a process id.
        """
        pid = self.pid
        if pid not in self._addresses:
            said = wait_for(lambda: self.events("listening") or not self.is_running(), "an address")
            if said is True:
                raise ConnectionRefusedError(f"it does not run, see {self.output}")
            place = urllib.parse.urlsplit(said[0]["url"])
            self._addresses[pid] = place.hostname, place.port
        return self._addresses[pid]

    def connect(self, timeout_s=REQUEST_DEADLINE_S):
        return http.client.HTTPConnection(*self.address, timeout=timeout_s)

    def request(self, method, path, body=None, headers=(), connection=None):
        """One answer; OSError or HTTPException when there was none."""
        used = connection or self.connect()
        try:
            used.request(method, path, body, dict(headers))
            answer = used.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        except BaseException:
            used.close()
            raise
        finally:
            if connection is None:
                used.close()

    def get(self, path, **query):
        names = {name.replace("_", "-"): value for name, value in query.items()}
        return self.request("GET", path + ("?" + urllib.parse.urlencode(names) if names else ""))

    def post(self, path, value, **headers):
        """`value`: bytes as they are, anything else as JSON."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        names = {name.replace("_", "-"): text for name, text in headers.items()}
        return self.request("POST", path, body, names)

    # --- what it says -------------------------------------------------------------------------

    def ready(self):
        """The body of /ready; None while nobody answers."""
        try:
            return self.get("/ready").json()
        except (OSError, http.client.HTTPException):
            return None

    def wait_ready(self, deadline_s=60):
        def is_ready():
            assert self.is_running(), f"the daemon ended, see {self.output}"
            answer = self.ready()
            return answer if answer and answer["ready"] else None
        wait_for(is_ready, lambda: f"readiness of {self.output}; it says {self.ready()}",
                 deadline_s)
        return self

    def wait_not_ready(self, **wanted):
        """The body of /ready once it is 503 with these fields."""
        def says_so():
            assert self.is_running(), f"the daemon ended, see {self.output}"
            answer = self.ready()
            return answer and not answer["ready"] and wanted.items() <= answer.items() and answer
        return wait_for(says_so, lambda: f"/ready to say {wanted}; it says {self.ready()}")

    def page(self, **query):
        """One page as (versions, next marker or None)."""
        answer = self.get(FAILED, **query)
        if answer.status == 503 and answer.headers["Retry-After"]:
            raise NotNow(answer)
        assert answer.status == 200, answer
        page = answer.json()
        return page["Versions"], page["NextMarker"] if page["IsTruncated"] else None

    def walk(self, **query):
        """Every entry of a listing, page after page."""
        versions, marker = self.page(**query)
        while marker is not None:
            more, marker = self.page(marker=marker, **query)
            versions += more
        return versions

    def whole(self, **query):
        """As walk(), for who waits for something: None while it cannot tell all, and says so."""
        try:
            return self.walk(**query)
        except NotNow:
            return None

    def retry(self, elements, **headers):
        return self.post(FAILED, elements, **headers)

    def metric(self, name, **labels):
        """Sum of the samples of this name that carry these labels."""
        total = 0.0
        for line in self.get("/metrics").body.decode().splitlines():
            sample = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if sample and sample[1] == name:
                found = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', sample[2] or ""))
                if labels.items() <= found.items():
                    total += float(sample[3])
        return total
