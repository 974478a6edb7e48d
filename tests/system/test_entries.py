# SPDX-License-Identifier: Apache-2.0
"""Payload `entry`: what was consumed is read again from the failure log, ten thousand at a time."""
import random

from daemon import wait_listed
from kafka_util import failure, fields_of
from samples import identities

MANY = 10000
BETWEEN = 20      # other failures between two that are wanted


def scattered(place):
    """Identities with an entry that lie far apart in the log."""
    found = identities(MANY, "wanted")
    rows = []
    for i, identity in enumerate(found):
        rows.append(failure(identity, Entry="e" * 200))
        rows += [failure(other) for other in identities(BETWEEN, f"other{i}")]
    place.cluster.produce(place.failures, rows)
    return found


def published(place, count):
    place.cluster.wait_records(place.replication, lambda rows: len(rows) == count)
    assert {row.value for row in place.retry_entries()} == {b"e" * 200}


def test_entries_that_lie_far_apart_are_published_within_a_request(place):
    found = scattered(place)
    random.Random(1).shuffle(found)
    daemon = place.start(retry__payload="entry")
    wait_listed(daemon, MANY * (BETWEEN + 1))
    answer = daemon.retry([fields_of(i) for i in found])
    assert (answer.status, len(answer.json())) == (200, MANY), answer.body[:300]
    published(place, MANY)


def test_a_listing_with_entries_is_posted_back_within_a_request(place):
    place.fail(identities(MANY), Entry="e" * 200)
    daemon = place.start(retry__payload="entry")
    answer = daemon.retry(wait_listed(daemon, MANY))
    assert (answer.status, len(answer.json())) == (200, MANY), answer.body[:300]
    published(place, MANY)


def test_entries_of_some_megabytes_are_published(place):
    found = identities(12)
    place.fail(found, Entry="e" * 2400000)
    daemon = place.start(retry__payload="entry")
    wait_listed(daemon, len(found))
    answer = daemon.retry([fields_of(i) for i in found])
    assert (answer.status, len(answer.json())) == (200, len(found)), answer.body[:300]
