# SPDX-License-Identifier: Apache-2.0
"""What the failure log means: the fold of its records, written a second time and plainly."""
import json
from collections import namedtuple
from datetime import datetime

from kafka_util import identity_of, identity_of_key

State = namedtuple("State", "status partition offset fields failed_ms")


def fold(records):
    """{identity: State} of what is FAILED or PENDING after these records, in log order."""
    states = {}
    for record in records:
        identity, fields = parse(record)
        state = states.get(identity)
        if identity is None or is_void(record, state) or is_late(record, fields, state):
            continue
        status = "COMPLETED" if fields is None else fields.get("ReplicationStatus", "FAILED")
        if status == "COMPLETED":
            states.pop(identity, None)
        else:
            states[identity] = State(status, record.partition, record.offset, fields,
                                     failed_ms(record, fields))
    return states


def parse(record):
    """(identity, fields); fields None for a tombstone. The key is canonical in these tests."""
    if record.value is None:
        return identity_of_key(record.key), None
    try:
        fields = json.loads(record.value)
        return identity_of(fields), fields
    except (ValueError, KeyError, TypeError):
        return None, None


def is_void(record, state):
    """A settlement is void when the identity's current record is a later one than it settles. That
    need not be the current one: of one that was void an owner writes the current record again."""
    settles = record.headers.get("crr-settles")
    return settles is not None and (state is None or state.offset > int(settles))


def is_late(record, fields, state):
    """What an intake tells of a time before the failure that stands."""
    if state is None or fields is None or not is_taken_in(record):
        return False
    completed = fields.get("ReplicationStatus") == "COMPLETED"
    told_ms = time_ms(record) if completed else failed_ms(record, fields)
    return told_ms < state.failed_ms


def is_taken_in(record):
    return "crr-timestamp" in record.headers and "crr-settles" not in record.headers


def time_ms(record):
    return int(record.headers.get("crr-timestamp", record.timestamp))


def failed_ms(record, fields):
    """When the failure was: no later than its record."""
    said = fields.get("FailedAt")
    return min(ms_of(said), time_ms(record)) if said else time_ms(record)


def ms_of(text):
    at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round(at.timestamp() * 1000)


def with_status(states, status):
    """Identities of this status in the order of a listing."""
    found = [(s.partition, s.offset, identity) for identity, s in states.items()
             if s.status == status]
    return [identity for _, _, identity in sorted(found)]
