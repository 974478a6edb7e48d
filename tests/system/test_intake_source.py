# SPDX-License-Identifier: Apache-2.0
"""What failures lack is taken from the source as they are taken in; without it they come all the
same."""
import json
from collections import Counter

import pytest

import backbeat
from backbeat import Pipeline
from daemon import wait_listed
from kafka_util import Identity, fields_of, identity_of
from metadata_server import MetadataServer
from samples import ODD, identities
from waiting import outlast, wait_for

SOME, OUTAGE_S = 40, 60


@pytest.fixture
def pipeline(place):
    return Pipeline(place)


@pytest.fixture
def source():
    server = MetadataServer()
    yield server
    server.close()


def put_all(source, found):
    for i in found:
        source.versions[i.bucket, i.key, i.version or None] = json.dumps(
            backbeat.metadata("raw", {i.site: "FAILED"}, size=len(i.key)))


def test_failures_get_their_size_and_date_whatever_their_keys(pipeline, source):
    odd = [i for i in ODD if ":" not in i.bucket + i.version and i.bucket[0] == "b"]
    put_all(source, odd)
    daemon = pipeline.start(source__url=source.url)
    pipeline.fail(odd)
    for version in wait_listed(daemon, len(odd)):
        assert version["Size"] == len(identity_of(version).key), version
        assert version["LastModified"] == "2026-03-30T22:22:34.384Z"


def test_sites_of_one_version_share_a_question(pipeline, source):
    found = [Identity("b", "k", "v", f"site-{n}") for n in range(SOME)]
    put_all(source, found[:1])
    daemon = pipeline.start(source__url=source.url)
    pipeline.fail(found)
    assert {v["Size"] for v in wait_listed(daemon, SOME)} == {1}
    assert sum(source.asked.values()) < SOME


@pytest.mark.parametrize("status, body", [(404, None), (403, None), (500, None), (302, None),
                                          (200, b"no json"), (200, b'{"Body":"[]"}')])
def test_a_source_that_does_not_tell_stops_nothing(pipeline, source, status, body):
    source.status, source.body = status, body
    daemon = pipeline.start(source__url=source.url)
    pipeline.fail(identities(SOME))
    assert all("Size" not in v for v in wait_listed(daemon, SOME))


def test_an_outage_of_the_source_is_survived_without_a_restart(pipeline, source):
    first, second, third = (identities(SOME, p) for p in ("before", "meanwhile", "afterwards"))
    put_all(source, first + second + third)
    daemon = pipeline.start(source__url=source.url)
    pipeline.fail(first)
    assert all("Size" in v for v in wait_listed(daemon, SOME))
    source.stop()
    pipeline.fail(second)
    wait_listed(daemon, 2 * SOME)
    source.start()
    wait_for(lambda: asks_again(pipeline, daemon), "the source to be asked again", pause_s=0.2)
    pipeline.fail(third)
    wait_for(lambda: sum("Size" in v for v in daemon.walk() if v["Key"].startswith("afterwards"))
             == SOME, "sizes")


def asks_again(pipeline, daemon):
    """Without something that lacks facts nobody would ask the source."""
    pipeline.fail(identities(1, "probe"))
    return daemon.metric("crr_retry_source_breaker_state") == 0


@pytest.mark.timeout(400)
def test_a_minute_without_the_source_under_load_costs_nothing(place, pipeline, source, request):
    """Failures come all the while and are retried; what is refused is listed, and taken later."""
    if not request.config.getoption("--long"):
        pytest.skip("--long only")
    found = [Identity("b", f"k{n}", backbeat.on_the_wire("raw"), "s") for n in range(OUTAGE_S * 20)]
    put_all(source, found)
    place.cluster.create_topic(f"{place.name}-said", 1)
    daemon = pipeline.start(source__url=source.url, retry__payload="backbeat",
                            topics__status=f"{place.name}-said", retry__version_guard="false")
    statuses = Counter()
    source.stop()
    for second in range(OUTAGE_S):
        pipeline.fail(found[second * 20:second * 20 + 20])
        outlast(1)
        statuses[daemon.retry([fields_of(i) for i in found[:20]]).status] += 1
    assert statuses == {503: OUTAGE_S}, statuses
    wait_listed(daemon, len(found))
    assert place.retry_entries() == []
    source.start()
    wait_for(lambda: daemon.retry([fields_of(i) for i in found]).status == 200, "all to be taken")
    assert len(place.retry_entries()) == len(found) and daemon.walk() == []
