# SPDX-License-Identifier: Apache-2.0
"""Listing and looking up what the failure log says."""
import json
import urllib.parse

import pytest

from daemon import FAILED, wait_listed
from kafka_util import Identity, failure, fields_of, identity_of, record_key
from model import fold, with_status
from samples import ODD, SITES, identities

MARKER_OF_PARTITION = 2 ** 43


def object_path(identity):
    return f"{FAILED}/{urllib.parse.quote(identity.bucket)}/{urllib.parse.quote(identity.key)}"


def test_what_is_in_the_log_before_the_start_is_listed_once_ready(place):
    known = identities(500, sites=SITES)
    place.fail(known)
    daemon = place.start()
    assert [identity_of(v) for v in daemon.walk()] == with_status(
        fold(place.failure_log()), "FAILED")


def test_a_failure_appears_and_a_tombstone_takes_it_away(place):
    daemon = place.start()
    known = identities(20)
    place.fail(known)
    wait_listed(daemon, 20)
    place.complete(known[:5])
    assert {identity_of(v) for v in wait_listed(daemon, 15)} == set(known[5:])


def test_a_completed_value_takes_it_away_and_leaves_a_tombstone(place):
    daemon = place.start()
    known = identities(10)
    place.fail(known)
    wait_listed(daemon, 10)
    place.fail(known, ReplicationStatus="COMPLETED")
    wait_listed(daemon, 0)
    place.cluster.wait_records(place.failures, lambda log: sum(r.value is None for r in log) == 10)


def test_a_site_lists_its_own_only(place):
    known = identities(90, sites=SITES)
    place.fail(known)
    daemon = place.start()
    for site in SITES:
        assert {identity_of(v) for v in daemon.walk(sitename=site)} == {
            i for i in known if i.site == site}
    assert daemon.walk(sitename="nowhere") == []


def test_every_documented_field_comes_back_in_the_documented_order(place):
    identity = Identity("b", "k", "v", "aws")
    place.fail([identity], Size=12, LastModified="2018-03-30T22:22:34.384Z",
               FailedAt="2026-11-24T10:00:00+02:00", ErrorCode="AccessDenied",
               ErrorMessage="no", Attempts=3, Role="arn:role", Unknown={"a": 1})
    versions, _ = place.start().page()
    assert list(versions[0].items()) == [
        ("Bucket", "b"), ("Key", "k"), ("VersionId", "v"), ("StorageClass", "aws"), ("Size", 12),
        ("LastModified", "2018-03-30T22:22:34.384Z"), ("FailedAt", "2026-11-24T08:00:00.000Z"),
        ("ErrorCode", "AccessDenied"), ("Attempts", 3), ("Role", "arn:role")]


def test_odd_names_are_listed_looked_up_and_retried_as_they_are(place):
    place.fail(ODD)
    daemon = place.start()
    assert {identity_of(v) for v in daemon.walk()} == set(ODD)
    for identity in ODD:
        reply = daemon.get(object_path(identity), versionId=identity.version)
        assert [identity_of(v) for v in reply.json()["Versions"]] == [identity], identity
    reply = daemon.retry(daemon.walk())
    assert {identity_of(v) for v in reply.json()} == set(ODD)
    assert {identity_of(json.loads(e.value)) for e in place.retry_entries()} == set(ODD)


def test_an_object_is_looked_up_at_all_its_sites(place):
    known = [Identity("b", "k", "v", site) for site in SITES]
    place.fail(known + [Identity("b", "k", "other", "aws-east")])
    daemon = place.start()
    reply = daemon.get(f"{FAILED}/b/k", versionId="v")
    assert {identity_of(v) for v in reply.json()["Versions"]} == set(known)
    assert reply.json()["IsTruncated"] is False
    assert daemon.get(f"{FAILED}/b/unknown").json()["Versions"] == []


def test_pages_of_any_size_give_the_same_walk(place):
    place.fail(identities(250, sites=SITES))
    daemon = place.start()
    whole = daemon.walk()
    assert len(whole) == 250
    for size in (1, 7, 249, 250, 251, 1000):
        assert daemon.walk(max_keys=size) == whole, size


def test_a_marker_is_a_place_in_the_log(place):
    place.fail(identities(60))
    daemon = place.start()
    rows = [(r.partition, r.offset, r.key) for r in place.failure_log()]
    for partition, offset, key in rows[::7]:
        versions, _ = daemon.page(marker=partition * MARKER_OF_PARTITION + offset)
        assert record_key(identity_of(versions[0])) == key
    assert daemon.page(marker=900 * MARKER_OF_PARTITION) == ([], None)


def test_a_marker_stays_good_after_a_restart(place):
    place.fail(identities(100))
    daemon = place.start()
    first, marker = daemon.page(max_keys=40)
    rest = daemon.walk(marker=marker)
    daemon.stop()
    assert daemon.start().wait_ready().walk(marker=marker) == rest
    assert len(first) + len(rest) == 100


@pytest.mark.parametrize("prefix", [
    "/_/backbeat/api/_/crr", "/_/backbeat/api/crr", "/_/_/crr", "/_/crr", "//_//backbeat/api//crr"])
def test_every_prefix_gives_the_same_list(place, prefix):
    place.fail(identities(3))
    daemon = place.start()
    assert daemon.get(f"{prefix}/failed").json() == daemon.get(FAILED).json()
    assert daemon.get(f"{prefix}/failed/").json() == daemon.get(FAILED).json()
    head = daemon.request("HEAD", f"{prefix}/failed")
    assert head.status == 200 and head.body == b""


BAD_QUERIES = ["sitename=", "marker=foo", "marker=", "marker=-1", "marker=1.5", "marker=+1",
               f"marker={2 ** 53}", "max-keys=0", "max-keys=1001", "max-keys=x", "partial=maybe",
               "bucket=b", "sitename=a&sitename=b", "sitename=%ff", "sitename=%4"]


def test_a_bad_query_is_refused_by_name(place):
    daemon = place.start()
    for query in BAD_QUERIES:
        reply = daemon.get(f"{FAILED}?{query}")
        assert (reply.status, reply.json().get("InvalidQueryParameter")) == (400, True), query
        assert reply.headers["X-Request-Id"]


BAD_RECORDS = {
    "not_json": [b"", b"nonsense", b"[1]", b"{} {}", b'"text"', b'{"Bucket":"b"'],
    "bad_utf8": [b'{"Bucket":"b","Key":"\xff","StorageClass":"s"}'],
    "duplicate_key": [b'{"Bucket":"b","Bucket":"b","Key":"k","StorageClass":"s"}'],
    "missing_field": [b'{"Key":"k","StorageClass":"s"}', b'{"Bucket":"b","Key":"k"}'],
    "bad_field": [b'{"Bucket":1,"Key":"k","StorageClass":"s"}',
                  b'{"Bucket":"","Key":"k","StorageClass":"s"}',
                  b'{"Bucket":"b","Key":"k","StorageClass":"s","ReplicationStatus":"LOST"}'],
    "key_mismatch": [b'{"Bucket":"b","Key":"other","StorageClass":"s"}'],
}


@pytest.mark.parametrize("cause", BAD_RECORDS)
def test_a_bad_record_is_counted_and_never_stops_the_partition(place, cause):
    values = BAD_RECORDS[cause]
    key = record_key(Identity("b", "k", "", "s"))
    place.cluster.produce(place.failures, [(key, value) for value in values])
    place.fail(identities(30))
    daemon = place.start()
    assert len(daemon.walk()) == 30
    assert daemon.metric("crr_retry_records_rejected_total", cause=cause) == len(values)
    said = daemon.events("record_rejected", cause=cause)
    assert len(said) == len(values) and said[0]["topic"] == place.failures


def test_a_key_that_names_nothing_is_refused(place):
    value = json.dumps(fields_of(Identity("b", "k", "", "s"))).encode()
    place.cluster.set_topic_config(place.failures, "cleanup.policy", "delete")  # takes null keys
    place.cluster.produce(place.failures, [(None, value), (b"nonsense", value)])
    daemon = place.start()
    assert daemon.walk() == []
    assert daemon.metric("crr_retry_records_rejected_total", cause="bad_key") == 2


def test_a_bad_optional_field_never_costs_a_failure(place):
    identity = Identity("b", "k", "v", "s")
    place.fail([identity], Size=-1, LastModified="yesterday", Attempts=1.5)
    daemon = place.start()
    versions, _ = daemon.page()
    assert identity_of(versions[0]) == identity
    assert not {"Size", "LastModified", "Attempts"} & versions[0].keys()
    for field in ("Size", "LastModified", "Attempts"):
        assert daemon.metric("crr_retry_fields_ignored_total", field=field) == 1, field


def test_a_record_in_the_wrong_partition_is_listed_and_moved(place):
    identity = Identity("b", "k", "v", "s")
    key, value = failure(identity)
    right = place.cluster.partition_of_key(place.failures, key)
    wrong = (right + 1) % 6
    place.cluster.produce(place.failures, [(key, value, {"partition": wrong})])
    daemon = place.start()
    wait_listed(daemon, 1)

    def moved(log):
        return [r.partition for r in log if r.value is not None] == sorted([wrong, right]) and [
            r.partition for r in log if r.value is None] == [wrong]
    place.cluster.wait_records(place.failures, moved)
    assert [identity_of(v) for v in wait_listed(daemon, 1)] == [identity]
    assert daemon.metric("crr_retry_records_misplaced_total") >= 1
