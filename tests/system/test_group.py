# SPDX-License-Identifier: Apache-2.0
"""Members of one group share the partitions, and each answers for all."""
import signal
from datetime import datetime, timedelta

import pytest

import conservation
from daemon import FAILED, wait_listed
from group import CALM, Members, wait_shared
from kafka_util import fields_of, identity_of
from samples import identities
from waiting import wait_for


def time_of(event):
    return datetime.fromisoformat(event["time"].replace("Z", "+00:00"))


def group_of(place, n):
    """Started, and each has its share ready."""
    return Members(place, **CALM).start(n)


def members(place, n):
    return group_of(place, n).running


@pytest.mark.parametrize("n", [2, 3])
def test_every_member_lists_the_same_byte_for_byte(place, n):
    known = identities(2500)
    place.fail(known)
    daemons = members(place, n)
    for site in (None, "aws"):
        query = {} if site is None else {"sitename": site}
        pages = [d.get(FAILED, **query).body for d in daemons]
        assert len(set(pages)) == 1
    walks = [d.walk() for d in daemons]
    assert all(w == walks[0] for w in walks)
    assert {identity_of(v) for v in walks[0]} == set(known)


def test_an_object_is_found_through_any_member(place):
    known = identities(60)
    place.fail(known)
    daemons = members(place, 3)
    for bucket, key, version, site in known[:10]:
        answers = {d.get(f"{FAILED}/{bucket}/{key}", versionId=version).body for d in daemons}
        assert len(answers) == 1 and b'"Key"' in answers.pop()


def test_a_retry_through_any_member_is_published_once(place):
    known = identities(900)
    place.fail(known)
    daemons = members(place, 3)
    answers = []
    for daemon, share in zip(daemons, (known[:300], known[300:600], known[600:])):
        reply = daemon.retry([fields_of(i) for i in share])
        assert reply.status == 200, reply
        assert [identity_of(v) for v in reply.json()] == share
        answers.append(reply.json())
    wait_for(lambda: all(d.whole() == [] for d in daemons), "empty lists")
    assert conservation.check(place, daemons, known, answers) == 0


def test_a_group_that_was_stopped_as_a_whole_knows_the_same_again(place):
    known = identities(400)
    place.fail(known)
    group = group_of(place, 3)
    answer = group.running[0].retry([fields_of(i) for i in known[:100]]).json()
    wait_listed(group.running[1], 300)
    before = group.running[2].get(FAILED).body
    daemons = list(group.running)
    for daemon in daemons:
        daemon.signal(signal.SIGTERM)
    assert [d.wait_exit() for d in daemons] == [0, 0, 0]
    group.running.clear()
    again = group.start(3).running
    assert [d.get(FAILED).body for d in again] == [before] * 3
    assert conservation.check(place, again, known, [answer]) == 0


def test_partitions_that_come_back_go_on_where_they_were(place):
    known, more = identities(600), identities(60, "meanwhile")
    place.fail(known)
    group = group_of(place, 1)
    first, second = group.running[0], group.join("m1x")
    wait_shared(group.running)
    away = [int(p) for p in first.wait_event("revoked")["partitions"].split(",")]
    place.fail(more)
    group.leave(second)
    wait_shared(group.running)
    assert {identity_of(v) for v in wait_listed(first, 660)} == set(known + more)
    gone = time_of(first.events("revoked")[0])
    returned = [e for e in first.events("assigned") if time_of(e) > gone][-1]
    if time_of(returned) - gone < timedelta(seconds=29):
        back = {e["partition"]: e["position"] for e in first.events("partition_back")}
        assert sorted(back) == sorted(away) and min(back.values()) > 0
        again = [e for e in first.events("partition_ready") if time_of(e) > time_of(returned)]
        assert sum(e["records"] for e in again) <= len(more)
