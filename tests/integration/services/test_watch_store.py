"""What a person has to know of the store: raised when it is found, cleared when it is good, asked for again when it was away."""

import secrets
from base64 import b64encode
from dataclasses import replace
from hashlib import md5

import pytest

from config.base.clock import US_PER_DAY, SystemClock
from config.base.errors import ConfigurationError, Unavailable
from server.services.audit.watch_store import ANSWERS, CANARY, CLOCK, FORECAST, SETTINGS, StoreWatch, forecast_in
from storage.database import deep_audits
from storage.objects.bucket import bucket_changes
from storage.objects.provision import provision
from storage.objects.s3 import S3EvidenceStore
from tests.support.clock import SimulatedClock
from tests.support.databases import fresh_database
from tests.support.footage import FootageSite


@pytest.fixture
def database(request, object_store, tmp_path):
    yield from fresh_database("sqlite" if object_store.kind == "seaweedfs" else "postgresql", request, tmp_path)


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(SystemClock().utc_us())


def watch_on(database, access, clock, capacity_bytes=0) -> StoreWatch:
    return StoreWatch(database, S3EvidenceStore(access, clock), clock, 90, capacity_bytes)


def condition(database, name):
    with database.reading() as session:
        return deep_audits.condition(session, name)


def test_a_clock_that_is_off_is_told_and_is_cleared_when_it_is_right(database, object_store, clock):
    watch = watch_on(database, object_store.server, clock)
    watch.look()
    assert condition(database, CLOCK).good
    clock.jump(-60)
    watch.look()
    off = condition(database, CLOCK)
    assert not off.good
    assert 55_000_000 < off.amount < 75_000_000
    since_us = off.since_us
    clock.jump(1)
    watch.look()
    assert condition(database, CLOCK).since_us == since_us
    clock.jump(59)
    watch.look()
    assert condition(database, CLOCK).good


def test_a_canary_that_could_not_be_sent_is_sent_as_soon_as_the_store_is_back(database, object_store, clock):
    away = replace(object_store.server, endpoint="127.0.0.1:9", timeout_s=1)
    watch = watch_on(database, away, clock)
    for _ in range(2):
        with pytest.raises(Unavailable):
            watch.look()
    assert condition(database, CANARY) is None
    assert not condition(database, ANSWERS).good
    watch.store = S3EvidenceStore(object_store.server, clock)
    watch.look()
    assert (condition(database, CANARY).good, condition(database, ANSWERS).good) == (True, True)


def test_the_canary_comes_at_start_and_once_a_day(database, object_store, clock):
    def sent() -> int:
        return condition(database, CANARY).checked_us

    watch = watch_on(database, object_store.server, clock)
    watch.look()
    first = sent()
    clock.advance(3_600)
    watch.look()
    assert sent() == first
    again = watch_on(database, object_store.server, clock)
    again.look()
    assert sent() > first
    second = sent()
    clock.advance(US_PER_DAY / 1_000_000)
    again.look()
    assert sent() > second
    assert condition(database, CANARY).amount >= 7


def test_a_store_that_gives_in_stands_there_until_it_does_not(database, object_store, clock):
    bucket = f"unlocked-{secrets.token_hex(4)}"
    object_store.admin_of(bucket).raw.send("PUT", "")
    watch = watch_on(database, replace(object_store.root, bucket=bucket), clock)
    with pytest.raises(ConfigurationError):
        watch.look()
    found = condition(database, CANARY)
    assert not found.good
    assert "takes no locked objects" in found.detail
    watch.store = S3EvidenceStore(object_store.server, clock)
    watch.look()
    assert condition(database, CANARY).good


def test_the_forecast_is_of_what_lies_there_and_unknown_stays_unknown(database, object_store, clock):
    site = FootageSite(database, object_store.evidence, clock).add("sound").add("sound")
    watch = watch_on(database, object_store.server, clock)
    watch.look()
    unknown = forecast_in(condition(database, FORECAST).detail)
    assert condition(database, FORECAST).good
    assert unknown.promise_holds is None
    assert unknown.used_bytes == unknown.bytes_a_day > 0
    short = watch_on(database, object_store.server, clock, capacity_bytes=unknown.used_bytes * 10)
    short.look()
    told = forecast_in(condition(database, FORECAST).detail)
    assert not condition(database, FORECAST).good
    assert told.full_in_days == pytest.approx(9)
    enough = watch_on(database, object_store.server, clock, capacity_bytes=unknown.used_bytes * 92)
    enough.look()
    assert condition(database, FORECAST).good
    site.add("sound")
    clock.advance(3_601)
    enough.look()
    assert forecast_in(condition(database, FORECAST).detail).promise_holds is False


def test_a_store_that_was_full_is_full_also_when_nothing_comes_in_any_more(database, object_store, clock):
    FootageSite(database, object_store.evidence, clock).add("sound")
    watch = watch_on(database, object_store.server, clock, capacity_bytes=1_000)
    watch.look()
    assert not condition(database, FORECAST).good
    clock.advance(2 * US_PER_DAY / 1_000_000)
    watch._forecast()  # the store's own clock has not moved
    told = forecast_in(condition(database, FORECAST).detail)
    assert (told.bytes_a_day, told.promise_holds) == (0, None)
    assert not condition(database, FORECAST).good


LOCK = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>{}</ObjectLockConfiguration>"
RULE = "<Rule><DefaultRetention><Mode>{}</Mode><Days>{}</Days></DefaultRetention></Rule>"
LIFECYCLE = (
    "<LifecycleConfiguration><Rule><ID>x</ID><Filter><Prefix></Prefix></Filter><Status>Enabled</Status>"
    "<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration>"
    "</Rule></LifecycleConfiguration>"
)


def test_a_bucket_whose_settings_somebody_changes_is_told_of(database, object_store, clock):
    bucket = f"watched-{secrets.token_hex(4)}"
    access = replace(object_store.root, bucket=bucket)
    provision(access, 90)
    watch = watch_on(database, access, clock)
    watch.look()
    assert condition(database, SETTINGS).good

    def put(query: str, document: str) -> None:
        body = document.encode()
        headers = {"content-md5": b64encode(md5(body, usedforsecurity=False).digest()).decode()}
        assert object_store.admin_of(bucket).raw.send("PUT", "", query={query: ""}, headers=headers, body=body).agreed

    for document in (
        LOCK.format(""),
        LOCK.format(RULE.format("GOVERNANCE", 90)),
        LOCK.format(RULE.format("COMPLIANCE", 89)),
    ):
        put("object-lock", document)
        assert bucket_changes(watch.store, 90) == ["default"]
    put("lifecycle", LIFECYCLE)
    watch.look()
    found = condition(database, SETTINGS)
    assert (found.good, found.detail) == (False, "default lifecycle")
    assert provision(access, 90).default_retain_days == 90
    assert object_store.admin_of(bucket).raw.send("DELETE", "", query={"lifecycle": ""}).agreed
    watch.look()
    assert condition(database, SETTINGS).good
