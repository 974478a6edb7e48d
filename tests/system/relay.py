# SPDX-License-Identifier: Apache-2.0
"""The way to one member, which a test can cut: what is sent over a cut way never arrives."""
import socket
import threading


class Relay:
    """Listens on a free port, and passes bytes to and from `target`, (host, port)."""

    def __init__(self):
        self.target, self._is_cut = None, False
        self._lock, self._sockets = threading.Lock(), set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self._listener.getsockname()[1]

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._sockets.add(client)
                if self._is_cut or self.target is None:
                    continue
            self._connect(client)

    def _connect(self, client):
        try:
            server = socket.create_connection(self.target, timeout=10)
        except OSError:
            self._drop(client)
            return
        with self._lock:
            self._sockets.add(server)
        for one, other in ((client, server), (server, client)):
            threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, source, sink):
        try:
            source.settimeout(None)
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        self._drop(source)
        self._drop(sink)

    def _drop(self, one):
        with self._lock:
            self._sockets.discard(one)
        try:
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        one.close()

    def _drop_all(self):
        with self._lock:
            sockets = list(self._sockets)
        for one in sockets:
            self._drop(one)

    def cut(self):
        with self._lock:
            self._is_cut = True
        self._drop_all()

    def heal(self):
        with self._lock:
            self._is_cut = False
        self._drop_all()

    def close(self):
        self._listener.close()
        self._drop_all()
