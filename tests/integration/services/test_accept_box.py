"""What a site says of its own box, and of recordings it gave up: kept, shown, and never more than it is."""

import msgspec
import pytest
from sqlalchemy import func, select

from config.base.timespan import Span
from config.wire.segments import SegmentRecorded
from server.services.coverage.assess_day import Assessor
from server.services.coverage.read_day import CameraDay, DayReader, SiteDay
from storage.database import evidence, spans
from storage.database.models import BoxNotice, Segment, SegmentEviction
from storage.database.scope import AUDITOR, EVERY_REGION, Scope
from storage.database.unit_of_work import Database
from tests.support.clock import NOON_US, SimulatedClock
from tests.support.sites import POLICY, SigningAgent, seconds

POLICE = Scope("police", AUDITOR, EVERY_REGION)


def site_day(database: Database, clock: SimulatedClock) -> SiteDay:
    return DayReader(database, clock, Assessor(POLICY)).day(POLICE, "sunflower")


def camera_day(database: Database, clock: SimulatedClock) -> CameraDay:
    (camera,) = site_day(database, clock).cameras
    return camera


def secure(database: Database, agent: SigningAgent, start_us: int, end_us: int, *kinds: str) -> None:
    with database.unit_of_work() as session:
        for kind in (spans.SECURED, *kinds):
            spans.add_coverage(session, "nap-room", kind, agent.timeline_id, Span(start_us, end_us))
        evidence.activate(session, "nap-room", start_us)


def recorded(agent: SigningAgent, clock: SimulatedClock, count: int) -> list[SegmentRecorded]:
    """Segments of ten seconds up to now, claimed."""
    found: list[SegmentRecorded] = []
    for _ in range(count):
        clock.advance(10)
        found.append(agent.manifest(clock.utc_us() - seconds(10), clock.utc_us()))
        assert agent.say(found[-1]).result == "committed"
    agent.say(agent.heartbeat())
    return found


def test_what_was_given_up_is_a_gap_of_a_full_disk_and_what_was_secured_stays_covered(
    agent: SigningAgent, database: Database, clock: SimulatedClock
) -> None:
    first, lost, kept = recorded(agent, clock, 3)
    secure(database, agent, first.start_us, first.end_us)
    secure(database, agent, kept.start_us, kept.end_us)
    for manifest in (lost, kept):
        assert agent.say(agent.eviction_of(manifest)).result == "committed"
    day = camera_day(database, clock)
    assert [(gap.start_us, gap.end_us, gap.cause, gap.status) for gap in day.gaps] == [
        (lost.start_us, lost.end_us, "disk_full", "missing")
    ]
    assert day.covered == [(first.start_us, first.end_us), (kept.start_us, kept.end_us)]
    # It had reached the store all the same, and was read back there.
    secure(database, agent, lost.start_us, lost.end_us)
    assert not camera_day(database, clock).gaps


def test_an_eviction_is_kept_once_and_answered_always(agent: SigningAgent, database: Database) -> None:
    manifest = agent.manifest(NOON_US - seconds(10), NOON_US)
    said = agent.eviction_of(manifest)  # of a segment that the server has never heard of
    outcomes = [agent.say(said) for _ in range(2)]
    assert [outcome.result for outcome in outcomes] == ["committed", "duplicate"]
    assert [outcome.replies[0].of_message_id for outcome in outcomes] == [said.message_id] * 2  # type: ignore[attr-defined]
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(SegmentEviction)) == 1


@pytest.mark.parametrize(
    ("changed", "reason"),
    [({"end_us": NOON_US - seconds(10)}, "bad_span"), ({"sha256": "0" * 64}, "foreign_segment")],
)
def test_an_eviction_must_be_of_the_segment_that_it_names(
    agent: SigningAgent, changed: dict[str, object], reason: str
) -> None:
    manifest = agent.manifest(NOON_US - seconds(10), NOON_US)
    agent.say(manifest)
    said = msgspec.structs.replace(agent.eviction_of(manifest), **changed)
    assert agent.say(said).result == f"quarantined:{reason}"


def test_a_notice_stands_from_when_it_was_raised_until_it_is_cleared(
    agent: SigningAgent, database: Database, clock: SimulatedClock
) -> None:
    raised = agent.notice("spool_filling", NOON_US - seconds(60), hours_left=5.5)
    assert [agent.say(raised).result for _ in range(2)] == ["committed", "duplicate"]
    agent.say(agent.notice("clock_stepped", NOON_US - seconds(50)))
    agent.say(agent.notice("spool_filling", NOON_US - seconds(40), hours_left=3))
    (filling, stepped) = site_day(database, clock).notices
    assert (filling.start_us, filling.end_us, filling.hours_left) == (raised.at_us, None, 3)
    agent.say(agent.notice("spool_filling", NOON_US - seconds(20), raised=False))
    (filling, stepped) = site_day(database, clock).notices
    assert filling.end_us == NOON_US - seconds(20)
    assert (stepped.notice, stepped.end_us) == ("clock_stepped", None)
    clock.advance(86_400)
    assert [notice.notice for notice in site_day(database, clock).notices] == ["clock_stepped"]
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(BoxNotice)) == 4


def test_what_was_backfilled_says_when_it_arrived(
    agent: SigningAgent, database: Database, clock: SimulatedClock
) -> None:
    first, second = recorded(agent, clock, 2)
    secure(database, agent, first.start_us, second.end_us, spans.BACKFILLED)
    assert not camera_day(database, clock).arrivals  # nothing says when
    with database.unit_of_work() as session:
        session.get_one(Segment, first.segment_id).secured_us = NOON_US + seconds(900)
        session.get_one(Segment, second.segment_id).secured_us = NOON_US + seconds(960)
    (arrival,) = camera_day(database, clock).arrivals
    assert msgspec.structs.astuple(arrival) == (
        first.start_us,
        second.end_us,
        NOON_US + seconds(900),
        NOON_US + seconds(960),
    )
