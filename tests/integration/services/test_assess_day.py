"""Verdict entries: written when they say something new, never changed, and honest about silence."""

from datetime import date

import pytest
from sqlalchemy import select

from config.base.clock import US_PER_S
from config.base.timespan import Span
from server.domain.verdict import day_of
from server.jobs.app import assess_all
from server.services.coverage.assess_day import Assessor
from server.services.coverage.read_day import DayReader
from server.services.registers.register import Register
from storage.database import evidence, spans, verdicts
from storage.database.models import Verdict
from storage.database.scope import AUDITOR, EVERY_REGION, Scope
from storage.database.unit_of_work import Database
from tests.support.clock import SimulatedClock
from tests.support.sites import POLICY, SigningAgent, seconds

DAY = date(2026, 11, 21)


class Site:
    """A camera whose footage is secured as it is recorded (the read-back itself is tested elsewhere)."""

    def __init__(self, agent: SigningAgent, database: Database, clock: SimulatedClock) -> None:
        self.agent, self.database, self.clock = agent, database, clock

    def record(self, duration_s: float, *, secured: bool = True) -> None:
        start_us = self.clock.utc_us()
        for _ in range(round(duration_s / 10)):
            self.clock.advance(10)
            self.agent.say(self.agent.manifest(self.clock.utc_us() - seconds(10), self.clock.utc_us()))
        self.agent.say(self.agent.heartbeat())
        if secured:
            self.secure(start_us, self.clock.utc_us())

    def secure(self, start_us: int, end_us: int) -> None:
        with self.database.unit_of_work() as session:
            spans.add_coverage(session, "nap-room", spans.SECURED, self.agent.timeline_id, Span(start_us, end_us))
            evidence.activate(session, "nap-room", start_us)
            evidence.assess_again(session, ["nap-room"], day_of(start_us, "Asia/Shanghai").isoformat())

    def gaps_now(self) -> list[tuple[str, str, bool]]:
        """As a person sees them, whether or not an entry has told of them yet."""
        reader = DayReader(self.database, self.clock, Assessor(POLICY))
        (camera,) = reader.day(Scope("police", AUDITOR, EVERY_REGION), self.agent.site_id, DAY).cameras
        return [(gap.cause, gap.status, gap.end_us is None) for gap in camera.gaps]

    def assess(self) -> list[tuple[str, list[tuple[str, str, bool]]]]:
        assess_all(self.database, Assessor(POLICY), self.clock)
        with self.database.reading() as session:
            entries = session.scalars(select(Verdict).where(Verdict.day == DAY.isoformat()).order_by(Verdict.id)).all()
        assert [entry.replaces_id for entry in entries] == [None, *(entry.id for entry in entries)][: len(entries)]
        return [
            (
                entry.status,
                [(cause, certainty, end is None) for _, end, cause, certainty in verdicts.decode_gaps(entry.gaps)],
            )
            for entry in entries
        ]


@pytest.fixture
def site(agent: SigningAgent, database: Database, clock: SimulatedClock) -> Site:
    agent.say(agent.heartbeat())
    return Site(agent, database, clock)


def test_an_entry_is_written_only_where_it_says_something_new(site: Site) -> None:
    site.record(60)
    assert site.assess() == [("COMPLIANT", [])]
    site.record(60)
    assert site.assess() == [("COMPLIANT", [])]


def test_a_killed_agent_is_unverified_and_what_it_had_kept_is_backfilled(site: Site) -> None:
    site.record(60)
    site.assess()
    dark_us = site.clock.utc_us()
    site.clock.advance(40)
    assert site.assess()[-1] == ("COMPLIANT", [])
    site.clock.advance(6)
    assert site.assess()[-1] == ("UNVERIFIED", [("agent_offline", "unverified", True)])
    site.clock.advance(54)
    before = site.agent.timeline_id
    site.agent.say(site.agent.manifest(dark_us, dark_us + seconds(20)))
    site.agent.restart()
    site.agent.say(site.agent.heartbeat())
    with site.database.unit_of_work() as session:
        spans.add_coverage(session, "nap-room", spans.SECURED, before, Span(dark_us, dark_us + seconds(20)))
    site.record(60)
    assert site.assess()[-1] == ("NON_COMPLIANT", [("agent_offline", "missing", False)])


def test_a_last_will_makes_silence_known_at_once(site: Site) -> None:
    site.record(60)
    site.agent.say(site.agent.last_will())
    site.clock.advance(1)
    assert site.assess()[-1] == ("UNVERIFIED", [("agent_offline", "unverified", True)])


def test_a_camera_that_is_gone_is_an_open_gap_with_its_cause_and_closes(site: Site) -> None:
    site.record(60)
    site.agent.say(site.agent.state("unreachable", site.clock.utc_us()))
    site.clock.advance(15)
    site.agent.say(site.agent.heartbeat(condition="unreachable"))
    site.clock.advance(3)
    assert site.assess()[-1] == ("NON_COMPLIANT", [("camera_unreachable", "missing", True)])
    site.agent.say(site.agent.state("recording", site.clock.utc_us()))
    site.record(60)
    assert site.gaps_now() == [("camera_unreachable", "missing", False)]


def test_uploads_that_hang_turn_unverified_and_come_good(site: Site) -> None:
    site.record(60)
    hanging_us = site.clock.utc_us()
    site.record(100, secured=False)
    assert site.assess()[-1] == ("COMPLIANT", [])
    site.record(100, secured=False)
    assert site.assess()[-1] == ("UNVERIFIED", [("upload_pending", "unverified", True)])
    site.secure(hanging_us, site.clock.utc_us())
    assert site.assess()[-1] == ("COMPLIANT", [])


def test_a_gap_that_lasts_is_told_every_hour_and_a_day_that_is_over_is_told_whole(site: Site) -> None:
    site.record(60)
    site.clock.advance(60)
    assert site.assess()[-1] == ("UNVERIFIED", [("agent_offline", "unverified", True)])
    told = []
    for _ in range(10):
        site.clock.advance(1_800)
        site.assess()
        with site.database.reading() as session:
            newest = verdicts.newest(session, "nap-room", DAY.isoformat())
            assert newest is not None
            told.append((newest.id, newest.expected_us))
    assert len(set(told)) == 5, "at first, after each hour, and whole when the day is over"
    assert told[-1][1] == 4 * 3_600 * US_PER_S


def test_a_finished_day_becomes_final_and_stays_so(site: Site) -> None:
    site.record(60)
    assert site.assess()[-1] == ("COMPLIANT", [])
    site.clock.advance(4 * 86_400)
    site.assess()
    with site.database.reading() as session:
        newest = verdicts.newest(session, "nap-room", DAY.isoformat())
        assert newest is not None
        assert (newest.final, newest.status) == (True, "UNVERIFIED")
        count = session.query(Verdict).where(Verdict.day == DAY.isoformat()).count()
        assert newest.expected_us == 60 * US_PER_S + (16 * 3_600 - 12 * 3_600 - 60) * US_PER_S
    site.clock.advance(86_400)
    site.assess()
    with site.database.reading() as session:
        assert session.query(Verdict).where(Verdict.day == DAY.isoformat()).count() == count


def test_days_that_nobody_assessed_are_assessed_later(site: Site) -> None:
    site.record(60)
    site.clock.advance(10 * 86_400)
    site.assess()
    with site.database.reading() as session:
        days = session.scalars(select(Verdict.day).order_by(Verdict.day)).unique().all()
    assert days == [f"2026-11-{21 + number}" for number in range(10)] + ["2026-12-01"]


def test_a_late_backfill_of_a_final_day_is_a_new_entry(site: Site) -> None:
    site.record(60)
    late_us = site.clock.utc_us()
    site.record(60, secured=False)
    site.clock.advance(5 * 86_400)
    assert site.assess()[-1][0] == "NON_COMPLIANT"
    with site.database.reading() as session:
        before = verdicts.newest(session, "nap-room", DAY.isoformat())
    site.secure(late_us, late_us + seconds(60))
    site.assess()
    with site.database.reading() as session:
        after = verdicts.newest(session, "nap-room", DAY.isoformat())
    assert before is not None
    assert after is not None
    assert (after.final, after.replaces_id, after.covered_us - before.covered_us) == (True, before.id, seconds(60))


def test_a_camera_that_reconnects_all_day_does_not_flood_the_history(site: Site) -> None:
    site.record(60)
    for _ in range(40):
        site.agent.say(site.agent.state("unreachable", site.clock.utc_us()))
        site.clock.advance(5)
        site.agent.say(site.agent.state("recording", site.clock.utc_us()))
        site.record(10)
        site.assess()
    with site.database.reading() as session:
        assert session.query(Verdict).count() <= 4


def test_a_retired_camera_is_not_judged_after_its_last_day(site: Site) -> None:
    site.record(60)
    Register(site.database, site.clock).retire_camera("sunflower", "nap-room")
    site.clock.advance(10 * 86_400)
    for _ in range(2):
        site.assess()
    with site.database.reading() as session:
        (entry,) = session.scalars(select(Verdict)).all()
    assert (entry.day, entry.status, entry.final) == (DAY.isoformat(), "COMPLIANT", True)
