# SPDX-License-Identifier: Apache-2.0
"""A source of object metadata on this machine, as good and as bad as a test wants it."""
import http.server
import json
import threading
import time
import urllib.parse

METADATA = "/_/backbeat/metadata/"
GONE = b'{"code":"ObjNotFound","message":"there is no such object"}'


class Source:
    """`objects`: {(bucket, key, version or None): metadata}; what is not there is 404."""

    def __init__(self):
        self.objects, self.asked = {}, []
        self.latency_s, self.status, self.body = 0, None, None
        self._server = None
        self._port = 0

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._port}"

    def start(self):
        """At the same port as before."""
        source = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                source.answer(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 128

        self._server = Server(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        if self._server:
            self._server.shutdown()
            self._server.server_close()
        self._server = None

    def put(self, bucket, key, version, metadata, is_current=True):
        self.objects[bucket, key, version] = metadata
        if is_current:
            self.objects[bucket, key, None] = metadata

    def answer(self, handler):
        path, _, query = handler.path.partition("?")
        bucket, _, key = path.removeprefix(METADATA).partition("/")
        version = urllib.parse.parse_qs(query).get("versionId", [None])[0]
        place = urllib.parse.unquote(bucket), urllib.parse.unquote(key), version
        self.asked.append(place)
        time.sleep(self.latency_s)          # what is served is slow: nobody waits for a condition
        found = self.objects.get(place)
        status = self.status or (200 if found else 404)
        body = json.dumps({"Body": json.dumps(found)}).encode() if status == 200 else GONE
        if self.body is not None:
            body = self.body
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
