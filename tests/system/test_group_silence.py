# SPDX-License-Identifier: Apache-2.0
"""A member that stands still costs the others one wait, not one a request."""
import signal
import time

from daemon import FAILED
from group import Members, cluster, wait_shared
from kafka_util import identity_of, partition_of, record_key
from samples import identities
from waiting import wait_for

PARTITIONS = 6
PEER_TIMEOUT_S = 5
# The group keeps a member that stands still for as long as the test lasts.
PATIENT = {"kafka__consumer_properties__session__timeout__ms": 120_000,
           "peer__timeout": f"{PEER_TIMEOUT_S}s"}


def partitions_of(daemon):
    return {p["partition"] for p in cluster(daemon)["members"][0]["status"]["partitions"]}


def url_of(daemon):
    return "http://%s:%d" % daemon.address


def lost(daemon):
    return daemon.metric("crr_retry_peer_requests_total", outcome="lost")


def look_up(daemon, identity):
    bucket, key, version, site = identity
    return daemon.get(f"{FAILED}/{bucket}/{key}", versionId=version, sitename=site)


def check_answers(daemon, own, missing):
    """What it holds is found, what is known is listed, and what is not is said."""
    for identity in own:
        found = look_up(daemon, identity)
        assert found.status == 200 and "Coverage" not in found.json(), found
        assert [identity_of(v) for v in found.json()["Versions"]] == [identity]
        some = daemon.get(FAILED, partial="true")
        assert set(some.json()["Coverage"]["Missing"]) == missing, some
        whole = daemon.get(FAILED)
        assert whole.status == 503 and whole.headers["Retry-After"], whole


def test_who_stands_still_is_waited_for_once(place):
    known = identities(300)
    place.fail(known)
    stopped, asked, other = Members(place, **PATIENT).start(3).running
    missing, held = partitions_of(stopped), partitions_of(asked)
    own = [i for i in known if partition_of(record_key(i), PARTITIONS) in held]
    stopped.signal(signal.SIGSTOP)
    began = time.monotonic()
    assert asked.get(FAILED, partial="true").status == 200
    asked.wait_event("peer_silent", url=url_of(stopped))
    before = lost(asked)
    check_answers(asked, own[:20], missing)
    probes = (time.monotonic() - began) / PEER_TIMEOUT_S + 1  # one after the other, each to its end
    assert lost(asked) - before <= probes
    shown = next(m for m in cluster(asked)["members"] if m["url"] == url_of(stopped))
    assert not shown["reachable"] and shown["silentMs"] > 0
    assert asked.metric("crr_retry_peers_silent") == 1
    stopped.signal(signal.SIGCONT)
    wait_for(lambda: asked.get(FAILED).status == 200, "a whole list")
    assert {identity_of(v) for v in asked.walk()} == set(known)
    asked.wait_event("peer_silence_over", url=url_of(stopped), cause="answer")
    wait_shared([stopped, asked, other])
