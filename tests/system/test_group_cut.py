# SPDX-License-Identifier: Apache-2.0
"""Members that reach Kafka, but not each other: they work on what is theirs, and say what they
lack."""
import time

import pytest

import conservation
from daemon import FAILED, wait_listed
from group import CALM, wait_shared
from kafka_util import fields_of, identity_of
from private_net import Forbidden, PrivateNet
from relay import Relay
from samples import identities
from waiting import wait_for

PARTITIONS = set(range(6))
MEMBERS = 3
PEER_TIMEOUT_S = 2
REFUSED_WITHIN_S = 10  # a third of the time in which any request must be answered


def members(place, **settings):
    """Not started: one for each row of settings (a name: its values)."""
    common = CALM | {"peer__timeout": f"{PEER_TIMEOUT_S}s"}
    return [place.daemon(instance__id=f"{place.name}-m{i}x", **common,
                         **{name: values[i] for name, values in settings.items()})
            for i in range(MEMBERS)]


# --- over relays ----------------------------------------------------------------------------------

class Relays:
    """One in front of each member."""

    def __init__(self):
        self.all = [Relay() for _ in range(MEMBERS)]

    def cut(self):
        for relay in self.all:
            relay.cut()

    def heal(self):
        for relay in self.all:
            relay.heal()

    def are_idle(self):
        """A cut relay drops what it has."""
        return True

    def close(self):
        for relay in self.all:
            relay.close()


@pytest.fixture
def relays():
    made = Relays()
    yield made
    made.close()


@pytest.fixture
def relayed(place, relays):
    """Members that reach each other over relays."""
    daemons = members(place, instance__advertise=[r.url for r in relays.all])
    for daemon, relay in zip(daemons, relays.all):
        relay.target = daemon.start().address
    return daemons


# --- on hosts of their own ------------------------------------------------------------------------

@pytest.fixture
def net():
    try:
        made = PrivateNet(MEMBERS)
    except Forbidden as cause:
        pytest.skip(f"NOT TESTED: members on hosts that are cut off from each other; this machine "
                    f"does not let us have network namespaces ({cause})")
    yield made
    made.close()


@pytest.fixture
def place_on_net(net, new_broker, place_of):
    """A broker of one's own that the hosts reach."""
    broker = new_broker(net.address)
    yield place_of(broker.start()).create_topics()
    broker.stop()


@pytest.fixture
def remote(place_on_net, net):
    """Members on a host each."""
    daemons = members(place_on_net, before=[net.enter(i) for i in range(MEMBERS)],
                      http__listen=[f"{address}:0" for address in net.addresses],
                      peer__allow_from=[net.network] * MEMBERS)
    return [daemon.start() for daemon in daemons]


# --- cut off --------------------------------------------------------------------------------------

def partial(daemon):
    """What it lists alone, and its partitions."""
    page = daemon.get(FAILED, partial="true", max_keys=1000).json()
    assert not page["IsTruncated"], page
    return [identity_of(v) for v in page["Versions"]], PARTITIONS - set(page["Coverage"]["Missing"])


def refuses_whole_lists(daemon):
    """When its peers have been silent for their time, which is not long; at once when it knew that
    they are."""
    asked = time.monotonic()
    refused = daemon.get(FAILED)
    took = time.monotonic() - asked
    assert refused.status == 503 and refused.headers["Retry-After"], refused
    assert took < REFUSED_WITHIN_S
    return took


def lists_between(daemons, least, most):
    """Each lists everything in `least`, and nothing that is not in `most`."""
    lists = [d.whole() for d in daemons]
    return None not in lists and all(
        least <= {identity_of(v) for v in listed} <= most for listed in lists)


def work_alone(daemons, known):
    """While they are cut off from each other: answers of retries, and those whose end is not
    known."""
    lists, answers, unsure = [], [], set()
    for i, daemon in enumerate(daemons):
        took = refuses_whole_lists(daemon)
        assert i > 0 or took > PEER_TIMEOUT_S - 0.1     # nobody knew yet
        lists.append(partial(daemon))
        mine = lists[i][0]
        # The next member has a connection to this one, until it lists too: the last has none.
        reply = daemons[(i + 1) % MEMBERS].retry([fields_of(mine[-1])])
        assert reply.status in (503, 504), reply
        unsure |= {mine[-1]} if reply.status == 504 else set()
        reply = daemon.retry([fields_of(identity) for identity in mine[:50]])
        assert reply.status == 200, reply
        answers.append(reply.json())
    assert sorted(p for _, owned in lists for p in owned) == sorted(PARTITIONS)
    assert sorted(identity for listed, _ in lists for identity in listed) == sorted(known)
    return answers, unsure


def cut_and_heal(place, daemons, ways):
    """Members are cut off from each other, and then not any more; returns of how many retries they
    could not tell the end, and how many of these were done."""
    known = identities(600)
    place.fail(known)
    wait_shared(daemons)
    for daemon in daemons:
        wait_listed(daemon, 600)
    ways.cut()
    answers, unsure = work_alone(daemons, known)
    ways.heal()
    wait_for(ways.are_idle, "what was under way to arrive")
    wait_shared(daemons)
    wait_for(lambda: not any(d.metric("crr_retry_retries_in_flight") for d in daemons),
             "an end of the retries that arrived late")
    left = set(known) - {identity for identity, *_ in conservation.answered(answers)}
    wait_for(lambda: lists_between(daemons, left - unsure, left), "whole lists again")
    done = conservation.check(place, daemons, known, answers)
    return len(unsure), done


def test_members_that_do_not_reach_each_other_say_what_they_lack(place, relayed, relays):
    unsure, done = cut_and_heal(place, relayed, relays)
    assert 0 < unsure <= MEMBERS and done == 0  # what was sent over a cut relay never arrives


def test_members_on_hosts_that_do_not_reach_each_other_say_what_they_lack(
        place_on_net, remote, net):
    unsure, done = cut_and_heal(place_on_net, remote, net)
    assert 0 < done <= unsure  # sent again by TCP once somebody was there to take it
