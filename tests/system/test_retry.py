# SPDX-License-Identifier: Apache-2.0
"""Retrying: one transaction, the answer after its commit, nothing twice."""
import json
import uuid

import pytest

import conservation
from daemon import FAILED, wait_listed
from kafka_util import Identity, fields_of, identity_of
from model import fold, with_status
from samples import identities
from waiting import wait_for


def elements(known):
    return [fields_of(i) for i in known]


def test_a_retry_is_answered_published_and_not_listed_any_more(place):
    known = identities(50)
    place.fail(known, Attempts=2, ErrorCode="AccessDenied", Size=7)
    daemon = place.start()
    reply = daemon.retry(elements(known[:20]))
    assert reply.status == 200
    assert [identity_of(v) for v in reply.json()] == known[:20]
    assert {(v["Attempts"], v["ReplicationStatus"]) for v in reply.json()} == {(3, "PENDING")}
    assert {identity_of(v) for v in daemon.walk()} == set(known[20:])
    assert conservation.check(place, [daemon], known, [reply.json()]) == 0


def test_the_retry_entry_is_what_the_specification_says(place):
    known = [Identity("b", "dir/k é", "v", "aws")]
    place.fail(known, Size=1, Role="arn:role", ErrorCode="E")
    reply = place.start().retry(elements(known),
                                traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01")
    entry, = place.retry_entries()
    assert entry.key == b"b%2Fdir%2Fk%20%C3%A9"
    value = json.loads(entry.value)
    assert value["ReplicationStatus"] == "PENDING" and value["Attempts"] == 1
    assert value["Role"] == "arn:role" and value["Size"] == 1
    assert entry.headers["crr-retry-attempt"] == "1"
    assert entry.headers["traceparent"].startswith("00-1111")
    assert uuid.UUID(entry.headers["crr-retry-id"]).version == 4
    pending = json.loads(place.failure_log()[-1].value)
    assert pending["RetryId"] == value["RetryId"] and pending["RetriedBy"] and pending["RetriedAt"]
    assert reply.json()[0]["Attempts"] == 1


def test_a_listing_can_be_posted_back_as_it_is(place):
    known = identities(30)
    place.fail(known, Role="r", ErrorCode="E")
    daemon = place.start()
    assert len(daemon.retry(daemon.walk()).json()) == 30
    assert daemon.walk() == []


def test_what_is_not_failed_is_left_out(place):
    known = identities(10)
    place.fail(known)
    daemon = place.start()
    unknown = Identity("b", "never seen", "v", "aws")
    first = daemon.retry(elements([known[0], unknown, known[1], known[0]]))
    assert [identity_of(v) for v in first.json()] == known[:2]
    wait_for(lambda: daemon.metric("crr_retry_retries_in_flight") == 0, "the records to come back")
    assert daemon.retry(elements([known[0], unknown])).json() == []
    assert len(place.retry_entries()) == 2


def test_force_retry_publishes_what_is_pending_or_unknown(place):
    known = identities(1) + [Identity("b", "never seen", "v", "aws")]
    place.fail(known[:1])
    daemon = place.start()
    assert len(daemon.retry(elements(known[:1])).json()) == 1
    wait_for(lambda: daemon.metric("crr_retry_retries_in_flight") == 0, "the records to come back")
    forced = daemon.retry([e | {"ForceRetry": True} for e in elements(known)])
    attempts = [(identity_of(v), v["Attempts"]) for v in forced.json()]
    assert attempts == [(known[0], 2), (known[1], 1)]
    assert conservation.check(place, [daemon], known[:1], [forced.json()]) == 1


def test_a_retry_that_fails_again_is_listed_again_with_what_was_known(place):
    known = identities(10)
    place.fail(known, Size=5, Role="r", Attempts=1)
    daemon = place.start()
    assert len(daemon.retry(elements(known)).json()) == 10
    place.fail(known, ErrorCode="Again")
    versions = wait_listed(daemon, 10)
    assert {(v["Size"], v["Role"], v["Attempts"], v["ErrorCode"]) for v in versions} == {
        (5, "r", 2, "Again")}

    def merged(log):
        latest = fold(log)
        return len(latest) == 10 and all(s.fields.get("Size") == 5 for s in latest.values())
    place.cluster.wait_records(place.failures, merged)
    assert daemon.metric("crr_retry_refailed_total") == 10


def test_the_same_idempotency_key_tells_the_same_result(place):
    known = identities(10)
    place.fail(known)
    daemon = place.start()
    key = "the same request"
    first = daemon.retry(elements(known), Idempotency_Key=key)
    again = daemon.retry(elements(known), Idempotency_Key=key)
    assert len(first.json()) == 10
    assert again.json() == first.json()
    daemon.kill()
    daemon.start().wait_ready()
    assert daemon.retry(elements(known), Idempotency_Key=key).json() == first.json()
    retry_id = str(uuid.uuid5(uuid.NAMESPACE_URL, key))
    assert [e.headers["crr-retry-id"] for e in place.retry_entries()] == [retry_id] * 10


def test_a_request_of_many_transactions_is_answered_as_one(place):
    known = identities(2500)
    place.fail(known)
    daemon = place.start(retry__max_transaction_entries=1000)
    reply = daemon.retry(elements(known))
    assert [identity_of(v) for v in reply.json()] == known
    assert conservation.check(place, [daemon], known, [reply.json()]) == 0
    assert daemon.metric("crr_retry_retry_transactions_total", outcome="committed") >= 3


def test_the_entry_payload_is_byte_for_byte_what_the_mover_consumed(place):
    with_entry, without = identities(2)
    entry = '{"odd" : [1, 2],\t"ключ":"\\u0041"}'
    place.fail([with_entry], Entry=entry)
    place.fail([without])
    daemon = place.start(retry__payload="entry")
    reply = daemon.retry(elements([with_entry, without]))
    assert [identity_of(v) for v in reply.json()] == [with_entry]
    assert [e.value for e in place.retry_entries()] == [entry.encode()]
    assert [identity_of(v) for v in daemon.walk()] == [without]
    assert daemon.metric("crr_retry_retries_skipped_total", cause="no_entry") == 1


def test_a_retry_without_an_outcome_is_listed_again(place):
    known = identities(5)
    place.fail(known, Size=9)
    daemon = place.start(retry__pending_ttl="1s")
    assert len(daemon.retry(elements(known)).json()) == 5
    versions = wait_listed(daemon, 5)
    assert {(v["ErrorCode"], v["Size"]) for v in versions} == {("RetryLost", 9)}


def test_a_retry_can_be_closed_instead_when_no_outcome_is_ever_known(place):
    known = identities(5)
    place.fail(known)
    daemon = place.start(retry__pending_ttl="1s", retry__pending_expiry="close")
    assert len(daemon.retry(elements(known)).json()) == 5
    place.cluster.wait_records(place.failures, lambda log: sum(r.value is None for r in log) == 5)
    assert daemon.walk() == []


BAD_BODIES = [
    b"", b"nonsense", b"{}", b"[]", b"null", b"[null]", b"[1]", b"[[]]", b"\xef\xbb\xbf[]",
    b'[{"Key":"k","StorageClass":"s"}]', b'[{"Bucket":"b","StorageClass":"s"}]',
    b'[{"Bucket":"b","Key":"k"}]', b'[{"Bucket":"","Key":"k","StorageClass":"s"}]',
    b'[{"Bucket":1,"Key":"k","StorageClass":"s"}]',
    b'[{"Bucket":"b","Key":"' + b"k" * 1025 + b'","StorageClass":"s"}]',
    b'[{"Bucket":"b","Key":"k","StorageClass":"s","VersionId":1}]',
    b'[{"Bucket":"b","Key":"k","StorageClass":"s","ForceRetry":"yes"}]',
    b'[{"Bucket":"b","Bucket":"b","Key":"k","StorageClass":"s"}]',
    b'[{"Bucket":"b","Key":"\\ud800","StorageClass":"s"}]',
    b'[{"Bucket":"b","Key":"\xc0\x80","StorageClass":"s"}]',
    b'[{"Bucket":"b","Key":"k","StorageClass":"s","x":' + b"[" * 17 + b"]" * 17 + b"}]",
]


def test_a_bad_body_is_refused_and_publishes_nothing(place):
    daemon = place.start()
    for body in BAD_BODIES:
        reply = daemon.post(FAILED, body)
        assert (reply.status, reply.json().get("MalformedPOSTRequest")) == (400, True), body[:60]
    assert place.retry_entries() == []


@pytest.mark.parametrize("settings, body", [
    ({"http__max_body_bytes": "1KiB"}, b"[" + b" " * 2000),
    ({"http__max_elements": 10}, [fields_of(i) for i in identities(11)]),
])
def test_too_large_a_request_is_refused(place, settings, body):
    reply = place.start(**settings).post(FAILED, body)
    assert (reply.status, reply.json().get("EntityTooLarge")) == (413, True)


def test_an_idempotency_key_that_is_not_one_is_refused(place):
    daemon = place.start()
    for key in ("", "k" * 129, "caf\xe9"):
        reply = daemon.retry(elements(identities(1)), Idempotency_Key=key)
        assert reply.status == 400, key


def test_other_methods_are_refused_with_those_allowed(place):
    daemon = place.start()
    reply = daemon.request("DELETE", FAILED)
    assert (reply.status, reply.headers["Allow"]) == (405, "GET, HEAD, POST")
    reply = daemon.request("POST", f"{FAILED}/b/k", b"[]")
    assert (reply.status, reply.headers["Allow"]) == (405, "GET, HEAD")


def test_the_order_of_the_list_is_the_order_of_the_log_after_a_storm(place):
    known = identities(300)
    place.fail(known)
    daemon = place.start()
    daemon.retry(elements(known[::2]))
    place.fail(known[::4])
    wait_listed(daemon, 225)

    def settled():
        states = fold(place.failure_log())
        return [identity_of(v) for v in daemon.walk()] == with_status(states, "FAILED")
    wait_for(settled, "the list to be what the log says")
