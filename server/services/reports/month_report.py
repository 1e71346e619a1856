"""A site's month on paper: gathered from the entries in force, set, signed, and kept as it was handed out.

Invariants: a report says no more than the record does, and never less: a day that is to be judged anew is judged as it is set, a
day of which nobody knows anything is unverified (I1). What was handed out is kept byte for byte (I4); the same facts are not set twice. A month that has not begun has no report.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from config.base.errors import InvalidInput, NotFound
from config.base.ids import is_slug
from server.domain.month import CameraDay, GapTold, SiteMonth, summarise
from server.domain.verdict import DayVerdict, Status, day_of
from server.reports.typeset import month_report
from server.services.compliance.rule_books import retain_days
from server.services.coverage.assess_day import Assessor
from server.services.reports.press import (
    REPORTS_SHOWN_MAX,
    HandedOut,
    Issue,
    Order,
    Press,
    Told,
    by_number,
    camera_day,
    handed_out,
    month_days,
)
from storage.database import reports, windows
from storage.database import scope as scoping
from storage.database.models import Camera, Report, Site
from storage.database.scope import Scope


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

    @property
    def status(self) -> Status:
        return self.month.status

    @property
    def final(self) -> bool:
        return self.month.final

    @property
    def expected_us(self) -> int:
        return self.month.expected_us

    @property
    def covered_us(self) -> int:
        return self.month.covered_us


class ReportView(HandedOut, frozen=True, kw_only=True):
    """A site's report."""

    site_id: str
    site_name: str
    timezone: str


@dataclass(frozen=True)
class ReportDesk:
    """Acts on behalf of one person at a time. ``tell``: the facts in the words of a language, as the template names them."""

    press: Press
    assessor: Assessor
    tell: Callable[[MonthFacts, Issue], Told]

    def make(self, person: Scope, site_id: str, month: str, language: str) -> ReportView:
        """The report of a month, YYYY-MM; the last one where it would say the same.

        Raises NotFound, InvalidInput, ResourceExhausted after 200 of a month, Unavailable where it cannot be set or signed.
        """
        facts = self.facts(person, site_id, month)
        order = Order(site_id, month, language, person.account_name)
        row = self.press.issue(Report, order, facts, lambda issue: self.tell(facts, issue), month_report)
        return _view(row, facts.site_name, facts.timezone)

    def facts(self, person: Scope, site_id: str, month: str) -> MonthFacts:
        """What a report of that month would say now. Raises NotFound, InvalidInput."""
        days = month_days(month)
        with self.press.database.reading() as session:
            return self._facts(session, person, _site(session, person, site_id), days)

    def of_site(self, person: Scope, site_id: str) -> list[ReportView]:
        """The newest reports of a site. Raises NotFound."""
        with self.press.database.reading() as session:
            site = _site(session, person, site_id)
            rows = reports.of_owner(session, Report, site_id, REPORTS_SHOWN_MAX)
            return [_view(row, site.name, site.timezone) for row in rows]

    def pdf(self, person: Scope, site_id: str, report_id: str) -> tuple[ReportView, bytes]:
        """A report as it was handed out. Raises NotFound."""
        with self.press.database.reading() as session:
            site, row = _site(session, person, site_id), by_number(session, Report, report_id)
            if row.site_id != site.id:
                raise NotFound("no such report")
            return _view(row, site.name, site.timezone), row.pdf

    def by_number(self, report_id: str) -> ReportView:
        """What whoever holds a report may know of it: that it was made here, and its digest. Raises NotFound."""
        with self.press.database.reading() as session:
            row = by_number(session, Report, report_id)
            site = session.get_one(Site, row.site_id)
            return _view(row, site.name, site.timezone)

    def this_month(self, person: Scope, site_id: str) -> tuple[str, str]:
        """(name, month YYYY-MM) of a site now. Raises NotFound."""
        with self.press.database.reading() as session:
            site = _site(session, person, site_id)
            return site.name, day_of(self.press.clock.utc_us(), site.timezone).isoformat()[:7]

    def _facts(self, session: Session, person: Scope, site: Site, days: tuple[date, ...]) -> MonthFacts:
        now_us = self.press.clock.utc_us()
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
        told = {camera_id: {row.day: camera_day(row) for row in entries} for camera_id, entries in rows.items()}
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


def _service(camera: Camera, timezone: str, today: date) -> tuple[date, date]:
    """First and last day that count; the last before the first for a camera that never was in service."""
    if camera.activated_us is None:
        return today, date.min
    last = today if camera.retired_us is None else min(today, day_of(camera.retired_us, timezone))
    return day_of(camera.activated_us, timezone), last


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
    return ReportView(**handed_out(row), site_id=row.site_id, site_name=site_name, timezone=timezone)
