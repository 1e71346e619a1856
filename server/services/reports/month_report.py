"""A site's month on paper: gathered from the entries in force, set, signed, and kept as it was handed out.

Invariants: a report says no more than the record does, and never less: a day that is to be judged anew is judged as it is set, a
day of which nobody knows anything is unverified (I1). What was handed out is kept byte for byte (I4); the same facts are not set twice. A month that has not begun has no report.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import msgspec
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import InvalidInput, NotFound, ResourceExhausted
from config.base.ids import fresh_id, is_slug
from config.base.logs import get_logger
from server.domain.month import CameraDay, GapTold, SiteMonth, days_of, summarise
from server.domain.verdict import DayVerdict, Status, day_of
from server.reports.seal import Sealer
from server.reports.typeset import month_report
from server.services.compliance.rule_books import retain_days
from server.services.coverage.assess_day import Assessor
from storage.database import reports, windows
from storage.database import scope as scoping
from storage.database.models import Camera, Report, Site
from storage.database.scope import Scope
from storage.database.unit_of_work import Database
from storage.database.verdicts import decode_gaps

MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")
REPORTS_SHOWN_MAX = 100
REPORTS_OF_A_MONTH_MAX = 200
Told = Mapping[str, object]

log = get_logger("reports")


@dataclass(frozen=True)
class MonthFacts:
    """Everything that a report says, but for its number and its instant."""

    site_id: str
    site_name: str
    timezone: str
    regions: tuple[tuple[str, str], ...]
    month: SiteMonth
    camera_names: Mapping[str, str]
    policy_pack: str | None
    retain_days: int
    oldest_kept_us: int | None
    last_round_us: int | None
    drifts: int
    holds: int


@dataclass(frozen=True)
class Issue:
    """What makes one report this one."""

    id: str
    made_us: int
    language: str
    verify_url: str


class ReportView(msgspec.Struct, frozen=True):
    """A report that was made; ``covered_us`` of ``expected_us`` camera time."""

    id: str
    site_id: str
    site_name: str
    timezone: str
    month: str
    language: str
    made_us: int
    made_by: str
    status: str
    final: bool
    expected_us: int
    covered_us: int
    pdf_sha256: str


@dataclass(frozen=True)
class ReportDesk:
    """Acts on behalf of one person at a time. ``tell``: the facts in the words of a language, as the template names them."""

    database: Database
    clock: Clock
    assessor: Assessor
    sealer: Callable[[], Sealer]
    tell: Callable[[MonthFacts, Issue], Told]
    origin: str
    fonts_dir: str = ""

    def make(self, person: Scope, site_id: str, month: str, language: str) -> ReportView:
        """The report of a month, YYYY-MM; the last one where it would say the same.

        Raises NotFound, InvalidInput, ResourceExhausted after 200 of a month, Unavailable where it cannot be set or signed.
        """
        days = month_days(month)
        with self.database.reading() as session:
            site = _site(session, person, site_id)
            facts = self._facts(session, person, site, days)
            known = reports.newest(session, site_id, month, language)
            count = reports.count_of_month(session, site_id, month)
        digest = hashlib.sha256(repr(facts).encode()).hexdigest()
        if known is not None and known.facts_sha256 == digest:
            return _view(known, facts.site_name, facts.timezone)
        if count >= REPORTS_OF_A_MONTH_MAX:
            raise ResourceExhausted("there are too many reports of this month already", code="too_many_reports")
        row = self._set(facts, month, language, person.account_name, digest)
        with self.database.unit_of_work() as session:
            session.add(row)
        log.info("report_made", report=row.id, site=site_id, month=month, language=language)
        return _view(row, facts.site_name, facts.timezone)

    def of_site(self, person: Scope, site_id: str) -> list[ReportView]:
        """The newest reports of a site. Raises NotFound."""
        with self.database.reading() as session:
            site = _site(session, person, site_id)
            return [
                _view(row, site.name, site.timezone) for row in reports.of_site(session, site_id, REPORTS_SHOWN_MAX)
            ]

    def pdf(self, person: Scope, site_id: str, report_id: str) -> tuple[ReportView, bytes]:
        """A report as it was handed out. Raises NotFound."""
        with self.database.reading() as session:
            site = _site(session, person, site_id)
            row = session.get(Report, report_id) if is_slug(report_id) else None
            if row is None or row.site_id != site.id:
                raise NotFound("no such report")
            return _view(row, site.name, site.timezone), row.pdf

    def by_number(self, report_id: str) -> ReportView:
        """What whoever holds a report may know of it: that it was made here, and its digest. Raises NotFound."""
        with self.database.reading() as session:
            row = session.get(Report, report_id) if is_slug(report_id) else None
            if row is None:
                raise NotFound("no such report")
            site = session.get_one(Site, row.site_id)
            return _view(row, site.name, site.timezone)

    def this_month(self, person: Scope, site_id: str) -> tuple[str, str]:
        """(name, month YYYY-MM) of a site now. Raises NotFound."""
        with self.database.reading() as session:
            site = _site(session, person, site_id)
            return site.name, day_of(self.clock.utc_us(), site.timezone).isoformat()[:7]

    def _set(self, facts: MonthFacts, month: str, language: str, by: str, digest: str) -> Report:
        number, now_us = fresh_id(), self.clock.utc_us()
        issue = Issue(number, now_us, language, f"{self.origin}/verify/reports/{number}")
        told = self.tell(facts, issue)
        pdf = self.sealer().seal(month_report(told, self.fonts_dir, now_us), str(told["title"]))
        return Report(
            id=number,
            site_id=facts.site_id,
            month=month,
            language=language,
            made_us=now_us,
            made_by=by,
            status=facts.month.status.value,
            final=facts.month.final,
            expected_us=facts.month.expected_us,
            covered_us=facts.month.covered_us,
            facts_sha256=digest,
            pdf_sha256=hashlib.sha256(pdf).hexdigest(),
            pdf=pdf,
        )

    def _facts(self, session: Session, person: Scope, site: Site, days: tuple[date, ...]) -> MonthFacts:
        now_us = self.clock.utc_us()
        today = day_of(now_us, site.timezone)
        if days[0] > today:
            raise InvalidInput("this month has not begun yet", code="month_to_come")
        cameras = scoping.cameras_in_reach(session, person, site.id)
        service = {
            camera.id: (first, min(last, days[-1]))
            for camera in cameras
            for first, last in [_service(camera, site.timezone, today)]
            if first <= days[-1] and last >= days[0]
        }
        rows = windows.verdicts_of(session, sorted(service), days[0].isoformat(), days[-1].isoformat())
        told = {camera_id: {row.day: _camera_day(row) for row in entries} for camera_id, entries in rows.items()}
        serving = [camera for camera in cameras if camera.id in service]
        for camera_id, due in self.assessor.judge_due(session, site, serving, days[0], days[-1], now_us).items():
            told.setdefault(camera_id, {}).update({day: _judged(day, verdict) for day, verdict in due.items()})
        month = summarise(
            days, service, {camera_id: [known[day] for day in sorted(known)] for camera_id, known in told.items()}
        )
        return MonthFacts(
            site.id,
            site.name,
            site.timezone,
            tuple(reports.region_names(session, site.region)),
            month,
            {camera.id: camera.name for camera in cameras if camera.id in service},
            site.policy_pack,
            retain_days(site.policy_pack, self.assessor.policy.retain_days),
            reports.oldest_kept_us(session, site.id),
            reports.last_finished_round_us(session),
            reports.open_drifts(session, site.id),
            reports.standing_holds(session, site.id),
        )


def month_days(month: str) -> tuple[date, ...]:
    """Every day of a month, YYYY-MM. Raises InvalidInput."""
    found = MONTH.fullmatch(month)
    if found is None:
        raise InvalidInput("write a month as 2026-11", code="bad_month")
    return days_of(int(found[1]), int(found[2]))


def _service(camera: Camera, timezone: str, today: date) -> tuple[date, date]:
    """First and last day that count; the last before the first for a camera that never was in service."""
    if camera.activated_us is None:
        return today, date.min
    last = today if camera.retired_us is None else min(today, day_of(camera.retired_us, timezone))
    return day_of(camera.activated_us, timezone), last


def _camera_day(row: windows.InForce) -> CameraDay:
    return CameraDay(
        date.fromisoformat(row.day),
        Status(row.status),
        row.final,
        row.expected_us,
        row.covered_us,
        row.assessed_us,
        tuple(GapTold(start_us, end_us, cause) for start_us, end_us, cause, _ in decode_gaps(row.gaps)),
    )


def _judged(day: str, verdict: DayVerdict) -> CameraDay:
    return CameraDay(
        date.fromisoformat(day),
        verdict.status,
        verdict.final,
        verdict.expected_us,
        verdict.covered_us,
        verdict.assessed_us,
        tuple(GapTold(gap.start_us, gap.end_us, gap.cause.value) for gap in verdict.gaps),
    )


def _site(session: Session, person: Scope, site_id: str) -> Site:
    if not is_slug(site_id):
        raise NotFound("no such site")
    return scoping.site_in_reach(session, person, site_id)


def _view(row: Report, site_name: str, timezone: str) -> ReportView:
    return ReportView(
        row.id,
        row.site_id,
        site_name,
        timezone,
        row.month,
        row.language,
        row.made_us,
        row.made_by,
        row.status,
        row.final,
        row.expected_us,
        row.covered_us,
        row.pdf_sha256,
    )
