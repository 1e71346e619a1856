"""A region's month on paper: its sites from the worst on, what was missing and why, what became of orders; set and signed.

Invariants: as of a site's report. A report says no more than the record does: a camera-day without an entry is unverified
(I1); what was handed out is kept byte for byte (I4). Only whoever has the whole region has its report (I7).
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from sqlalchemy.orm import Session

from config.base.errors import InvalidInput, ResourceExhausted
from server.domain.compliance import is_late
from server.domain.rectification import Act, Kind
from server.domain.region_month import LostDay, OrderCounts, RegionMonth, add_up, count_orders
from server.domain.verdict import Status, day_of
from server.reports.typeset import region_report
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
from server.services.supervision.count_region import TIMEZONE, RegionFigures, Statistician
from server.services.supervision.reach import check_region, own_region
from storage.database import compliance, reports, statistics
from storage.database.models import RectificationActRow, RegionReport
from storage.database.scope import Scope

SITES_AT_ONCE = 200


@dataclass(frozen=True)
class RegionFacts:
    """Everything that a report says, but for its number and its instant."""

    region: str
    names: tuple[tuple[str, str], ...]
    figures: RegionFigures
    month: RegionMonth
    orders: OrderCounts

    @property
    def status(self) -> Status:
        """Of the whole: the worst of any site; unverified where there is none."""
        found = {site.status for site in self.figures.sites}
        if Status.NON_COMPLIANT in found:
            return Status.NON_COMPLIANT
        return Status.COMPLIANT if found == {Status.COMPLIANT} else Status.UNVERIFIED

    @property
    def final(self) -> bool:
        return bool(self.figures.sites) and all(site.final for site in self.figures.sites)

    @property
    def expected_us(self) -> int:
        return sum(site.expected_us for site in self.figures.sites)

    @property
    def covered_us(self) -> int:
        return sum(site.covered_us for site in self.figures.sites)


class RegionReportView(HandedOut, frozen=True, kw_only=True):
    """A region's report. ``name``: of the region, Chinese then English."""

    region: str
    name: tuple[str, str]
    sites: int


@dataclass(frozen=True)
class RegionReportDesk:
    """Acts on behalf of one person at a time. ``tell``: the facts in the words of a language, as the template names them."""

    press: Press
    statistician: Statistician
    tell: Callable[[RegionFacts, Issue], Told]

    def facts(self, person: Scope, region: str, month: str) -> RegionFacts:
        """What a report of that month would say now. Raises NotFound, InvalidInput, ResourceExhausted."""
        check_region(person, region)
        days, now_us = month_days(month), self.press.clock.utc_us()
        if days[0] > day_of(now_us, TIMEZONE):
            raise InvalidInput("this month has not begun yet", code="month_to_come")
        figures = self.statistician.count(person, region, month)
        if figures.cut:
            raise ResourceExhausted("there are too many sites for one report", code="region_too_large")
        with self.press.database.reading() as session:
            names = tuple(reports.region_names(session, region)) if region else ()
            found, orders = self._gathered(session, [site.site_id for site in figures.sites], days, now_us)
        return RegionFacts(region, names, figures, found, orders)

    def make(self, person: Scope, region: str, month: str, language: str) -> RegionReportView:
        """The report of a month, YYYY-MM; the last one where it would say the same.

        Raises NotFound, InvalidInput, ResourceExhausted, Unavailable where it cannot be set or signed.
        """
        facts = self.facts(person, region, month)
        order = Order(region, month, language, person.account_name, len(facts.figures.sites))
        row = self.press.issue(RegionReport, order, facts, lambda issue: self.tell(facts, issue), region_report)
        with self.press.database.reading() as session:
            return _view(session, row)

    def of_region(self, person: Scope, region: str) -> list[RegionReportView]:
        """The newest reports of a region. Raises NotFound."""
        check_region(person, region)
        with self.press.database.reading() as session:
            return [_view(session, row) for row in reports.of_owner(session, RegionReport, region, REPORTS_SHOWN_MAX)]

    def pdf(self, person: Scope, report_id: str) -> tuple[RegionReportView, bytes]:
        """A report as it was handed out. Raises NotFound."""
        with self.press.database.reading() as session:
            row = by_number(session, RegionReport, report_id)
            check_region(person, row.region)
            return _view(session, row), row.pdf

    def by_number(self, report_id: str) -> RegionReportView:
        """What whoever holds a report may know of it. Raises NotFound."""
        with self.press.database.reading() as session:
            return _view(session, by_number(session, RegionReport, report_id))

    def name_of(self, region: str) -> tuple[str, str]:
        """Chinese and English; the path where the register has no name, empty for every region."""
        with self.press.database.reading() as session:
            return _name(session, region)

    def default_region(self, person: Scope) -> str:
        """The whole of what a person supervises; empty: every region."""
        return own_region(person)

    def _gathered(
        self, session: Session, site_ids: Sequence[str], days: Sequence[date], now_us: int
    ) -> tuple[RegionMonth, OrderCounts]:
        today = day_of(now_us, TIMEZONE)
        last = min(days[-1], today - timedelta(days=1))
        told: list[LostDay] = []
        without: dict[date, int] = defaultdict(int)
        orders: list[list[tuple[Act, date]]] = []
        for number in range(0, len(site_ids), SITES_AT_ONCE):
            some = site_ids[number : number + SITES_AT_ONCE]
            looked = compliance.looked_at(session, some)
            late = [site_id for site_id in some if is_late(looked.get(site_id, (0, 0))[0], now_us)]
            for row, known in statistics.lost_days(session, some, late, days[0].isoformat(), last.isoformat()):
                entry = camera_day(row)
                unknown = not known and entry.status is not Status.NON_COMPLIANT
                told.append(LostDay(row.camera_id, replace(entry, status=Status.UNVERIFIED) if unknown else entry))
            _count_without(session, some, [day for day in days if day <= last], without)
            orders += [_acts(rows) for rows in statistics.order_acts(session, some).values()]
        return add_up(days, told, without), count_orders(orders, days, today)


def _count_without(session: Session, site_ids: Sequence[str], days: Sequence[date], found: dict[date, int]) -> None:
    """Camera-days in service of which there is no entry."""
    if not days:
        return
    zones = statistics.timezones_of(session, site_ids)
    told = statistics.entries_a_day(session, site_ids, days[0].isoformat(), days[-1].isoformat())
    for site_id, service in statistics.service_of(session, site_ids).items():
        spans = [
            (day_of(begin, zones[site_id]), day_of(end, zones[site_id]) if end is not None else date.max)
            for begin, end in service
        ]
        for day in days:
            wanted = sum(first <= day <= last for first, last in spans)
            found[day] += max(0, wanted - told.get((site_id, day.isoformat()), 0))


def _acts(rows: Sequence[RectificationActRow]) -> list[tuple[Act, date]]:
    """The acts of one order, each with its day."""
    return [
        (Act(Kind(row.kind), row.by, date.fromisoformat(row.due) if row.due else None), day_of(row.at_us, TIMEZONE))
        for row in rows
    ]


def _name(session: Session, region: str) -> tuple[str, str]:
    found = reports.region_names(session, region) if region else []
    if not found:
        return (region, region)
    return found[-1]


def _view(session: Session, row: RegionReport) -> RegionReportView:
    return RegionReportView(**handed_out(row), region=row.region, name=_name(session, row.region), sites=row.sites)
