# SPDX-License-Identifier: Apache-2.0
"""An owner that dies in a transaction: its successor ends that, and does not wait for its timeout."""
import http.client
import signal
import threading

import conservation
from group import QUICK
from kafka_util import fields_of, identity_of
from samples import identities
from waiting import wait_for

ENTRIES, LONG_S = 10_000, 600


def post_in_vain(daemon, known):
    """A retry whose answer never comes."""
    try:
        daemon.retry([fields_of(i) for i in known])
    except (OSError, http.client.HTTPException):
        pass


def stands_in_a_transaction(place, daemon):
    """Stopped in one, or going on. Markers of one that was committed come soon: it is asked twice."""
    daemon.signal(signal.SIGSTOP)
    if all(place.cluster.is_in_transaction(place.replication) for _ in range(2)):
        return True
    daemon.signal(signal.SIGCONT)
    return False


def die_in_a_transaction(place, daemon, known):
    """Killed between its offset commit, which comes first, and the end: what it produced is seen."""
    client = threading.Thread(target=post_in_vain, args=(daemon, known), daemon=True)
    client.start()
    wait_for(lambda: stands_in_a_transaction(place, daemon) or not client.is_alive(),
             "an open transaction")
    daemon.kill()
    client.join()
    return place.cluster.is_in_transaction(place.replication)


def test_a_successor_ends_the_transaction_of_a_dead_owner(own_place):
    known = identities(ENTRIES)
    own_place.fail(known)
    settings = QUICK | {"retry__transaction_timeout": f"{LONG_S}s"}
    for attempt in range(5):
        owner = own_place.daemon(instance__id=f"{own_place.name}-owner{attempt}x",
                                 **settings).start().wait_ready()
        left = [identity_of(v) for v in owner.walk()]
        if die_in_a_transaction(own_place, owner, left):
            break
    else:
        raise AssertionError("every transaction had ended when its owner was killed")
    heir = own_place.daemon(instance__id=f"{own_place.name}-heir", **settings).start()
    heir.wait_ready(LONG_S / 5)
    assert heir.events("owner_fenced", transactional_id=f"crr-retryd-{own_place.name}-group-"
                                                        f"{own_place.name}-owner{attempt}x")
    wait_for(lambda: not own_place.cluster.is_in_transaction(own_place.replication),
             "the last marker of that transaction")
    assert heir.walk()  # those of the transaction that was ended
    conservation.check(own_place, [heir], known, [])
