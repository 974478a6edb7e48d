# SPDX-License-Identifier: Apache-2.0
"""Members that reach Kafka, but not each other: they work on what is theirs, and say what they
lack."""
import pytest

import conservation
from daemon import FAILED
from group import QUICK, wait_shared
from kafka_util import fields_of, identity_of
from relay import Relay
from samples import identities
from waiting import wait_for

PARTITIONS = set(range(6))


@pytest.fixture
def cut_group(place):
    """Three members, and the ways to them."""
    relays, daemons = [Relay() for _ in range(3)], []
    for i, relay in enumerate(relays):
        daemon = place.daemon(instance__id=f"{place.name}-m{i}x", instance__advertise=relay.url,
                              **QUICK).start()
        relay.target = daemon.address
        daemons.append(daemon)
    yield daemons, relays
    for relay in relays:
        relay.close()


def partial(daemon):
    """What it lists alone, and its partitions."""
    page = daemon.get(FAILED, partial="true", max_keys=1000).json()
    assert not page["IsTruncated"], page
    return [identity_of(v) for v in page["Versions"]], PARTITIONS - set(page["Coverage"]["Missing"])


def test_members_that_do_not_reach_each_other_say_what_they_lack(place, cut_group):
    daemons, relays = cut_group
    known, answers = identities(600), []
    place.fail(known)
    wait_shared(daemons)
    wait_for(lambda: all(len(d.walk()) == 600 for d in daemons), "whole lists")
    for relay in relays:
        relay.cut()
    lists = []
    for daemon in daemons:
        refused = daemon.get(FAILED)
        assert refused.status == 503 and refused.headers["Retry-After"], refused
        listed, owned = partial(daemon)
        lists.append((daemon, listed, owned))
    assert sorted(p for _, _, owned in lists for p in owned) == sorted(PARTITIONS)
    assert sorted(i for _, listed, _ in lists for i in listed) == sorted(known)
    for daemon, listed, _ in lists:
        reply = daemon.retry([fields_of(i) for i in listed[:50]])
        assert reply.status == 200, reply
        answers.append(reply.json())
        elsewhere = next(i for i in known if i not in listed)
        refused = daemon.retry([fields_of(elsewhere)])  # its owner is known not to answer: not asked
        assert refused.status == 503 and refused.headers["Retry-After"], refused
    for relay in relays:
        relay.heal()
    wait_shared(daemons)
    wait_for(lambda: all(len(d.walk()) == 450 for d in daemons), "whole lists again")
    conservation.check(place, daemons[0], known, answers)
