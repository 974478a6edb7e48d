# SPDX-License-Identifier: Apache-2.0
"""A store that is replicated from, as far as metadata goes: what its versions say, and how often
they were asked for."""
import http.server
import json
import threading
import urllib.parse
from collections import Counter

import backbeat

ROUTE = "/_/backbeat/metadata/"
GONE = b'{"code":"ObjNotFound"}'


def metadata(raw_version, **sites):
    """Of a version, with the state of each site."""
    return json.dumps(backbeat.metadata(raw_version, sites))


class MetadataServer:
    """Tells `versions[(bucket, key, version id or None)]`; what is not there is gone.

    While `go_on` is not set nothing is answered, while it `is_down` all is 503; `status` and `body`
    are what it says to everything, unless they are None. A stop ends it, until it is started: at
    the same port.
    """

    def __init__(self):
        self.versions, self.asked, self.is_down = {}, Counter(), False
        self.status = self.body = None
        self.go_on = threading.Event()
        self.go_on.set()
        self._server, self._port = None, 0
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._port}"

    def start(self):
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                status, body = server.answer(self.path)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256  # the daemon connects many times at once

            def handle_error(self, *_):
                pass  # who asked is gone

        self._server = Server(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, target):
        path, _, query = target.partition("?")
        bucket, _, key = path.removeprefix(ROUTE).partition("/")
        version = urllib.parse.parse_qs(query).get("versionId", [None])[0]
        place = urllib.parse.unquote(bucket), urllib.parse.unquote(key), version
        self.asked[place] += 1
        self.go_on.wait()
        if self.is_down:
            return 503, b""
        if self.status is not None:
            return self.status, GONE if self.body is None else self.body
        if place not in self.versions:
            return 404, GONE
        return 200, json.dumps({"Body": self.versions[place]}).encode()

    def stop(self):
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()

    close = stop
