# SPDX-License-Identifier: Apache-2.0
"""A walk over all pages while the log changes: undisturbed entries exactly once."""
import random
from collections import Counter

from daemon import wait_listed
from kafka_util import fields_of, identity_of
from samples import identities
from waiting import wait_for

ENTRIES = 100_000
CHANGES = 1_000
A_PAGE = 10


def chosen(seed, known):
    """(to retry, to fail again): different ones."""
    picked = random.Random(seed).sample(known, 2 * CHANGES)
    return picked[:CHANGES], picked[CHANGES:]


def walk_while_it_changes(place, daemon, retried, failed_again, added):
    """The versions of all pages; between two pages some are retried, added and fail again."""
    seen, marker, step = [], 0, 0
    while marker is not None:
        versions, marker = daemon.page(marker=marker)
        seen += map(identity_of, versions)
        now = slice(step * A_PAGE, (step + 1) * A_PAGE)
        if retried[now]:
            assert len(daemon.retry([fields_of(i) for i in retried[now]]).json()) == A_PAGE
            place.fail(added[now] + failed_again[now])
        step += 1
    assert step * A_PAGE >= CHANGES, "the changes did not fit into the walk"
    return seen


def test_undisturbed_entries_are_listed_exactly_once(place):
    known = identities(ENTRIES)
    place.fail(known)
    daemon = place.start()
    retried, failed_again = chosen(7, known)
    added = identities(CHANGES, prefix="added")
    counts = Counter(walk_while_it_changes(place, daemon, retried, failed_again, added))
    undisturbed = set(known) - set(retried) - set(failed_again)
    assert len(undisturbed) == ENTRIES - 2 * CHANGES
    assert {counts[i] for i in undisturbed} == {1}
    assert all(counts[i] >= 1 for i in failed_again), "a failure that failed again was missed"
    assert max(counts[i] for i in failed_again) <= 2
    assert max(counts[i] for i in retried + added) <= 1


def test_the_walk_after_the_changes_is_the_new_state(place):
    known = identities(3000)
    place.fail(known)
    daemon = place.start()
    retried, failed_again = known[:1000], known[1000:2000]
    added = identities(1000, prefix="added")
    daemon.retry([fields_of(i) for i in retried])
    place.fail(failed_again + added)
    expected = set(known) - set(retried) | set(added)
    versions = wait_listed(daemon, len(expected))
    assert {identity_of(v) for v in versions} == expected
    wait_for(lambda: daemon.metric("crr_retry_pending_entries") == 1000, "1000 pending entries")
