# SPDX-License-Identifier: Apache-2.0
"""What a daemon says while something is missing, and that it works when nothing is."""
from daemon import FAILED, wait_listed
from kafka_util import fields_of, identity_of
from samples import identities
from waiting import wait_for


def said_once(daemon, event, **fields):
    """The event's line; a condition that lasts is not repeated."""
    daemon.wait_event(event, **fields)
    found = daemon.events(event, **fields)
    assert len(found) == 1, found
    assert found[0]["msg"], found
    return found[0]


def waits_for(daemon, what):
    """/ready says so, /live does not mind, and nothing pretends to be an empty list."""
    def says_so():
        answer = daemon.ready()
        return answer and not answer["ready"] and (answer.get("waiting_for") or "").startswith(what)
    wait_for(says_so, lambda: f"/ready to wait for {what}; it says {daemon.ready()}")
    assert daemon.get("/live").status == 200
    reply = daemon.get(FAILED)
    assert reply.status == 503 and reply.headers["Retry-After"]


def works(place, daemon, n=5):
    """So many failures are listed, and retried."""
    daemon.wait_ready()
    known = identities(n)
    place.fail(known)
    assert {identity_of(v) for v in wait_listed(daemon, n)} == set(known)
    reply = daemon.retry([fields_of(i) for i in known])
    assert reply.status == 200 and len(reply.json()) == n, reply
