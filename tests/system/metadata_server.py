# SPDX-License-Identifier: Apache-2.0
"""A store that is replicated from, as far as metadata goes: what its versions say, and how often
they were asked for."""
import http.server
import json
import threading
import urllib.parse
from collections import Counter

ROUTE = "/_/backbeat/metadata/"


def metadata(raw_version, **sites):
    """Of a version, with the state of each site."""
    backends = [{"site": site, "status": status, "dataStoreVersionId": ""}
                for site, status in sites.items()]
    return json.dumps({
        "content-length": 7, "last-modified": "2018-03-30T22:22:34.384Z", "versionId": raw_version,
        "replicationInfo": {"status": "FAILED", "backends": backends,
                            "content": ["DATA", "METADATA"], "destination": "arn:aws:s3:::d",
                            "storageClass": ",".join(sites), "role": "r", "storageType": "",
                            "dataStoreVersionId": ""}})


def wire(raw_version):
    """The version id that clients see."""
    return raw_version.encode().hex()


class MetadataServer:
    """Tells `versions[(bucket, key, version id or None)]`; what is not there is gone.

    While `go_on` is not set nothing is answered, while it `is_down` all is 503.
    """

    def __init__(self):
        self.versions, self.asked, self.is_down = {}, Counter(), False
        self.go_on = threading.Event()
        self.go_on.set()
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

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, target):
        path, _, query = target.partition("?")
        bucket, _, key = path.removeprefix(ROUTE).partition("/")
        version = urllib.parse.parse_qs(query).get("versionId", [None])[0]
        place = urllib.parse.unquote(bucket), urllib.parse.unquote(key), version
        self.asked[place] += 1
        self.go_on.wait()
        if self.is_down:
            return 503, b""
        if place not in self.versions:
            return 404, b'{"code":"ObjNotFound"}'
        return 200, json.dumps({"Body": self.versions[place]}).encode()

    def close(self):
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()
