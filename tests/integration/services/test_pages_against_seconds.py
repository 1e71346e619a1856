"""Random histories in a real database; every page's words and figures against a reading that looks at one instant after the other.

The reading is that of ``tests.support.histories``, which knows no spans. Jobs assess at an earlier moment and are down from then
on: no page may say of the present what was true then (I1). Then they run again, and the region's figures must be the truth.
``HISTORIES=3000`` runs as many by hand.
"""

import os
import random
import shutil
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from config.base.ids import fresh_id
from config.base.timespan import Span
from config.wire.envelope import Signer
from server.domain.compliance import LATE_US
from server.domain.coverage import Cause
from server.domain.soundness import PRECEDENCE
from server.domain.verdict import day_of, day_span
from server.services.compliance.rank_region import RegionReader, Wanted
from server.services.compliance.told import SiteTold, pack_up
from server.services.coverage.assess_day import Assessor
from server.services.coverage.read_calendar import CalendarReader
from server.services.coverage.read_day import DayReader
from server.services.reports.month_report import ReportDesk
from server.services.supervision.count_region import Statistician
from server.services.supervision.publish import Publisher
from server.web import timeline
from server.web.board import make_board
from server.web.calendar import CalendarPages, states_of
from server.web.day import DAY_STEP_US, DayPages
from server.web.languages import load_languages
from server.web.pages import Pages
from server.web.wording import VERDICT
from storage.database import models, spans
from storage.database.scope import AUDITOR, EVERY_REGION, Scope
from storage.database.unit_of_work import Database
from tests.support.clock import SimulatedClock
from tests.support.histories import CALENDARS, Find, History, Part, _flight, _in, _status, read
from tests.support.histories import draw as _draw
from tests.support.sites import POLICY

SITES_A_RUN = 6
RUNS = max(1, int(os.environ.get("HISTORIES", "12")) // SITES_A_RUN)
ALL = Scope("police", AUDITOR, EVERY_REGION)
EN = load_languages()["en"]
PAGES = Pages()
EMPTY = Signer.__module__.encode()  # no envelope: nothing here opens one
SHA = "0" * 64
FIRST_US = 946_684_800_000_000
GAPS = ("unverified", "unsound", "missing")


def drawn(chance: random.Random) -> History:
    """A history as a table can hold it: one stretch a timeline, a clock that is trusted or not, words on known timelines."""
    history = _draw(chance)
    while history.base_us < FIRST_US:  # made-up days, and a year before those that pages know
        history = _draw(chance)
    if chance.random() < 0.35:  # a good box, but perhaps for an instant
        hole = chance.randrange(history.length)
        whole = [(0, hole), (hole + chance.choice([0, 0, 1]), history.length)]
        history.claimed["a"], history.secured["a"], history.findings = whole, whole, []
        history.parts["a"] = Part([(0, history.length)], [(0, history.length + 20)], ended=False, heard=0, stored=False)
    keys = sorted(key for key in history.parts if key != "x") or ["a"]
    history.current = chance.choice([key for key in keys if key != "s"] or keys)
    for key in keys:
        # Nothing is recorded, and no clock trusted, outside the stretch in which its agent ran.
        kept = [*history.claimed.get(key, []), *history.secured.get(key, [])]
        begin = min([chance.randrange(max(1, history.length // 2)), *(low for low, _ in kept)])
        end = max([chance.randrange(begin + 1, history.length + 2), *(high for _, high in kept)])
        if history.alive and key == history.current:
            end = max(end, history.now)  # it is heard: it runs
        trusted = history.parts[key].trusted if key in history.parts else [(0, history.length)]
        history.parts[key] = Part([(begin, end)], trusted, key != history.current, keys.index(key), key == "s")
    history.parts = {key: history.parts[key] for key in keys}
    for table in (history.claimed, history.secured):
        for key in set(table) - set(keys):
            del table[key]
    order = (Cause.OBJECT_MISSING, Cause.OBJECT_CORRUPT, Cause.CHALLENGE_OVERDUE)
    history.refused = {cause: history.refused[cause] for cause in order if history.refused.get(cause)}
    history.conditions = [
        one for one in history.conditions if one[2] in keys and one[0] >= history.parts[one[2]].running[0][0]
    ]
    history.findings = [_found(chance, history, found) for found in history.findings]
    # As the settings have it: minutes in flight and hours of waiting are whole ticks here, and nothing is proved.
    history.waits = (chance.choice([0, 1, 3]), chance.randrange(1, 40) * 3_600_000_000 // history.tick_us, 0)
    if history.retired is not None and history.retired <= history.activated:
        history.retired = None
    history.now = max(history.now, history.activated + 1)
    return history


def _found(chance: random.Random, history: History, found: Find) -> Find:
    def moment(told: tuple[int, str, int, bool, int]) -> tuple[int, str, int, bool, int]:
        key = told[1] if told[1] in history.parts else next(iter(history.parts))
        part = history.parts[key]
        return told[0], key, part.heard, _in(told[0], part.trusted), part.running[0][0]

    until = moment(found.until) if found.until is not None else None
    over = max(until[0], chance.randrange(history.length + 1)) if until is not None else None
    return Find(found.name, moment(found.since), until, over)


class Shown:
    """One site with one camera, whose tables tell a history."""

    def __init__(self, number: int, zone: str, history: History) -> None:
        self.site_id, self.zone, self.history = f"site-{number}", zone, history
        self.camera_id, self.agent_id = f"cam-{number}", f"box-{number}"
        self.lines = {key: fresh_id() for key in history.parts}

    def at(self, tick: int) -> int:
        return self.history.base_us + tick * self.history.tick_us

    @property
    def now_us(self) -> int:
        return self.at(self.history.now)

    def rows(self) -> list[object]:
        history, at = self.history, self.at
        begun, gone = at(history.activated), None if history.retired is None else at(history.retired)
        told = {"camera_id": self.camera_id}
        yield models.Site(
            id=self.site_id, name=self.site_id, region="cn", timezone=self.zone, created_us=1, published=True,
            policy_pack=None,
        )  # fmt: skip
        yield models.Zone(site_id=self.site_id, id="hall", name="hall", kind="corridor")
        yield models.Agent(id=self.agent_id, site_id=self.site_id, public_key=bytes(32), created_us=1)
        for key, part in history.parts.items():
            (begin, end), line = part.running[0], self.lines[key]
            yield models.Timeline(
                id=line, agent_id=self.agent_id, started_us=at(begin), last_us=at(end), first_heard_us=part.heard,
                vouched_until_us=0, stored=part.stored,
            )  # fmt: skip
            for low, high in part.trusted:
                yield models.TrustedSpan(timeline_id=line, start_us=at(low), end_us=at(high))
        yield models.AgentStatus(
            agent_id=self.agent_id, heard_us=self.now_us, sent_us=self.now_us, heartbeat=EMPTY,
            timeline_id=self.lines[history.current], gone=not history.alive,
        )  # fmt: skip
        yield models.Camera(
            id=self.camera_id, site_id=self.site_id, zone_id="hall", agent_id=self.agent_id, name=self.camera_id,
            registered_us=1, activated_us=begun, retired_us=gone, settled_until_us=at(history.settled),
            assess_from_day=day_of(begun, self.zone).isoformat(),
        )  # fmt: skip
        kinds = ((spans.CLAIMED, history.claimed), (spans.SECURED, history.secured))
        for kind, lines in (*kinds, (spans.EVICTED, {next(iter(self.lines)): history.evicted})):
            for key, pairs in lines.items():
                for low, high in pairs:
                    if low < high:
                        yield models.CoverageSpan(
                            kind=kind, timeline_id=self.lines[key], start_us=at(low), end_us=at(high), **told
                        )
        for at_tick, condition, key in history.conditions:
            yield models.ConditionChange(
                message_id=fresh_id(), timeline_id=self.lines[key], at_us=at(at_tick), condition=condition, detail="",
                **told,
            )  # fmt: skip
        for cause, pairs in history.refused.items():
            for low, high in pairs:
                if low < high:
                    yield self._segment(cause.value, at(low), at(high))
        for found in history.findings:
            until = found.until
            yield models.PictureFindingRow(
                id=fresh_id(), finding=found.name, timeline_id=self.lines[found.since[1]], since_us=at(found.since[0]),
                score=1, threshold=1, no_still="", raised_received_us=1,
                cleared_timeline_id=self.lines[until[1]] if until else None, until_us=at(until[0]) if until else None,
                cleared_received_us=at(found.over) if found.over is not None else None, **told,
            )  # fmt: skip

    def _segment(self, refusal: str, start_us: int, end_us: int) -> models.Segment:
        return models.Segment(
            id=fresh_id(), site_id=self.site_id, camera_id=self.camera_id, agent_id=self.agent_id, timeline_id=fresh_id(),
            chain_id=fresh_id(), sequence=1, start_us=start_us, end_us=end_us, sha256=SHA, size_bytes=1,
            payload_sha256=SHA, envelope=EMPTY, received_us=1, refusal=refusal,
        )  # fmt: skip


class Truth:
    """What the reading says of each of a history's days: each tick's state, the verdict, and the two sums."""

    def __init__(self, shown: Shown) -> None:
        history = shown.history
        self.days: dict[str, tuple[str, bool, int, int]] = {}
        self.ticks: dict[str, dict[int, str]] = {}
        for (begin, end), span, instants in zip(history.days, history.spans, read(history), strict=True):
            if begin == end:
                continue
            final = history.now >= end + history.waits[1]
            waiting = _flight(instants, history, final=final)
            told = {
                tick: ("in flight", None) if tick in waiting else ("covered", None) if what is None else ("gap", what)
                for tick, what in instants.items()
            }
            day = day_of(span.start_us, shown.zone).isoformat()
            covered = sum(state == "covered" for state, _ in told.values())
            due = len(told) - len(waiting)
            tick_us = history.tick_us
            self.days[day] = (_status(told), final, due * tick_us, covered * tick_us)
            self.ticks[day] = {tick: state for tick, (state, _) in told.items()}


@pytest.fixture
def made(tmp_path: Path, sqlite_template: Path):
    """A function from a seed to a database of some sites, and what they are."""
    opened = []

    def make(seed: int) -> tuple[Database, list[Shown]]:
        chance, file = random.Random(seed), tmp_path / f"{seed}.db"
        shutil.copy(sqlite_template, file)
        database = Database(f"sqlite:///{file}")
        opened.append((database, file))
        shown = []
        while len(shown) < SITES_A_RUN:
            history = drawn(chance)
            zone = next(
                name
                for name, first, _ in CALENDARS
                if history.spans[0] in (day_span(first + timedelta(days=number), name) for number in range(4))
            )
            shown.append(Shown(len(shown), zone, history))
        with database.unit_of_work() as session:
            for one in shown:
                for row in one.rows():
                    session.add(row)
                    session.flush()
        return database, shown

    yield make
    for database, file in opened:
        database.close()
        file.unlink(missing_ok=True)


def assessor_of(history: History) -> Assessor:
    hours = history.waits[1] * history.tick_us // 3_600_000_000
    policy = type(POLICY)(**{name: getattr(POLICY, name) for name in POLICY.__struct_fields__} | {
        "backfill_hours": hours, "in_flight_s": history.waits[0] * history.tick_us // 1_000_000, "unsound_findings": list(PRECEDENCE),
    })  # fmt: skip
    return Assessor(policy)


@pytest.mark.parametrize("seed", range(RUNS))
def test_no_page_says_more_than_is_true(made, seed):
    database, sites = made(seed)
    for one in sites:
        check(database, one, random.Random(seed))


def check(database: Database, one: Shown, chance: random.Random) -> None:
    truth, assessor = Truth(one), assessor_of(one.history)
    then_us = one.at(chance.randrange(one.history.activated, one.history.now + 1))
    if chance.random() < 0.8:
        assess(database, one, assessor, then_us)
    clock = SimulatedClock(one.now_us)
    for day in truth.days:
        check_day(one, DayReader(database, clock, assessor).day(ALL, one.site_id, date.fromisoformat(day)), truth, day)
    check_calendar(database, one, truth, clock, assessor)
    check_month(database, one, truth, clock, assessor)
    check_region(database, one, truth, clock, exactly=False)
    assess(database, one, assessor, one.now_us)
    check_calendar(database, one, truth, clock, assessor)
    check_region(database, one, truth, clock, exactly=True)


def assess(database: Database, one: Shown, assessor: Assessor, now_us: int) -> None:
    """As jobs do: the days, the site by them, and that somebody looked."""
    with database.unit_of_work() as session:
        site, camera = session.get_one(models.Site, one.site_id), session.get_one(models.Camera, one.camera_id)
        assessor.assess_due(session, site, [camera], now_us)
        session.flush()
        newest = max((row.id for row in session.query(models.Verdict)), default=0)
        told, digest = pack_up(SiteTold())
        for row in session.query(models.Verdict).filter_by(camera_id=one.camera_id):
            session.add(
                models.ComplianceEntry(
                    kind="site", site_id=one.site_id, subject_id=one.site_id, period=row.day, status=row.status,
                    final=row.final, book="b", assessed_us=now_us, told_sha256=digest, told=told,
                )
            )  # fmt: skip
            session.flush()
        session.merge(models.ComplianceMark(site_id=one.site_id, looked_us=now_us, verdict_id=newest))


def check_day(one: Shown, found, truth: Truth, day: str) -> None:
    (camera,) = found.cameras
    verdict, expected = camera.verdict, truth.days[day]
    assert (verdict.status, verdict.final, verdict.expected_us, verdict.covered_us) == expected
    row = make_board(found, EN).cameras[0]
    assert (row.share_text == "100%") == (expected[3] == expected[2] > 0)
    window, states = Span(found.start_us, found.end_us), None
    states = timeline.states_of(camera, window, found.now_us)
    for tick, state in truth.ticks[day].items():
        where = Span(one.at(tick), one.at(tick + 1))
        held = {name for name, spans_of in states.items() if spans_of.clip(*where)}
        wanted = {"covered": {"covered"}, "in flight": {"in_flight"}}.get(state, set(GAPS))
        assert held <= wanted, (day, tick, state, held)
    drawing = timeline.draw(states, window, timeline.steady(found.now_us), DAY_STEP_US)
    painted = paint(drawing)
    for tick, state in truth.ticks[day].items():
        if state == "gap":
            left = (one.at(tick) - window.start_us) // DAY_STEP_US
            right = -(-(one.at(tick + 1) - window.start_us) // DAY_STEP_US)
            assert {painted.get(step) for step in range(left, right)} <= set(GAPS), (day, tick)
    lines = DayPages(PAGES).rows(found, "en")[1:]
    lost_s = sum(int(line[4]) for line in lines)
    assert lost_s * 1_000_000 >= expected[2] - expected[3]


def paint(drawing: timeline.Drawing) -> dict[int, str]:
    """Step → what lies on top there."""
    found: dict[int, str] = {}
    for band in drawing.bands:
        if band.state not in GAPS:
            continue
        at = 0
        for move in band.path.split("z")[:-1]:
            begin, rest = move[1:].split(" ", 1)
            wide = rest.split("h")[1].split("v")[0]
            at += int(begin)
            found |= dict.fromkeys(range(at, at + int(wide)), band.state)
    return found


def check_calendar(database: Database, one: Shown, truth: Truth, clock: SimulatedClock, assessor: Assessor) -> None:
    last = max(date.fromisoformat(day) for day in truth.days)
    found = CalendarReader(database, clock, assessor).of_site(ALL, one.site_id, last, 6)
    (camera,) = found.cameras
    states = dict(zip((last - timedelta(days=back) for back in range(5, -1, -1)), states_of(camera, [last - timedelta(days=back) for back in range(5, -1, -1)], found.today), strict=True))  # fmt: skip
    said = {line[2]: line for line in CalendarPages(PAGES).rows(found, "en")[1:]}
    for day, (status, final, expected_us, covered_us) in truth.days.items():
        state = states[date.fromisoformat(day)]
        serves = bool(truth.ticks[day])
        if not serves and state == "off":
            continue
        good = "good" if final else "provisional"
        assert state == {"COMPLIANT": good, "NON_COMPLIANT": "bad", "UNVERIFIED": "unsure"}[status], day
        line = said[day]
        assert line[3] == EN.text(VERDICT[status])
        if line[5]:
            assert int(line[5]) - int(line[6]) >= (expected_us - covered_us) // 1_000_000
            assert (line[5] == line[6]) == (expected_us == covered_us)


def check_month(database: Database, one: Shown, truth: Truth, clock: SimulatedClock, assessor: Assessor) -> None:
    desk = ReportDesk(SimpleNamespace(database=database, clock=clock), assessor, lambda *_: {})  # type: ignore[arg-type]
    for month in {day[:7] for day in truth.days if day <= day_of(one.now_us, one.zone).isoformat()}:
        facts = desk.facts(ALL, one.site_id, month)
        for camera in facts.month.cameras:
            for day, status in zip(facts.month.days, camera.days, strict=True):
                if day.isoformat() in truth.days and truth.ticks[day.isoformat()]:
                    assert status == truth.days[day.isoformat()][0], day
        if facts.month.status == "COMPLIANT":
            assert {truth.days[day][0] for day in truth.days if day[:7] == month and truth.ticks[day]} <= {"COMPLIANT"}
        if facts.month.cameras and not _beyond(one, truth, month):
            told = [row for day, row in truth.days.items() if day[:7] == month]
            assert facts.month.expected_us == sum(row[2] for row in told)
            assert facts.month.covered_us == sum(row[3] for row in told)


def check_region(database: Database, one: Shown, truth: Truth, clock: SimulatedClock, *, exactly: bool) -> None:
    """Statistics, the public page and the ranking: never more than is true; the truth itself while jobs look."""
    with database.reading() as session:
        zones = {"Asia/Shanghai", *(site.timezone for site in session.query(models.Site))}
    today = min(day_of(one.now_us, zone) for zone in zones)  # a day counts once it is over wherever the sites are
    for month in {day[:7] for day in truth.days}:
        over = {
            day: row
            for day, row in truth.days.items()
            if day[:7] == month and truth.ticks[day] and day < today.isoformat()
        }
        figures = next(
            row for row in Statistician(database, clock).count(ALL, "", month).sites if row.site_id == one.site_id
        )
        if figures.status == "COMPLIANT":
            assert {row[0] for row in over.values()} <= {"COMPLIANT"}, month
        whole = {day: row for day, row in over.items() if row[2]}
        expected_us, covered_us = sum(row[2] for row in whole.values()), sum(row[3] for row in whole.values())
        if expected_us and figures.expected_us and not _beyond(one, truth, month):
            assert figures.covered_us * expected_us <= covered_us * figures.expected_us or exactly
            if exactly:
                assert (figures.covered_us, figures.expected_us) == (covered_us, expected_us), month
        shares = {row.month: row for row in Publisher(database, clock).site(one.site_id).months}
        if month in shares and shares[month].status == "COMPLIANT":
            public = {
                row[0]
                for day, row in truth.days.items()
                if day[:7] == month and truth.ticks[day] and day < day_of(one.now_us, one.zone).isoformat()
            }
            assert public <= {"COMPLIANT"}
    for day, row in truth.days.items():
        if not truth.ticks[day] or day > day_of(one.now_us, one.zone).isoformat():
            continue
        ranked = RegionReader(database, clock).ranked(ALL, Wanted(period=day, search=one.site_id))
        (rank,) = ranked.sites
        if row[0] != "COMPLIANT":
            assert rank.status != "COMPLIANT" or (one.now_us - LATE_US <= _looked(database, one)), (day, row)
            assert rank.cameras_missing + rank.cameras_unknown == 1 or not exactly
        if exactly:
            assert rank.status == row[0]
            assert rank.missing_us == sum(
                (one.at(tick + 1) - one.at(tick)) for tick, what in _missing(one, day).items() if what
            )


def _looked(database: Database, one: Shown) -> int:
    with database.reading() as session:
        mark = session.get(models.ComplianceMark, one.site_id)
        return mark.looked_us if mark is not None else 0


def _missing(one: Shown, day: str) -> dict[int, bool]:
    """Each tick of a day, whether it is known to be missing."""
    for span, (begin, end), instants in zip(one.history.spans, one.history.days, read(one.history), strict=True):
        if begin < end and day_of(span.start_us, one.zone).isoformat() == day:
            return {tick: what is not None and what[1] == "missing" for tick, what in instants.items()}
    return {}


def _beyond(one: Shown, truth: Truth, month: str) -> bool:
    """Whether the camera served on a day of the month that the history does not tell."""
    first = day_of(one.at(one.history.activated), one.zone)
    last = day_of(one.now_us if one.history.retired is None else min(one.now_us, one.at(one.history.retired)), one.zone)
    days = {(first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1)}
    return bool({day for day in days if day[:7] == month} - {day for day in truth.days if truth.ticks[day]})
