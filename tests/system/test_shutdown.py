# SPDX-License-Identifier: Apache-2.0
"""Asked to stop: what was accepted is answered, and nothing is done that nobody is told of."""
import http.client
import signal
import threading

import conservation
from daemon import FAILED
from group import cluster
from kafka_util import fields_of
from samples import identities
from waiting import wait_for

CLIENTS, BATCH = 32, 10
GRACE_S = 25


class Client(threading.Thread):
    """Posts batch after batch on one connection until the daemon takes no more."""

    def __init__(self, daemon, batches):
        super().__init__(daemon=True)
        self._daemon, self._batches = daemon, batches
        self.answers, self.others, self.unanswered = [], [], []

    def run(self):
        for batch in self._batches:
            try:
                reply = self._daemon.retry([fields_of(i) for i in batch])
            except (OSError, http.client.HTTPException):
                self.unanswered.append(batch)
                return
            if reply.status == 200:
                self.answers.append(reply.json())
            else:
                self.others.append(reply.status)
                return


def under_load(place, daemon, known):
    """Clients at work; some retries are done and more are under way."""
    batches = [known[i:i + BATCH] for i in range(0, len(known), BATCH)]
    clients = [Client(daemon, batches[i::CLIENTS]) for i in range(CLIENTS)]
    for client in clients:
        client.start()
    wait_for(lambda: sum(len(c.answers) for c in clients) >= 2 * CLIENTS, "the first answers")
    return clients


def test_sigterm_under_load_leaves_no_accepted_retry_without_its_answer(place):
    known = identities(60_000)
    place.fail(known)
    daemon = place.start()
    clients = under_load(place, daemon, known)
    assert daemon.stop(GRACE_S) == 0
    for client in clients:
        client.join(30)
    assert not any(c.is_alive() for c in clients)
    assert {status for c in clients for status in c.others} <= {503}
    daemon.start().wait_ready()
    answers = [elements for c in clients for elements in c.answers]
    assert conservation.check(place, [daemon], known, answers) == 0


def test_a_second_signal_does_not_wait(own_place):
    """The broker is away: the first signal would wait for the grace period."""
    known = identities(10)
    own_place.fail(known)
    daemon = own_place.start(http__request_timeout="30s")
    own_place.broker.pause()
    client = Client(daemon, [known])
    client.start()
    wait_for(lambda: daemon.metric("crr_retry_retries_in_flight") == 10, "the retry under way")
    daemon.signal(signal.SIGTERM)
    daemon.wait_event("stopping")
    daemon.signal(signal.SIGTERM)
    assert daemon.wait_exit(10) == 0
    own_place.broker.resume()
    client.join(10)


def test_at_the_end_of_the_grace_period_what_is_open_is_answered(own_place):
    known = identities(10)
    own_place.fail(known)
    daemon = own_place.start(http__request_timeout="60s", shutdown__grace="2s")
    wait_for(lambda: [len(m["claims"]) for m in cluster(daemon)["members"]] == [6],
             "its claims: no transaction runs then")
    own_place.broker.pause()
    client = Client(daemon, [known])
    client.start()
    wait_for(lambda: daemon.metric("crr_retry_retries_in_flight") == 10, "the retry under way")
    assert daemon.stop(15) == 0
    client.join(10)
    assert client.others == [504]
    own_place.broker.resume()


def test_not_ready_before_the_listener_closes(place):
    daemon = place.start(shutdown__delay="1h")
    daemon.signal(signal.SIGTERM)
    daemon.wait_not_ready(state="stopping")
    assert daemon.get(FAILED).status == 200
    daemon.signal(signal.SIGTERM)
    daemon.wait_exit()


def test_idle_and_half_open_connections_do_not_hold_it(place):
    daemon = place.start()
    idle = daemon.connect()
    daemon.request("GET", "/live", connection=idle)
    half = daemon.connect()
    half.connect()
    half.send(b"POST /_/crr/failed HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n[")
    assert daemon.stop(GRACE_S) == 0
