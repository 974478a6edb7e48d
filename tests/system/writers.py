# SPDX-License-Identifier: Apache-2.0
"""Clients that do not give up: each repeats its POST until it has the whole result."""
import http.client
import threading
import uuid

from kafka_util import fields_of, identity_of
from waiting import PAUSE_S


class Writer(threading.Thread):
    """Takes batches of identities, one after the other, and retries each batch until it is whole.

    `daemons()` gives those that may be asked; a refused connection, a lost answer, 503 and 504 are
    repeated with the same Idempotency-Key. What it was told lies in `answers`.
    """

    def __init__(self, daemons, batches):
        super().__init__(daemon=True)
        self._daemons, self._batches = daemons, batches
        self._enough, self._turn = threading.Event(), 0
        self.answers, self.repeats, self.error = [], 0, None

    def run(self):
        try:
            for batch in self._batches:
                if not self._retry(batch):
                    break
        except Exception as error:
            self.error = error

    def _retry(self, batch):
        key = str(uuid.uuid4())
        while not self._enough.is_set():
            elements = self._ask(batch, key)
            if elements is not None:
                told = {identity_of(e) for e in elements}
                assert told <= set(batch) and len(told) == len(elements), elements
                if len(told) == len(batch):
                    self.answers.append(elements)
                    return True
            self.repeats += 1
            self._enough.wait(PAUSE_S)
        return False

    def _ask(self, batch, key):
        """The elements of a 200; None when there was no answer, or one that says: again."""
        daemons = self._daemons()
        daemon = daemons[self._turn % len(daemons)]
        self._turn += 1
        try:
            reply = daemon.retry([fields_of(i) for i in batch], Idempotency_Key=key)
        except (OSError, http.client.HTTPException):
            return None
        assert reply.status in (200, 503, 504), reply
        return reply.json() if reply.status == 200 else None

    def stop(self):
        self._enough.set()


class Crowd:
    """Many writers at work: `with Crowd(...) as crowd`; on the way out each ends its work."""

    def __init__(self, daemons, shares):
        self._writers = [Writer(daemons, batches) for batches in shares]

    def __enter__(self):
        for writer in self._writers:
            writer.start()
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            for writer in self._writers:
                writer.stop()
        for writer in self._writers:
            writer.join(120)
        stuck = [w for w in self._writers if w.is_alive()]
        for writer in stuck:
            writer.stop()
        if kind is None:
            errors = [w.error for w in self._writers if w.error]
            assert not errors, errors[:3]
            assert not stuck, f"{len(stuck)} writers have no whole result"

    def count(self):
        return sum(len(w.answers) for w in self._writers)

    def repeats(self):
        return sum(w.repeats for w in self._writers)

    def answers(self):
        return [elements for w in self._writers for elements in w.answers]


def shares_of(identities, writers, batch):
    """The identities dealt to so many writers, each share in batches."""
    return [[identities[i:i + batch] for i in range(first, len(identities), writers * batch)]
            for first in range(0, writers * batch, batch)]
