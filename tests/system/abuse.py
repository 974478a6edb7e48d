# SPDX-License-Identifier: Apache-2.0
"""Clients that a server must outlive, in a process of their own: HOST PORT PAGE [COUNT=NUMBER...].

    slow    half of them send a byte of a request's headers a second, half a byte of its body
    silent  ask for PAGE again and again, and read nothing
    posts   each a retry of 10,000 unknown entries of 4 MiB, spread over `seconds`

Prints one JSON object: how each of them ended, and after how many seconds.
"""
import json
import select
import socket
import sys
import time

DEADLINE_S = 120
PAUSE_S = 0.02
POST_BYTES, POST_ENTRIES, POST_PIECES = 4 << 20, 10_000, 64
HEAD = b"GET /live HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 1000
POST = b"POST /_/crr/failed HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"


class Client:
    """A raw connection: it sends `first`, then `piece` bytes of `rest` every `every_s` seconds."""

    def __init__(self, address, first=b"", rest=b"", piece=1, every_s=1.0, reads=True):
        self.socket = socket.socket()
        if not reads:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.began, self.ended = time.monotonic(), None  # the server's clock begins later
        self.socket.connect(address)
        self.socket.setblocking(False)
        self.reads, self.answer = reads, b""
        self._rest, self._at, self._piece, self._every_s = memoryview(rest), 0, piece, every_s
        self._next = self.began
        self._send(first)

    def _send(self, data):
        """The number of bytes that the socket took."""
        try:
            return self.socket.send(data)
        except OSError:
            return 0  # what became of the connection is seen by reading

    def dribble(self, now):
        if self._at < len(self._rest) and now >= self._next:
            self._at += self._send(self._rest[self._at:self._at + self._piece])
            self._next += self._every_s

    def take(self):
        """What the server did. Who does not read learns of a reset only."""
        try:
            data = self.socket.recv(65536) if self.reads else b""
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.answer += data
        if not data:
            self.ended = time.monotonic()
            self.socket.close()

    def outcome(self):
        status = int(self.answer[9:12]) if self.answer else None
        return {"status": status, "after_s": round(self.ended - self.began, 2)}


def outlast(clients):
    """Until the server has ended them all."""
    poll, by_fd = select.epoll(), {}
    for client in clients:
        by_fd[client.socket.fileno()] = client
        poll.register(client.socket, select.EPOLLIN if client.reads else 0)
    end = time.monotonic() + DEADLINE_S
    while by_fd:
        for fd, _ in poll.poll(PAUSE_S):
            by_fd[fd].take()
            if by_fd[fd].ended:
                del by_fd[fd]
        now = time.monotonic()
        assert now < end, f"{len(by_fd)} are still connected"
        for client in by_fd.values():
            client.dribble(now)


def large_body():
    entry = {"Bucket": "nobody", "Key": "", "VersionId": "v", "StorageClass": "nowhere"}
    size = POST_BYTES // POST_ENTRIES - len(json.dumps(entry)) - 8
    return json.dumps([entry | {"Key": f"{i:08}".ljust(size, "x")}
                       for i in range(POST_ENTRIES)]).encode()


def attack(address, page, slow, silent, posts, seconds):
    pages = b"GET %s HTTP/1.1\r\nHost: h\r\n\r\n" % page.encode() * 1000
    body = large_body() if posts else b""
    crowd = {
        "slow": [Client(address, POST % 10000, b"x" * 1000) if i % 2 else Client(address, rest=HEAD)
                 for i in range(slow)],
        "silent": [Client(address, pages, reads=False) for _ in range(silent)],
        "posts": [Client(address, POST % len(body), body, 1 + len(body) // POST_PIECES,
                         seconds / POST_PIECES) for _ in range(posts)],
    }
    outlast([client for kind in crowd.values() for client in kind])
    return {name: [client.outcome() for client in kind] for name, kind in crowd.items()}


def main():
    host, port, page, *counts = sys.argv[1:]
    numbers = {"slow": 200, "silent": 50, "posts": 32, "seconds": 8}
    numbers |= {name: int(n) for name, n in (count.split("=") for count in counts)}
    print(json.dumps(attack((host, int(port)), page, **numbers)))


if __name__ == "__main__":
    main()
