# SPDX-License-Identifier: Apache-2.0
"""What the failure log means: the fold of its records, written a second time and plainly."""
import json
from collections import namedtuple

from kafka_util import identity_of, identity_of_key

State = namedtuple("State", "status partition offset fields")


def fold(records):
    """{identity: State} of what is FAILED or PENDING after these records, in log order."""
    states = {}
    for record in records:
        identity, fields = parse(record)
        if identity is None or is_void(record, states.get(identity)):
            continue
        status = "COMPLETED" if fields is None else fields.get("ReplicationStatus", "FAILED")
        if status == "COMPLETED":
            states.pop(identity, None)
        else:
            states[identity] = State(status, record.partition, record.offset, fields)
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


def with_status(states, status):
    """Identities of this status in the order of a listing."""
    found = [(s.partition, s.offset, identity) for identity, s in states.items()
             if s.status == status]
    return [identity for _, _, identity in sorted(found)]
