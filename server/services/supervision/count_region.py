"""A region's month in figures, site by site: camera-days by verdict, coverage, and what is open now.

Invariant (I1): a camera-day in service without an entry is unverified, and its time is not covered; nor is one known that is not
final while nobody judges the site. Only sites within the
person's reach are counted (I7).
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta

import msgspec
from sqlalchemy import or_

from config.base.clock import Clock
from config.base.errors import InvalidInput
from server.domain.compliance import is_late
from server.domain.month import days_of
from server.domain.publication import Entries, as_far_as_known, month_told
from server.domain.verdict import Status, day_of
from storage.database import compliance, statistics
from storage.database import scope as scoping
from storage.database.models import Site
from storage.database.scope import Scope
from storage.database.statistics import DayRow, OpenCounts
from storage.database.unit_of_work import Database

MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")
SITES_MAX = 5_000
TIMEZONE = "Asia/Shanghai"
"""In which the running month is meant where none is named."""
ORDER = (Status.NON_COMPLIANT, Status.UNVERIFIED, Status.COMPLIANT)


class SiteFigures(msgspec.Struct, frozen=True):
    """``status``: of the month; days are camera-days, times camera time; ``open_…``: now."""

    site_id: str
    name: str
    region: str
    cameras: int
    status: str
    final: bool
    compliant_days: int
    non_compliant_days: int
    unverified_days: int
    expected_us: int
    covered_us: int
    open_cases: int
    overdue_cases: int
    open_complaints: int
    open_orders: int


class RegionFigures(msgspec.Struct, frozen=True):
    """``sites``: the worst first; ``cut``: there are more than are counted, name a smaller region."""

    region: str
    month: str
    sites: list[SiteFigures]
    cut: bool


@dataclass(frozen=True)
class Statistician:
    """Acts on behalf of one person at a time."""

    database: Database
    clock: Clock

    def count(self, person: Scope, region: str, month: str) -> RegionFigures:
        """``region``: a path, empty for all within reach; ``month``: YYYY-MM, empty for the running one.

        Raises InvalidInput.
        """
        now_us = self.clock.utc_us()
        first = _first(month or day_of(now_us, TIMEZONE).isoformat()[:7])
        with self.database.reading() as session:
            query = scoping.visible_sites(person)
            if region:
                query = query.where(or_(Site.region == region, Site.region.startswith(f"{region}/", autoescape=True)))
            sites = list(session.scalars(query.limit(SITES_MAX + 1)))
            ids = [site.id for site in sites[:SITES_MAX]]
            service = statistics.service_of(session, ids)
            # A day counts once it is over wherever the sites are.
            today = min(day_of(now_us, zone) for zone in {site.timezone for site in sites} | {TIMEZONE})
            last_day = min(days_of(first.year, first.month)[-1], today - timedelta(days=1))
            sums = statistics.day_sums(session, ids, first.isoformat(), last_day.isoformat())
            counts = statistics.open_counts(session, ids, now_us)
            looked = compliance.looked_at(session, ids)
        late = {site_id for site_id in ids if is_late(looked.get(site_id, (0, 0))[0], now_us)}
        figures = [
            _figures(
                site,
                first,
                today,
                service.get(site.id, []),
                _entries(sums.get(site.id, []), late=site.id in late),
                counts[site.id],
            )
            for site in sites[:SITES_MAX]
        ]
        figures.sort(key=lambda one: (ORDER.index(Status(one.status)), one.name, one.site_id))
        return RegionFigures(region, first.isoformat()[:7], figures, len(sites) > SITES_MAX)


def _first(month: str) -> date:
    found = MONTH.fullmatch(month)
    if found is None:
        raise InvalidInput("write a month as 2026-11", code="bad_month")
    return date(int(found[1]), int(found[2]), 1)


def _entries(rows: list[DayRow], *, late: bool) -> list[Entries]:
    told = [Entries(Status(row[0]), *row[1:]) for row in rows]
    return as_far_as_known(told, late=late)


def _figures(
    site: Site,
    first: date,
    today: date,
    service: list[tuple[int, int | None]],
    entries: list[Entries],
    counts: OpenCounts,
) -> SiteFigures:
    spans = [
        (day_of(begin, site.timezone), day_of(end, site.timezone) if end is not None else today)
        for begin, end in service
    ]
    month = month_told(first, today, spans, entries)
    counted = {status: sum(one.days for one in entries if one.status is status) for status in Status}
    return SiteFigures(
        site.id,
        site.name,
        site.region,
        sum(end is None for _, end in service),
        month.status.value,
        month.final,
        counted[Status.COMPLIANT],
        counted[Status.NON_COMPLIANT],
        counted[Status.UNVERIFIED] + month.missing_days,
        month.expected_us,
        month.covered_us,
        counts.cases,
        counts.overdue,
        counts.complaints,
        counts.orders,
    )
