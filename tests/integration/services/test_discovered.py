"""Cameras that agents found, footage of cameras' own memories, and reports of having asked: what the server makes of it."""

import hashlib
from datetime import date

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sqlalchemy import select

from config.base.errors import IntegrityViolation, NotFound, Unavailable
from config.base.ids import fresh_id
from config.base.timespan import Span, SpanSet
from config.wire.discovery import DiscoveredCamera, StreamOffer
from config.wire.replay import CameraClockReading, ReplayReport
from config.wire.sealing import discovered_picture, seal_to
from server.services.cameras.read_discovered import DiscoveredReader
from server.services.coverage.assess_day import Assessor
from server.services.coverage.read_day import DayReader
from server.services.coverage.read_replays import ReplayReader
from server.services.intake import accept_discovered
from storage.database import evidence, models, spans
from storage.database.scope import AUDITOR, EVERY_REGION, Scope
from tests.support.sites import POLICY, seconds

POLICE = Scope("police", AUDITOR, EVERY_REGION)
STRANGER = Scope("stranger", AUDITOR, "cn/beijing")
KEY = X25519PrivateKey.generate()
JPEG = b"\xff\xd8\xff picture"


def found(agent, clock, *, lens="lens-1", at_us=None, **changed) -> DiscoveredCamera:
    identity = hashlib.sha256(lens.encode()).hexdigest()[:32]
    made = DiscoveredCamera(
        message_id=fresh_id(),
        site_id=agent.site_id,
        agent_id=agent.agent_id,
        discovery_id=identity,
        at_us=clock.utc_us() if at_us is None else at_us,
        onvif_url="http://192.0.2.10/onvif/device_service",
        lens=lens,
        main=StreamOffer(url="rtsp://192.0.2.10/a", codec="h264", width=1920, height=1080),
        problems=["no_sub"],
        configured_as="nap-room",
        picture_sha256=hashlib.sha256(JPEG).hexdigest(),
        picture=seal_to(KEY.public_key(), JPEG, discovered_picture(agent.agent_id, identity)),
    )
    return msgspec.structs.replace(made, **changed)


@pytest.fixture
def reader(database, clock):
    return DiscoveredReader(database, clock, KEY)


def test_the_newest_word_of_a_camera_is_shown_within_reach(agent, clock, reader):
    first = found(agent, clock)
    assert agent.say(first).result == "committed"
    assert agent.say(first).result == "duplicate"
    clock.advance(60)
    assert agent.say(found(agent, clock, problems=[])).result == "committed"
    assert agent.say(found(agent, clock, at_us=clock.utc_us() - seconds(600))).result == "stale"
    assert agent.say(found(agent, clock, lens="lens-2", configured_as="")).result == "committed"
    one, two = reader.found(POLICE, agent.site_id)
    assert (one.lens, one.problems, one.registered, one.has_picture) == ("lens-1", [], True, True)
    assert (two.lens, two.registered) == ("lens-2", False)
    for site in (agent.site_id, "a\0b", "nowhere"):
        with pytest.raises(NotFound):
            reader.found(STRANGER if site == agent.site_id else POLICE, site)


def test_a_picture_is_shown_on_record_and_to_nobody_else(agent, clock, database, reader):
    said = found(agent, clock)
    agent.say(said)
    where = (agent.site_id, agent.agent_id, said.discovery_id)
    assert reader.picture(POLICE, *where) == JPEG
    for scope, ids in ((STRANGER, where), (POLICE, (*where[:2], "0" * 32)), (POLICE, ("elsewhere", *where[1:]))):
        with pytest.raises(NotFound):
            reader.picture(scope, *ids)
    with database.reading() as session:
        [look] = session.scalars(select(models.AccessRecord))
        assert (look.account_name, look.subject_id, look.at_us) == ("police", said.discovery_id, clock.utc_us())


def test_a_picture_that_cannot_be_opened_says_why(agent, clock, database):
    said = found(agent, clock)
    agent.say(said)
    where = (agent.site_id, agent.agent_id, said.discovery_id)
    with pytest.raises(Unavailable):
        DiscoveredReader(database, clock, None).picture(POLICE, *where)
    with pytest.raises(IntegrityViolation):
        DiscoveredReader(database, clock, X25519PrivateKey.generate()).picture(POLICE, *where)
    agent.say(found(agent, clock, at_us=said.at_us + 1, picture_sha256="0" * 64))
    with pytest.raises(IntegrityViolation):
        DiscoveredReader(database, clock, KEY).picture(POLICE, *where)
    agent.say(found(agent, clock, at_us=said.at_us + 2, picture=None))
    with pytest.raises(NotFound):
        DiscoveredReader(database, clock, KEY).picture(POLICE, *where)


def test_one_agent_does_not_fill_the_table(agent, clock, monkeypatch):
    monkeypatch.setattr(accept_discovered, "CAMERAS_MAX", 2)
    results = [agent.say(found(agent, clock, lens=f"lens-{number}")).result for number in range(3)]
    assert results == ["committed", "committed", "quarantined:too_many"]


def stored(agent, clock, start_us, end_us, readings=None):
    """Footage of ``[start, end)`` that the camera itself recorded, with readings of its clock."""
    plain = agent.manifest(start_us, end_us)
    given = readings if readings is not None else [reading(agent, start_us - 1), reading(agent, end_us + 1)]
    return msgspec.structs.replace(plain, origin="camera_storage", timeline_id=fresh_id(), camera_clock=given)


def reading(agent, at_us, offset_us=1_000_000, bound_us=200_000):
    return CameraClockReading(timeline_id=agent.timeline_id, at_us=at_us, offset_us=offset_us, bound_us=bound_us)


def trusted(database, manifest) -> SpanSet:
    with database.reading() as session:
        return spans.trusted_of(session, manifest.timeline_id)


def told_the_time(agent, clock, minutes=10) -> tuple[int, int]:
    """A stretch of trusted clock, from its beginning to now."""
    begun_us = clock.utc_us()
    for _ in range(minutes):
        agent.say(agent.heartbeat())
        clock.advance(60)
    agent.say(agent.heartbeat())
    return begun_us, clock.utc_us()


def test_footage_between_two_trusted_readings_that_agree_is_trusted(agent, clock, database):
    begun_us, _now = told_the_time(agent, clock)
    manifest = stored(agent, clock, begun_us + seconds(120), begun_us + seconds(180))
    assert agent.say(manifest).result == "committed"
    assert trusted(database, manifest) == SpanSet.of(Span(manifest.start_us, manifest.end_us))


def test_trusted_footage_of_a_cameras_memory_covers_its_time_once_it_is_secured(agent, clock, database):
    begun_us, _now = told_the_time(agent, clock)
    manifest = stored(agent, clock, begun_us + seconds(120), begun_us + seconds(180))
    agent.say(manifest)

    def covered() -> list[tuple[int, int]]:
        [camera] = DayReader(database, clock, Assessor(POLICY)).day(POLICE, agent.site_id).cameras
        return camera.covered

    with database.unit_of_work() as session:
        evidence.activate(session, agent.camera_id, begun_us)
    assert covered() == []
    with database.unit_of_work() as session:
        span = Span(manifest.start_us, manifest.end_us)
        spans.add_coverage(session, agent.camera_id, spans.SECURED, manifest.timeline_id, span)
    assert covered() == [(manifest.start_us, manifest.end_us)]


@pytest.mark.parametrize(
    "case",
    ["no readings", "one reading", "set in between", "too coarse", "untrusted stretch", "not around it", "strange"],
)
def test_other_footage_is_kept_and_not_trusted(case, agent, clock, database):
    begun_us, now_us = told_the_time(agent, clock)
    start_us, end_us = begun_us + seconds(120), begun_us + seconds(180)
    before, after = reading(agent, start_us - 1), reading(agent, end_us + 1)
    strange = msgspec.structs.replace(after, timeline_id=fresh_id())
    readings = {
        "no readings": [],
        "one reading": [before],
        "set in between": [before, reading(agent, end_us + 1, offset_us=90_000_000)],
        "too coarse": [before, reading(agent, end_us + 1, bound_us=6_000_000)],
        "untrusted stretch": [before, reading(agent, now_us + seconds(3_600))],
        "not around it": [reading(agent, start_us + 1), after],
        "strange": [before, strange],
    }[case]
    manifest = stored(agent, clock, start_us, end_us, readings)
    assert agent.say(manifest).result == "committed"
    assert trusted(database, manifest) == SpanSet()


def test_a_memory_holds_nothing_from_the_future_and_lends_no_trust_of_the_agents_own(agent, clock):
    begun_us, now_us = told_the_time(agent, clock)
    ahead = stored(agent, clock, now_us + seconds(60), now_us + seconds(70))
    assert agent.say(ahead).result == "quarantined:bad_span"
    agent.sequence -= 1
    agent.previous = ahead.previous
    same = msgspec.structs.replace(
        stored(agent, clock, begun_us + seconds(10), begun_us + seconds(20)), timeline_id=agent.timeline_id
    )
    assert agent.say(same).result == "quarantined:foreign_timeline"


def test_trust_in_fetched_footage_goes_with_the_clock_that_its_readings_were_made_with(agent, clock, database):
    agent.say(agent.heartbeat())
    begun_us = clock.utc_us()
    clock.advance(300)
    manifest = stored(agent, clock, begun_us + seconds(120), begun_us + seconds(180))
    agent.say(manifest)
    with database.unit_of_work() as session:
        evidence.activate(session, agent.camera_id, begun_us)
        session.get_one(models.Camera, agent.camera_id).assess_from_day = "2999-01-01"
    assert trusted(database, manifest) == SpanSet.of(Span(manifest.start_us, manifest.end_us))
    agent.say(agent.heartbeat(offset_us=60_000_000))
    assert trusted(database, manifest) == SpanSet()
    with database.reading() as session:
        assert session.get_one(models.Camera, agent.camera_id).assess_from_day < "2999-01-01"


def test_trust_in_fetched_footage_comes_with_the_clock_that_its_readings_were_made_with(agent, clock, database):
    begun_us = clock.utc_us()
    agent.say(agent.heartbeat(offset_us=None))
    clock.advance(300)
    manifest = stored(agent, clock, begun_us + seconds(120), begun_us + seconds(180))
    agent.say(manifest)
    span = Span(manifest.start_us, manifest.end_us)
    with database.unit_of_work() as session:
        spans.add_coverage(session, agent.camera_id, spans.SECURED, manifest.timeline_id, span)
    assert trusted(database, manifest) == SpanSet()
    agent.say(agent.heartbeat())
    assert trusted(database, manifest) == SpanSet.of(span)
    with database.reading() as session:
        assert session.get_one(models.Camera, agent.camera_id).activated_us == manifest.start_us


def test_days_are_judged_knowing_which_footage_was_fetched(agent, clock, database):
    begun_us, now_us = told_the_time(agent, clock)
    manifest = stored(agent, clock, begun_us + seconds(120), begun_us + seconds(180))
    agent.say(manifest)
    with database.reading() as session:
        camera = session.get_one(models.Camera, agent.camera_id)
        known = Assessor(POLICY).gather(session, camera, Span(begun_us, now_us), now_us).timelines
    assert {key: timeline.stored for key, timeline in known.items()} == {
        agent.timeline_id: False,
        manifest.timeline_id: True,
    }


def test_the_agents_own_clock_never_runs_on_a_timeline_of_fetched_footage(agent, clock, database):
    begun_us, _now = told_the_time(agent, clock)
    manifest = stored(agent, clock, begun_us + seconds(120), begun_us + seconds(180), [])
    agent.say(manifest)
    beat = msgspec.structs.replace(agent.heartbeat(), timeline_id=manifest.timeline_id)
    assert agent.say(beat).result == "quarantined:foreign_timeline"
    assert trusted(database, manifest) == SpanSet()
    other = msgspec.structs.replace(
        stored(agent, clock, begun_us + seconds(200), begun_us + seconds(210)),
        camera_clock=[
            msgspec.structs.replace(reading(agent, at_us), timeline_id=manifest.timeline_id)
            for at_us in (begun_us + seconds(130), begun_us + seconds(220))
        ],
    )
    agent.say(other)
    assert trusted(database, other) == SpanSet()


def report(agent, clock, start_us, end_us) -> ReplayReport:
    return ReplayReport(
        message_id=fresh_id(),
        site_id=agent.site_id,
        agent_id=agent.agent_id,
        camera_id=agent.camera_id,
        timeline_id=agent.timeline_id,
        at_us=clock.utc_us(),
        start_us=start_us,
        end_us=end_us,
        outcome="none",
        had_none=[(start_us, end_us)],
    )


def test_having_asked_is_kept_once(agent, clock, database):
    now_us = clock.utc_us()
    said = report(agent, clock, now_us - seconds(100), now_us)
    assert agent.say(said).result == "committed"
    assert agent.say(said).result == "duplicate"
    reader = ReplayReader(database, clock)
    [view] = reader.day(POLICE, agent.site_id, None)
    assert (view.outcome, view.had_none) == ("none", [(said.start_us, said.end_us)])
    assert reader.day(POLICE, agent.site_id, date(2020, 1, 1)) == []
    for scope, site in ((STRANGER, agent.site_id), (POLICE, "a\0b")):
        with pytest.raises(NotFound):
            reader.day(scope, site, None)


@pytest.mark.parametrize("changed", [{"end_us": 5}, {"had_none": [(0, 10)]}])
def test_a_report_about_no_time_is_refused(changed, agent, clock):
    now_us = clock.utc_us()
    said = msgspec.structs.replace(report(agent, clock, now_us - seconds(100), now_us), **changed)
    assert agent.say(said).result == "quarantined:bad_span"
