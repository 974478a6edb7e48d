# SPDX-License-Identifier: Apache-2.0
"""Nothing is lost and nothing is done twice: stated from the topics, read committed.

Each identity ever produced is listed as failed, or PENDING, or gone by a tombstone; each element of
a 200 answer has exactly one retry entry; no failure is published twice. Entries that no answer
speaks of are counted apart: their writer gave up, or the outcome was not known.
"""
import json
from collections import Counter

from kafka_util import identity_of, identity_of_key
from model import fold, with_status
from waiting import DEADLINE_S, TooLate, wait_for


def failure_of(fields):
    """What tells one failure of an identity from its next: a mover's FAILED record need not carry
    Attempts, but it has a time of its own."""
    return identity_of(fields), fields["Attempts"], fields.get("FailedAt")


def retried(entry):
    """The failure that a retry entry in the native payload retries."""
    fields = json.loads(entry.value)
    assert fields["ReplicationStatus"] == "PENDING", fields
    assert fields["Attempts"] == int(entry.headers["crr-retry-attempt"]), entry
    assert fields["RetryId"] == entry.headers["crr-retry-id"], entry
    return failure_of(fields)


def history(identity, failure_log, entries):
    """Everything that both topics say of an identity, for a failure's message."""
    lines = [f"{r.partition}:{r.offset} t={r.timestamp} {r.headers} {r.value}"
             for r in failure_log if identity_of_key(r.key) == identity]
    lines += [f"entry {e.partition}:{e.offset} t={e.timestamp} {e.headers}"
              for e in entries if retried(e)[0] == identity]
    return "\n".join(lines)


def published_once(entries, failure_log=()):
    """{failure: retry id}"""
    counts = Counter(map(retried, entries))
    twice = [f for f, n in counts.items() if n > 1]
    assert not twice, (f"{len(twice)} failures were published twice: {twice[:3]}\n"
                       f"{history(twice[0][0], failure_log, entries)}")
    return {retried(e): e.headers["crr-retry-id"] for e in entries}


def answered(answers):
    """The failures whose retry the elements of 200 answers tell."""
    return {failure_of(element) for elements in answers for element in elements}


def has_pending_records(failure_log, published):
    """Entry and PENDING record stand or fall together: one transaction."""
    pending = Counter()
    for record in failure_log:
        fields = json.loads(record.value) if record.value else {}
        if fields.get("ReplicationStatus") == "PENDING" and "crr-settles" not in record.headers:
            pending[failure_of(fields)] += 1
    alone = published.keys() - pending.keys()
    assert not alone, f"{len(alone)} retry entries without a PENDING record: {list(alone)[:3]}"
    orphans = pending.keys() - published.keys()
    assert not orphans, f"{len(orphans)} PENDING records without an entry: {list(orphans)[:3]}"


def log_that_is_listed(place, daemons, deadline_s=DEADLINE_S):
    """The failure log once every member lists what it says, and all list the same of it.

    A record is listed when it was read, a moment after it was written; meanwhile a settlement may
    be written. So this waits, and says what still differs when it waited in vain.
    """
    found, differs = [], []

    def is_listed():
        found[:] = place.failure_log()
        wanted = with_status(fold(found), "FAILED")
        lists = [daemon.whole() for daemon in daemons]
        differs[:] = [compared(wanted, one) for one in lists]
        return not any(differs) and all(one == lists[0] for one in lists)

    try:
        wait_for(is_listed, "members to list what the failure log says", deadline_s)
    except TooLate as error:
        raise TooLate(f"{error}: {differs}") from error
    return found


def compared(wanted, versions):
    """How a list differs from what it should be; empty: it does not."""
    if versions is None:
        return "is not known just now"
    listed = list(map(identity_of, versions))
    if listed == wanted:
        return ""
    lacks, has = Counter(wanted) - Counter(listed), Counter(listed) - Counter(wanted)
    return (f"lacks {lacks.total()} of {len(wanted)}: {list(lacks)[:3]}, "
            f"has {has.total()} too many: {list(has)[:3]}")


def check(place, daemons, identities, answers):
    """All of it, of all members; returns how many published entries no answer speaks of."""
    log = log_that_is_listed(place, daemons)
    entries = place.retry_entries()
    published, told = published_once(entries, log), answered(answers)
    missing = told - published.keys()
    assert not missing, f"{len(missing)} answered retries were not published: {list(missing)[:3]}"
    has_pending_records(log, published)
    states = fold(log)
    gone = set(identities) - states.keys()
    closed = {identity_of_key(r.key) for r in log if r.value is None}
    assert gone <= closed, f"{len(gone - closed)} failures vanished: {list(gone - closed)[:3]}"
    unknown = published.keys() - told
    print(f"{len(identities)} failures, {len(published)} retries, {len(told)} answered, "
          f"{len(unknown)} published without an answer")
    return len(unknown)
