"""Each day is attested once it is final, chained to the day before; what comes later supersedes and never edits."""

import hashlib
from datetime import date

import pytest
from sqlalchemy import select

from config.base.clock import US_PER_DAY, US_PER_S
from config.base.errors import Conflict
from config.base.ids import fresh_id
from config.base.timespan import Span
from config.evidence.entries import DayAttested, decode
from server.domain.verdict import day_span
from server.services.evidence.attest_day import DayAttestor
from storage.database import ledger, spans, verdicts
from storage.database.models import AuditFinding, AuditRound, Camera, DayAttestation, LedgerEntry, Segment, Verdict
from storage.database.unit_of_work import Database
from tests.support.clock import SimulatedClock
from tests.support.sites import SigningAgent

DAYS = [date(2026, 11, number) for number in (18, 19, 20)]
CAMERA = "nap-room"


class Days:
    def __init__(self, database: Database, clock: SimulatedClock) -> None:
        self.database, self.clock = database, clock
        self.agent = SigningAgent(database, clock).register()
        self.attestor = DayAttestor(database, clock)
        self.begun_us = day_span(DAYS[0], "Asia/Shanghai").start_us + 3_600 * US_PER_S
        with database.unit_of_work() as session:
            session.get_one(Camera, CAMERA).activated_us = self.begun_us

    def judge(self, day: date, gaps: list[tuple[int, int]] = (), *, final: bool = True) -> None:
        """A verdict; gaps in seconds of the day."""
        span = day_span(day, "Asia/Shanghai")
        at = [(span.start_us + a * US_PER_S, span.start_us + b * US_PER_S, "disk_full", "missing") for a, b in gaps]
        expected_us = span.end_us - max(span.start_us, self.begun_us)
        with self.database.unit_of_work() as session:
            session.add(
                Verdict(
                    camera_id=CAMERA,
                    day=day.isoformat(),
                    status="NON_COMPLIANT" if gaps else "COMPLIANT",
                    final=final,
                    expected_us=expected_us,
                    covered_us=expected_us - sum(end_us - start_us for start_us, end_us, *_ in at),
                    assessed_us=self.clock.utc_us(),
                    gaps=verdicts.encode_gaps(at),
                )
            )

    def segment(self, day: date, *, secured: bool = True, received_us: int = 1) -> str:
        start_us, segment_id = day_span(day, "Asia/Shanghai").start_us + 7_200 * US_PER_S, fresh_id()
        with self.database.unit_of_work() as session:
            session.add(
                Segment(
                    id=segment_id,
                    site_id=self.agent.site_id,
                    camera_id=CAMERA,
                    agent_id=self.agent.agent_id,
                    timeline_id=fresh_id(),
                    chain_id=fresh_id(),
                    sequence=0,
                    start_us=start_us,
                    end_us=start_us + 60 * US_PER_S,
                    sha256=hashlib.sha256(segment_id.encode()).hexdigest(),
                    size_bytes=1,
                    payload_sha256="0" * 64,
                    envelope=b"",
                    received_us=received_us,
                    retain_until_us=start_us + 91 * US_PER_DAY,
                    secured_us=received_us if secured else None,
                )
            )
        return segment_id

    def told(self) -> list[DayAttested]:
        with self.database.reading() as session:
            rows = session.scalars(
                select(LedgerEntry).where(LedgerEntry.kind == "day-attested").order_by(LedgerEntry.id)
            )
            found = [decode(row.body) for row in rows]
        return [entry for entry in found if isinstance(entry, DayAttested)]

    def digests(self) -> list[str]:
        with self.database.reading() as session:
            rows = session.scalars(select(LedgerEntry).where(LedgerEntry.kind == "day-attested").order_by("id"))
            return [hashlib.sha256(row.body).hexdigest() for row in rows]


@pytest.fixture
def days(database: Database) -> Days:
    return Days(database, SimulatedClock())


def test_a_final_day_is_attested_once_and_chained_to_the_day_before(days: Days) -> None:
    days.judge(DAYS[0], [(7_200, 7_260)])
    days.judge(DAYS[1], final=False)
    assert days.attestor.attest_all() == 1
    assert days.attestor.attest_all() == 0
    days.judge(DAYS[1])
    days.judge(DAYS[2])
    assert days.attestor.attest_all() == 2
    first, second, third = days.told()
    assert [entry.day for entry in days.told()] == [day.isoformat() for day in DAYS]
    assert [entry.previous_sha256 for entry in (first, second, third)] == [None, *days.digests()[:2]]
    (camera,) = first.cameras
    assert (camera.camera_id, camera.status) == (CAMERA, "NON_COMPLIANT")
    assert camera.expected_us - camera.covered_us == 60 * US_PER_S
    assert [(gap.cause, gap.end_us - gap.start_us) for gap in camera.gaps] == [("disk_full", 60 * US_PER_S)]
    assert all(entry.supersedes_sha256 is None for entry in days.told())


def test_a_late_backfill_supersedes_and_changes_nothing_that_was_written(days: Days) -> None:
    days.judge(DAYS[0], [(7_200, 7_260)])
    days.judge(DAYS[1])
    days.attestor.attest_all()
    before = days.digests()
    with days.database.unit_of_work() as session:
        at_us = day_span(DAYS[0], "Asia/Shanghai").start_us + 7_200 * US_PER_S
        spans.add_coverage(session, CAMERA, spans.BACKFILLED, fresh_id(), Span(at_us, at_us + 60 * US_PER_S))
    days.judge(DAYS[0])
    assert days.attestor.attest_all() == 1
    assert days.digests()[:2] == before
    again = days.told()[2]
    assert (again.day, again.supersedes_sha256, again.previous_sha256) == (DAYS[0].isoformat(), before[0], None)
    assert again.cameras[0].backfilled_us == 60 * US_PER_S
    assert again.cameras[0].gaps == []


def test_the_audit_s_figures_and_what_it_finds_later(days: Days) -> None:
    segment_id = days.segment(DAYS[0])
    days.segment(DAYS[0], received_us=days.clock.utc_us())
    days.judge(DAYS[0])
    with days.database.unit_of_work() as session:
        session.add(AuditRound(started_us=1_000, finished_us=2_000, versions=1, checked=1, extended=0, found=0))
    days.attestor.attest_all()
    (entry,) = days.told()
    assert (entry.versions, entry.audited_versions, entry.unsound_versions, entry.audit_us) == (2, 1, 0, 1_000)
    days.clock.advance(3_600)
    with days.database.unit_of_work() as session:
        session.get_one(Segment, segment_id).secured_us = None
        finding = AuditFinding(
            site_id=days.agent.site_id,
            camera_id=CAMERA,
            segment_id=segment_id,
            drift="object_missing",
            object_key="k",
            version_id="v",
            detail="",
            found_us=days.clock.utc_us(),
        )
        session.add(finding)
    assert days.attestor.attest_all() == 1
    assert days.told()[1].unsound_versions == 1
    assert days.told()[1].supersedes_sha256 == days.digests()[0]
    assert days.attestor.attest_all() == 0


def test_a_crash_before_the_end_repeats_nothing(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    days.judge(DAYS[0])
    days.judge(DAYS[1])
    real, calls = ledger.add, []

    def dies(*arguments: object) -> None:
        calls.append(1)
        real(*arguments)
        if len(calls) == 2:
            raise Conflict("the process died here")

    monkeypatch.setattr(ledger, "add", dies)
    assert days.attestor.attest_all() == 0
    assert len(days.told()) == 1
    assert days.attestor.attest_all() == 1
    assert [entry.day for entry in days.told()] == [day.isoformat() for day in DAYS[:2]]
    assert days.told()[1].previous_sha256 == days.digests()[0]


def test_two_processes_write_one_entry(days: Days) -> None:
    days.judge(DAYS[0])
    other = DayAttestor(days.database, days.clock)
    days.attestor.attest_site(days.agent.site_id)
    other.attest_site(days.agent.site_id)
    with days.database.reading() as session:
        assert session.scalars(select(DayAttestation.revision)).all() == [0]


def test_a_day_waits_for_its_last_camera(days: Days) -> None:
    with days.database.unit_of_work() as session:
        known = session.get_one(Camera, CAMERA)
        session.add(
            Camera(
                site_id=known.site_id,
                id="hall",
                zone_id=known.zone_id,
                agent_id=known.agent_id,
                name="hall",
                registered_us=0,
                activated_us=days.begun_us,
                retired_us=day_span(DAYS[1], "Asia/Shanghai").start_us,
            )
        )
    days.judge(DAYS[0])
    days.judge(DAYS[1])
    assert days.attestor.attest_all() == 1
    assert [entry.day for entry in days.told()] == [DAYS[1].isoformat()]
