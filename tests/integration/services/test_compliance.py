"""Verdicts by rule: what is measured, what is not known, and entries that are only ever added to."""

from datetime import date, timedelta

import msgspec
import pytest
from sqlalchemy import func, select

from config.base.clock import US_PER_DAY, US_PER_MINUTE, US_PER_S
from config.base.errors import IntegrityViolation, InvalidInput, NotFound, Unavailable
from config.base.ids import fresh_id
from config.base.timespan import Span
from config.wire.health import PanelHealth
from server.domain.verdict import day_of, day_span
from server.services.compliance.keep_verdicts import ComplianceKeeper
from server.services.compliance.measure_alarms import clock_of_site
from server.services.compliance.rank_region import RegionReader, Wanted
from server.services.compliance.read_compliance import ComplianceReader
from server.services.compliance.rule_books import book_of
from server.services.compliance.told import unpack_region, unpack_site
from server.services.coverage.assess_day import Assessor
from server.services.registers.register import Register
from storage.database import models, places, regions, verdicts
from storage.database.scope import AUDITOR, EVERY_REGION, OPERATOR, Scope
from tests.support.sites import POLICY, known_since

BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
ALL = Scope("police", AUDITOR, EVERY_REGION)
ZONE = "Asia/Shanghai"


class World:
    """A site with one sleeping room and one camera, in service for ten days, judged by the pack of Longmatan."""

    def __init__(self, agent, database, clock) -> None:
        self.agent, self.database, self.clock = agent, database, clock
        self.now_us = clock.utc_us()
        self.today = day_of(self.now_us, ZONE)
        self.began = self.today - timedelta(days=10)
        self.keeper = ComplianceKeeper(database, clock, Assessor(POLICY))
        self.reader = ComplianceReader(database, clock, Assessor(POLICY))
        self.regions = RegionReader(database, clock)
        with database.unit_of_work() as session:
            site = session.get_one(models.Site, "sunflower")
            site.policy_pack = "luzhou-longmatan"
            site.created_us = self.span(self.began).start_us
            camera = session.get_one(models.Camera, "nap-room")
            camera.activated_us = site.created_us
            for zone in session.scalars(select(models.Zone)):
                zone.registered_us = None
            known_since(session, site.created_us)

    def span(self, day: date):
        return day_span(day, ZONE)

    def day(self, back: int) -> date:
        return self.today - timedelta(days=back)

    def verdict(self, back: int, gaps=(), camera_id: str = "nap-room", *, covered_us: int | None = None) -> None:
        """A final verdict; ``gaps``: (start, end) seconds of the day, cause, certainty."""
        span = self.span(self.day(back))
        rows = [(span.start_us + a * US_PER_S, span.start_us + b * US_PER_S, cause, sure) for a, b, cause, sure in gaps]
        lost_us = sum(end - start for start, end, *_ in rows)
        with self.database.unit_of_work() as session:
            before = verdicts.newest(session, camera_id, self.day(back).isoformat())
            session.add(
                models.Verdict(
                    camera_id=camera_id,
                    day=self.day(back).isoformat(),
                    status="COMPLIANT" if not rows else "NON_COMPLIANT",
                    final=True,
                    expected_us=span.duration_us,
                    covered_us=span.duration_us - lost_us if covered_us is None else covered_us,
                    assessed_us=self.now_us,
                    gaps=verdicts.encode_gaps(rows),
                    replaces_id=before.id if before is not None else None,
                )
            )

    def camera(self, camera_id: str, zone: str) -> None:
        Register(self.database, self.clock).add_camera("sunflower", camera_id, zone, "sunflower-box", camera_id)
        with self.database.unit_of_work() as session:
            session.get_one(models.Camera, camera_id).activated_us = self.span(self.began).start_us
            known_since(session, self.span(self.began).start_us)

    def add(self, *rows) -> None:
        with self.database.unit_of_work() as session:
            session.add_all(rows)

    def entries(self, kind: str, back: int | None = None, period: str = ""):
        period = period or self.day(back or 0).isoformat()
        with self.database.reading() as session:
            query = select(models.ComplianceEntry).where(
                models.ComplianceEntry.kind == kind, models.ComplianceEntry.period == period
            )
            return session.scalars(query.order_by(models.ComplianceEntry.id)).all()

    def look(self) -> int:
        self.clock.advance(301)
        return self.keeper.keep_all()

    def outcomes(self, rule: str, back: int = 0, period: str = ""):
        found = self.reader.of_site(ALL, "sunflower", period or self.day(back).isoformat())
        return [outcome for outcome in found.outcomes if outcome.rule == rule]

    def outcome(self, rule: str, back: int = 0, period: str = ""):
        (found,) = self.outcomes(rule, back, period)
        return found


@pytest.fixture
def world(agent, database, clock) -> World:
    return World(agent, database, clock)


@BOTH
def test_entries_are_added_to_and_name_what_they_replace(world):
    for back in range(4, 11):
        world.verdict(back, [(0, 60, "unexplained", "missing")] if back == 5 else ())
    assert world.look() > 0
    (good,), (bad,) = world.entries("zone", 4), world.entries("zone", 5)
    assert (good.status, good.final, bad.status) == ("COMPLIANT", True, "NON_COMPLIANT")
    assert [part.partition("@")[0] for part in bad.book.split()] == ["luzhou-longmatan", "cn-national-base"]
    assert unpack_site(bad.told).zones[0].longest_gap_us == 60 * US_PER_S
    assert world.look() == 0 or not world.entries("zone", 5)[1:], "nothing new, nothing said"
    world.verdict(5)
    world.look()
    first, second = world.entries("zone", 5)
    assert (second.status, second.replaces_id) == ("COMPLIANT", first.id)
    (month,) = world.entries("site", period=world.today.isoformat()[:7])[-1:]
    assert (month.status, month.final) == ("NON_COMPLIANT", False), "live viewing is asked for and there is none"
    assert unpack_site(month.told).days[world.day(5).isoformat()]
    region = world.entries("region", 5)[-1]
    assert (region.subject_id, region.status) == ("cn/sichuan/luzhou", "NON_COMPLIANT")
    assert list(unpack_region(region.told).sites) == ["sunflower"]


@SQLITE
def test_a_final_entry_does_not_stand_once_its_day_is_to_be_judged_again(world):
    """A recording of it was found lost, and jobs have not come to it yet, or are down (I1)."""
    for back in range(4, 11):
        world.verdict(back)
    world.look()
    day = world.day(5).isoformat()
    (entry,) = world.entries("site", 5)
    before = world.reader.of_site(ALL, "sunflower", day)
    assert (entry.final, before.entry_id, before.zones[0].status) == (True, entry.id, "COMPLIANT")
    with world.database.unit_of_work() as session:
        session.get_one(models.Camera, "nap-room").assess_from_day = day
    now = world.reader.of_site(ALL, "sunflower", day)
    assert (now.entry_id, now.zones[0].covered_us) == (None, 0), "no recording of it is there"
    assert now.zones[0].status != "COMPLIANT"
    assert world.reader.of_site(ALL, "sunflower", world.day(6).isoformat()).entry_id is not None


@SQLITE
def test_a_new_book_makes_new_entries_from_the_month_on(world):
    for back in range(4, 11):
        world.verdict(back)
    world.look()
    before = {back: len(world.entries("site", back)) for back in (4, 9)}
    with world.database.unit_of_work() as session:
        session.get_one(models.Site, "sunflower").policy_pack = "yongan"
    world.look()
    for back in (4, 9):
        rows = world.entries("site", back)
        assert len(rows) == before[back] + 1
        assert rows[-1].book.startswith("yongan@")
        assert rows[-1].replaces_id == rows[-2].id
    found = world.reader.of_site(ALL, "sunflower", world.day(4).isoformat())
    assert (found.entry_id, found.final, len(found.history)) == (world.entries("site", 4)[-1].id, True, 2)
    with world.database.unit_of_work() as session:
        session.get_one(models.Site, "sunflower").policy_pack = None
    assert world.look() == 0
    assert world.reader.of_site(ALL, "sunflower").status is None


@SQLITE
def test_cameras_cover_a_place_together(world):
    world.camera("nap-2", "nap")
    world.verdict(5, [(0, 600, "unexplained", "missing"), (900, 1_000, "unexplained", "missing")])
    world.verdict(5, [(500, 700, "unexplained", "missing"), (900, 950, "upload_pending", "unverified")], "nap-2")
    zone = world.outcome("longmatan.coverage", 5)
    day_s = 86_400
    assert zone.status == "NON_COMPLIANT"
    assert zone.value == pytest.approx(100 * (day_s - 150) / day_s)
    assert zone.could_be == pytest.approx(100 * (day_s - 100) / day_s)
    world.verdict(6, [(0, 600, "upload_pending", "unverified")])
    world.verdict(6, [(0, 600, "unexplained", "missing")], "nap-2")
    assert world.outcome("longmatan.coverage", 6).status == "UNVERIFIED"
    assert world.outcome("longmatan.coverage", 6).why == "footage_unverified"


@SQLITE
def test_an_entry_that_does_not_add_up_is_not_known(world):
    world.verdict(5, [(0, 60, "unexplained", "missing")], covered_us=5)
    found = world.outcome("longmatan.coverage", 5)
    assert (found.value, found.status) == (0, "NON_COMPLIANT")
    assert found.could_be < 100
    world.verdict(6, covered_us=5)
    assert world.outcome("longmatan.coverage", 6).status == "UNVERIFIED"


@SQLITE
def test_a_required_place_without_a_camera_is_not_covered(world):
    register = Register(world.database, world.clock)
    register.add_zone("sunflower", "play", "活动室", "activity")
    register.add_zone("sunflower", "lobby", "前厅", "office")
    register.add_zone("sunflower", "wc", "卫生间", "toilet")
    with world.database.unit_of_work() as session:
        session.get_one(models.Zone, ("sunflower", "play")).registered_us = world.span(world.day(5)).start_us
        lobby = session.get_one(models.Zone, ("sunflower", "lobby"))
        lobby.registered_us, lobby.required = None, True
        session.get_one(models.Zone, ("sunflower", "wc")).required = True
        known_since(session, world.span(world.began).start_us)
    world.verdict(5)
    world.verdict(6)
    found = world.reader.of_site(ALL, "sunflower", world.day(5).isoformat())
    zones = {zone.zone_id: zone for zone in found.zones}
    assert (zones["play"].status, zones["play"].unwatched_us) == ("NON_COMPLIANT", US_PER_DAY)
    assert zones["nap"].status == "COMPLIANT"
    assert (zones["lobby"].status, zones["lobby"].required) == ("NON_COMPLIANT", True)
    assert not zones["wc"].required
    by_rule = {outcome.rule for outcome in found.outcomes if outcome.subject == "lobby"}
    assert "declared.zone-day" in by_rule
    earlier = [outcome for outcome in world.outcomes("longmatan.coverage", 6) if outcome.subject == "play"]
    assert [(one.status, one.why) for one in earlier] == [("UNVERIFIED", "nothing_due")], "there was no such place yet"


@SQLITE
def test_days_that_nobody_judged_are_not_known(world):
    month = world.reader.of_site(ALL, "sunflower", world.today.isoformat()[:7])
    assert month.status in ("UNVERIFIED", "NON_COMPLIANT")
    old = world.outcome("longmatan.coverage", 10)
    assert old.status != "COMPLIANT"
    for period in ("2026-1", "x", "2026-02-30", (world.today + timedelta(days=1)).isoformat(), "20261122", "0001-01"):
        with pytest.raises(InvalidInput):
            world.reader.of_site(ALL, "sunflower", period)
    for site in ("nowhere", "..", "other"):
        with pytest.raises(NotFound):
            world.reader.of_site(Scope("lin", OPERATOR), site)
    with pytest.raises(NotFound):
        world.regions.ranked(ALL, Wanted("cn/hunan"))


@SQLITE
def test_documents_and_duties_come_from_the_registers(world):
    day = world.today

    def record(kind: str, done: date, staff: str = "", valid: date | None = None):
        return models.DatedRecord(
            site_id="sunflower", staff_id=staff, kind=kind, done_on=done.isoformat(),
            valid_until=valid.isoformat() if valid else None, reference=None,
        )  # fmt: skip

    assert world.outcome("base.impact-assessment").why == "no_record"
    assert world.outcome("base.impact-assessment").status == "UNVERIFIED"
    world.add(
        record("impact_assessment", day - timedelta(days=9)),
        record("one_button_alarm", day - timedelta(days=400), valid=day - timedelta(days=1)),
        record("alarm_equipment_test", day - timedelta(days=20)),
        record("police_filing", world.began + timedelta(days=31)),
        models.Staff(site_id="sunflower", id="g1", name="x", role="guard", hired_on=None, left_on=None, banned=False),
        models.Staff(site_id="sunflower", id="c1", name="y", role="carer", hired_on=None, left_on=None, banned=True),
        models.Staff(site_id="sunflower", id="gone", name="z", role="cook", left_on="2020-01-01", banned=True),
        models.Staff(site_id="sunflower", id="soon", name="z", role="cook", hired_on="2090-01-01", banned=False),
        models.ClassGroup(site_id="sunflower", id="sun", name="太阳", kind="infant", size=12, carers=3, zone_id=None),
    )
    world.add(
        record("record_check", day - timedelta(days=200), "g1"), record("record_check", day - timedelta(days=500), "c1")
    )
    assert world.outcome("base.impact-assessment").status == "COMPLIANT"
    ended = world.outcome("base.one-button-alarm")
    assert (ended.status, ended.why, ended.value) == ("NON_COMPLIANT", "ran_out", False)
    tested = world.outcome("base.alarm-equipment-test")
    assert (tested.status, tested.evidence) == (
        "COMPLIANT",
        [f"register:records/alarm_equipment_test/{day - timedelta(days=20)}"],
    )
    assert tested.due_on > day.isoformat()
    checks = {outcome.subject: outcome.status for outcome in world.outcomes("base.record-check")}
    assert checks == {"g1": "COMPLIANT", "c1": "NON_COMPLIANT"}
    with world.database.unit_of_work() as session:
        site = session.get_one(models.Site, "sunflower")
        site.reg799_class, site.filing_status, site.places, site.indoor_m2 = "art7", "filed", 20, 100.0
    filed = world.outcome("base.police-filing")
    assert filed.why == "no_record", "a filing of a day that has not come is none"
    world.add(record("police_filing", world.began + timedelta(days=3)))
    assert (world.outcome("base.police-filing").value, world.outcome("base.police-filing").status) == (3, "COMPLIANT")


@SQLITE
def test_what_the_store_holds_is_what_its_audit_saw(world):
    assert world.outcome("longmatan.retention").why == "audit_stale"
    now_us = world.clock.utc_us()
    done = models.AuditRound(
        started_us=now_us - US_PER_DAY // 2, finished_us=now_us, versions=0, camera_id="", day_us=0
    )
    world.add(done)
    assert world.outcome("longmatan.retention").why == "nothing_recorded"
    world.agent.say(world.agent.heartbeat())
    manifest = world.agent.manifest(now_us - 20 * US_PER_S, now_us - 10 * US_PER_S)
    world.agent.say(manifest)
    with world.database.unit_of_work() as session:
        segment = session.get_one(models.Segment, manifest.segment_id)
        segment.retain_until_us, segment.secured_us = now_us + 91 * US_PER_DAY, now_us
    held = world.outcome("longmatan.retention")
    assert (held.status, held.value, held.evidence) == ("COMPLIANT", 90, [f"audit:{done.id}"])
    world.add(
        models.AuditFinding(
            site_id="sunflower", camera_id="nap-room", segment_id=manifest.segment_id, drift="object_missing",
            object_key="k", version_id="v", detail="", found_us=now_us,
        )
    )  # fmt: skip
    lost = world.outcome("longmatan.retention")
    assert (lost.status, lost.why) == ("NON_COMPLIANT", "drift")
    assert world.outcome("base.originals").status == "UNVERIFIED", "whether it binds is not known"
    world.look()
    assert world.outcome("longmatan.retention").why == "audit_before_pack", (
        "the round knows nothing of this pack's floor"
    )


@SQLITE
def test_forbidden_places_and_clocks(world):
    world.agent.say(world.agent.heartbeat())
    world.keeper.sample_all()
    assert world.outcome("base.forbidden-places").status == "COMPLIANT"
    world.add(models.Zone(site_id="sunflower", id="wc", name="卫生间", kind="toilet", registered_us=None))
    world.add(models.CameraZone(camera_id="nap-room", zone_id="wc", site_id="sunflower"))
    seen = world.outcome("base.forbidden-places")
    assert (seen.status, seen.value, seen.evidence) == ("NON_COMPLIANT", 1, ["camera:nap-room"])
    read = world.outcome("base.site-clock")
    assert (read.status, read.why) == ("UNVERIFIED", "clock_unread"), "one reading at noon says nothing of the morning"
    assert world.outcome("base.camera-clock").why == "no_camera_clock"
    with world.database.unit_of_work() as session:
        row = session.scalars(select(models.ClockReadingDay)).one()
        row.first_us = world.span(world.today).start_us
    assert world.outcome("base.site-clock").status == "COMPLIANT"
    for _ in range(3):
        world.clock.advance(60)
        world.agent.say(world.agent.heartbeat(offset_us=70 * US_PER_S))
        world.keeper.sample_all()
    off = world.outcome("base.site-clock")
    assert off.status == "NON_COMPLIANT"
    assert off.value == pytest.approx(70, abs=0.1)


@SQLITE
def test_an_agent_whose_clock_nobody_read_is_not_known_to_be_right(world):
    today, span = world.day(0), world.span(world.day(0))
    world.add(
        models.ClockReadingDay(
            site_id="sunflower", kind="agent", subject_id="another-box", day=today.isoformat(), worst_us=1, least_us=0,
            readings=9, first_us=span.start_us, last_us=world.now_us, longest_gap_us=1,
        )
    )  # fmt: skip
    window = Span(span.start_us, world.now_us)
    with world.database.reading() as session:
        site = session.get_one(models.Site, "sunflower")
        alone = clock_of_site(session, site, ["another-box"], today.isoformat(), window)
        both = clock_of_site(session, site, ["another-box", "sunflower-box"], today.isoformat(), window)
    assert alone.value == pytest.approx(1e-6)
    assert (both.value, both.why) == (None, "no_reading")


@SQLITE
def test_what_is_lost_months_later_makes_a_new_entry(world):
    with world.database.unit_of_work() as session:
        early = world.span(world.day(80)).start_us
        session.get_one(models.Site, "sunflower").created_us = early
        session.get_one(models.Camera, "nap-room").activated_us = early
    world.verdict(80)
    book = book_of("luzhou-longmatan")
    assert book is not None
    today = world.today.isoformat()
    world.add(
        models.ComplianceMark(
            site_id="sunflower", verdict_id=1, book=book.version, book_since_us=0, looked_us=0, final_before=today
        )
    )
    world.verdict(80, [(0, 60, "object_missing", "missing")])
    world.look()
    assert [entry.status for entry in world.entries("site", 80)] == ["NON_COMPLIANT"]


@SQLITE
def test_armed_minutes_come_from_the_panels_own_words(world):
    assert world.outcome("longmatan.alarm").why == "no_area"
    assert world.outcome("base.panel-silence").why == "no_panel"
    span = world.span(world.day(5))
    world.verdict(5)
    world.add(
        models.AlarmArea(site_id="sunflower", panel="hall", partition="1", name="x", arming="instant", hours=None),
        models.AlarmArea(site_id="sunflower", panel="hall", partition="2", name="y", arming="interior", hours=None),
    )
    assert world.outcome("longmatan.alarm", 5).status == "UNVERIFIED"
    assert world.outcome("base.interior-arming", 5).why == "no_hours"
    with world.database.unit_of_work() as session:
        session.get_one(models.AlarmArea, ("sunflower", "hall", "2")).hours = "mon-sun 20:00-24:00"
    world.add(
        models.PanelHeard(
            site_id="sunflower",
            panel_id="hall",
            start_us=span.start_us - 1,
            end_us=span.end_us,
            longest_gap_us=90 * US_PER_S,
        )
    )
    world.add(event(world, "arming", "armed", span.start_us - US_PER_DAY, "1"))
    world.add(event(world, "arming", "armed", span.start_us + 20 * 60 * US_PER_MINUTE, "2"))
    assert world.outcome("longmatan.alarm", 5).status == "COMPLIANT"
    assert world.outcome("base.interior-arming", 5).status == "COMPLIANT"
    assert world.outcome("base.panel-silence", 5).value == 90
    world.add(event(world, "arming", "disarmed", span.start_us + 22 * 60 * US_PER_MINUTE, ""))
    assert world.outcome("longmatan.alarm", 5).value == pytest.approx(100 * 22 / 24)
    assert world.outcome("base.interior-arming", 5).value == pytest.approx(50)
    assert world.outcome("base.interior-arming", 5).status == "NON_COMPLIANT"
    world.add(event(world, "panel_silent", "raised", span.start_us + 900 * US_PER_S, "", "silent for 600 s"))
    world.add(event(world, "panel_silent", "restored", span.start_us + 1_000 * US_PER_S, ""))
    with world.database.unit_of_work() as session:
        heard = session.scalars(select(models.PanelHeard)).one()
        heard.start_us = span.start_us + 1_000 * US_PER_S
    silent = world.outcome("base.panel-silence", 5)
    assert (silent.status, silent.value, silent.could_be) == ("NON_COMPLIANT", 1_000, 700)


def event(world: World, kind: str, state: str, at_us: int, partition: str, detail: str = "") -> models.AlarmEventRow:
    return models.AlarmEventRow(
        message_id=fresh_id(), site_id="sunflower", agent_id="sunflower-box", timeline_id=fresh_id(), panel_id="hall",
        source="dc09", partition=partition, point="", code="", kind=kind, state=state, at_us=at_us, panel_at_us=None,
        encrypted=False, detail=detail, received_us=at_us, envelope=b"",
    )  # fmt: skip


@SQLITE
def test_panels_are_heard_run_by_run(world):
    def beat(heard_ms: int | None) -> None:
        told = world.agent.heartbeat()
        world.agent.say(
            msgspec.structs.replace(told, panels=[PanelHealth(panel_id="hall", condition="heard", heard_ms=heard_ms)])
        )
        world.keeper.sample_all()

    for heard_ms in (None, 1_000, 30_000, 61_000):
        world.clock.advance(60)
        beat(heard_ms)
    world.clock.advance(900)
    beat(0)
    with world.database.reading() as session:
        rows = session.scalars(select(models.PanelHeard).order_by(models.PanelHeard.id)).all()
    assert [(row.end_us - row.start_us) // US_PER_S for row in rows] == [60, 0]
    assert rows[0].longest_gap_us == 31 * US_PER_S


@SQLITE
def test_a_site_that_cannot_be_judged_holds_up_no_other(world):
    Register(world.database, world.clock).add_site("abc", "坏", "cn/sichuan", ZONE)
    area = models.AlarmArea(site_id="abc", panel="p", partition="1", name="x", arming="interior", hours="at night")
    with world.database.unit_of_work() as session:
        session.get_one(models.Site, "abc").policy_pack = "cn-national-base"
        session.add(area)
    world.look()
    assert [row.site_id for row in world.entries("site")] == ["sunflower"]


@SQLITE
def test_an_unreadable_entry_is_told_and_not_shown(world):
    for back in range(4, 11):
        world.verdict(back)
    world.look()
    for broken in (b"not deflated", b"", None):
        with world.database.unit_of_work() as session:
            row = session.scalars(
                select(models.ComplianceEntry).where(
                    models.ComplianceEntry.kind == "site", models.ComplianceEntry.period == world.day(5).isoformat()
                )
            ).one()
            row.told = broken if broken is not None else row.told[:-4]
        with pytest.raises(IntegrityViolation):
            world.reader.of_site(ALL, "sunflower", world.day(5).isoformat())


@SQLITE
def test_a_region_shows_its_sites_worst_first(world):
    for back in range(4, 11):
        world.verdict(back)
    register = Register(world.database, world.clock)
    register.add_site("abc", "未设", "cn/sichuan/chengdu", ZONE)
    with world.database.unit_of_work() as session:
        regions.ensure(session, "cn/sichuan/chengdu")
    world.look()
    found = world.regions.ranked(ALL, Wanted())
    assert [site.site_id for site in found.sites] == ["sunflower", "abc"]
    assert (found.status, found.counts["UNVERIFIED"]) == ("NON_COMPLIANT", 1)
    assert [node.path for node in found.tree.below] == ["cn"]
    below = world.regions.ranked(ALL, Wanted("cn/sichuan", world.today.isoformat()[:7]))
    assert [node.path for node in below.tree.below[0].below[0].below] == ["cn/sichuan/chengdu", "cn/sichuan/luzhou"]
    assert below.sites[-1].assessed_us is None
    with world.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(models.ComplianceMark)) == 2
    assert world.regions.ranked(Scope("nobody", OPERATOR), Wanted()).sites == []


@SQLITE
def test_guardians_who_must_be_able_to_look_in_have_a_lease_and_have_consented(world):
    rule = "longmatan.live-view"
    asked = world.outcome(rule)
    assert (asked.value, asked.status, asked.why) == ("off", "NON_COMPLIANT", "no_lease")
    world.add(models.ClassGroup(site_id="sunflower", id="sun", name="太阳", kind="mixed"))
    world.add(*(models.Child(site_id="sunflower", id=child, class_id="sun") for child in ("c1", "c2", "c3")))
    world.add(*(models.Guardian(site_id="sunflower", id=guardian, contact=None) for guardian in ("g1", "g2")))
    bonds = (("g1", "c1"), ("g2", "c1"), ("g1", "c2"))
    world.add(*(models.GuardianChild(site_id="sunflower", guardian_id=who, child_id=child) for who, child in bonds))
    now_us = world.clock.utc_us()
    lease = models.LeaseRow(
        id=fresh_id(), site_id="sunflower", guardian_id="g1", child_id="c1", hours="", start_us=now_us - 1,
        until_us=now_us + US_PER_DAY, granted_us=now_us, granted_by="lin",
    )  # fmt: skip
    words = [
        models.ConsentRow(
            site_id="sunflower", purpose="live_view", guardian_id="g1", child_id=child, version=1, text_sha256="0" * 64,
            given_us=now_us, given_by="lin",
        )
        for child in ("c1", "c2")
    ]  # fmt: skip
    world.add(lease, *words)
    assert world.outcome(rule).status == "COMPLIANT"
    said = {outcome.subject: (outcome.status, outcome.value) for outcome in world.outcomes("base.consents")}
    assert said == {"c1": ("NON_COMPLIANT", 50), "c2": ("COMPLIANT", 100), "c3": ("UNVERIFIED", None)}


@SQLITE
def test_a_look_that_was_interrupted_is_made_again_and_no_entry_twice(world, monkeypatch):
    for back in range(4, 11):
        world.verdict(back)
    world.look()
    whole = len(world.entries("site", 5))
    with world.database.unit_of_work() as session:
        session.get_one(models.Site, "sunflower").policy_pack = "yongan"
    judge = ComplianceKeeper._judge

    def interrupted(keeper, site_id, first, period):
        if first >= world.day(6):
            raise Unavailable("the database does not answer")
        return judge(keeper, site_id, first, period)

    monkeypatch.setattr(ComplianceKeeper, "_judge", interrupted)
    world.look()
    assert len(world.entries("site", 5)) == whole
    monkeypatch.setattr(ComplianceKeeper, "_judge", judge)
    world.look()
    assert [row.book.partition("@")[0] for row in world.entries("site", 5)[-2:]] == ["luzhou-longmatan", "yongan"]
    assert len(world.entries("site", 9)) == 2, "what was written before the fault is not written again"


@SQLITE
def test_what_a_camera_sees_is_judged_as_it_stood_then(world):
    register = Register(world.database, world.clock)
    register.add_zone("sunflower", "play", "活动室", "activity")
    with world.database.unit_of_work() as session:
        session.get_one(models.Zone, ("sunflower", "play")).registered_us = None
        known_since(session, world.span(world.began).start_us)
        session.add(models.CameraZone(camera_id="nap-room", zone_id="play", site_id="sunflower"))
        places.note_places(session, ["sunflower"], world.span(world.day(5)).start_us + US_PER_DAY // 2)
        places.note_places(session, ["sunflower"], world.now_us)  # nothing new, nothing written
        assert len(places.sights_of(session, "sunflower")["nap-room"]) == 2
    for back in (4, 5, 6):
        world.verdict(back)

    def play(back):
        return next(
            zone
            for zone in world.reader.of_site(ALL, "sunflower", world.day(back).isoformat()).zones
            if zone.zone_id == "play"
        )

    assert [play(back).status for back in (4, 5, 6)] == ["COMPLIANT", "NON_COMPLIANT", "NON_COMPLIANT"]
    assert [play(back).unwatched_us for back in (4, 5, 6)] == [0, US_PER_DAY // 2, US_PER_DAY]
    assert [play(back).cameras for back in (4, 6)] == [["nap-room"], []]
    with world.database.unit_of_work() as session:
        for sight in session.scalars(select(models.CameraSight)):
            sight.from_us = max(sight.from_us, world.span(world.day(5)).start_us)
    old = world.outcomes("longmatan.coverage", 6)
    assert [(one.status, one.why) for one in old] == [("UNVERIFIED", "view_unsaid")] * 2, "nobody had said what it sees"


@SQLITE
def test_a_place_is_judged_as_what_it_was_then(world):
    with world.database.unit_of_work() as session:
        zone = session.get_one(models.Zone, ("sunflower", "nap"))
        zone.kind = "office"
        places.note_places(session, ["sunflower"], world.span(world.day(5)).start_us)
        (first, second) = places.words_of(session, "sunflower")["nap"]
        assert (first.kind, second.kind, first.until_us) == ("sleeping", "office", second.from_us)
    for back in (5, 6):
        world.verdict(back, [(0, 60, "unexplained", "missing")])
    assert [one.status for one in world.outcomes("longmatan.coverage", 6)] == ["NON_COMPLIANT"]
    assert world.outcomes("longmatan.coverage", 5) == [], "no rule asks for an office"
    with world.database.unit_of_work() as session:
        zone = session.get_one(models.Zone, ("sunflower", "nap"))
        zone.required = True
        places.note_places(session, ["sunflower"], world.span(world.day(4)).start_us)
    world.verdict(4, [(0, 60, "unexplained", "missing")])
    assert [one.status for one in world.outcomes("declared.zone-day", 4)] == ["NON_COMPLIANT"]
    assert world.outcomes("declared.zone-day", 5) == []
    with world.database.unit_of_work() as session:
        for word in places.words_of(session, "sunflower")["nap"][:2]:
            session.delete(word)
    assert [one.status for one in world.outcomes("longmatan.coverage", 5)] == ["UNVERIFIED"], (
        "nobody had said what it is"
    )
    assert world.outcomes("declared.zone-day", 5) == []


@SQLITE
def test_declared_maintenance_is_measured_by_the_month_and_taken_from_nothing(world):
    """It was declared before the pack allowed less: it stands, and the month says so."""
    world.verdict(0)
    begin_us = world.now_us + 2 * 3_600_000_000

    def declared(hours: int, cut_us: int | None = None) -> models.MaintenanceWindow:
        return models.MaintenanceWindow(
            site_id="sunflower", start_us=begin_us, end_us=begin_us + hours * 3_600_000_000, reason="x",
            declared_by="lin", declared_us=world.now_us, cut_us=cut_us, camera_id=None,
        )  # fmt: skip

    world.add(declared(12), declared(100, cut_us=begin_us))
    world.look()
    month = world.today.isoformat()[:7]
    hours = world.outcome("base.maintenance-hours", period=month)
    assert (hours.subject, hours.status, hours.value, hours.binding) == ("nap-room", "NON_COMPLIANT", 12, "internal")
    notice = world.outcome("base.maintenance-notice", period=month)
    assert (notice.kind, notice.subject, notice.status, notice.value) == ("maintenance", "1", "NON_COMPLIANT", 2)
