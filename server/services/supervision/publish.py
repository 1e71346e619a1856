"""What anybody may know of a site without an account: filing, stars, results of inspections, coverage by month.

Invariants: only sites that an authority has marked as published; what is not looks like what does not exist. Nothing of a
person: entries about a member of the staff are left out, and nobody who entered anything is named.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import msgspec
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import NotFound
from config.base.ids import is_slug
from server.domain.compliance import is_late
from server.domain.credit import Aspect, Card, CreditEntry, card
from server.domain.publication import as_far_as_known, by_month, last_months, month_told
from server.domain.verdict import day_of
from storage.database import compliance, publication, reports, supervision
from storage.database.models import CreditEntryRow, Site
from storage.database.unit_of_work import Database

PAGE_SITES = 50
PAGES_MAX = 10_000
REGIONS_MAX = 2_000
INSPECTIONS_SHOWN = 50
INSPECTION = "inspection"


class SiteTold(msgspec.Struct, frozen=True):
    """A line of the list; ``regions``: (name, English name or "") from the largest down."""

    site_id: str
    name: str
    regions: list[tuple[str, str]]
    filing_status: str | None
    filing_number: str | None
    stars: int | None


class SitesTold(msgspec.Struct, frozen=True):
    """A page of the list, from 1; ``more``: there is another one."""

    sites: list[SiteTold]
    page: int
    more: bool
    regions: list[tuple[str, str, str]]
    """(path, name, English name or "") of every region that holds a published site, by path."""


class InspectionTold(msgspec.Struct, frozen=True):
    """What an inspection found, in points of one of the eight S."""

    day: str
    aspect: str
    points: int
    told: str


class MonthShare(msgspec.Struct, frozen=True):
    """``month``: YYYY-MM; times are camera time."""

    month: str
    status: str
    final: bool
    expected_us: int
    covered_us: int


class PublicSite(msgspec.Struct, frozen=True):
    """``tenths``: the whole of the credit card; None where nothing is known."""

    site: SiteTold
    day: str
    tenths: int | None
    inspections: list[InspectionTold]
    months: list[MonthShare]


@dataclass(frozen=True)
class Publisher:
    """For everybody."""

    database: Database
    clock: Clock

    def sites(self, name: str, region: str, page: int) -> SitesTold:
        """The published sites whose names hold ``name``, within a region's path where one is given, by name."""
        page = min(max(page, 1), PAGES_MAX)
        with self.database.reading() as session:
            rows = publication.sites(session, name, region, PAGE_SITES + 1, (page - 1) * PAGE_SITES)
            shown = rows[:PAGE_SITES]
            cards = self._cards(session, shown)
            regions = [(row.path, row.name, row.name_en) for row in publication.regions(session, REGIONS_MAX)]
            told = [_told(session, site, cards[site.id]) for site in shown]
            return SitesTold(told, page, len(rows) > PAGE_SITES, regions)

    def site(self, site_id: str) -> PublicSite:
        """Raises NotFound, also where it is not published."""
        with self.database.reading() as session:
            site = session.get(Site, site_id) if is_slug(site_id) else None
            if site is None or not site.published:
                raise NotFound("no such site")
            now_us = self.clock.utc_us()
            found = self._cards(session, [site])[site.id]
            return PublicSite(
                _told(session, site, found),
                day_of(now_us, site.timezone).isoformat(),
                found.tenths if found.stars is not None else None,
                [
                    InspectionTold(row.day, row.aspect, row.points, row.told)
                    for row in _not_struck(session, supervision.credit_entries(session, site.id))
                    if row.kind == INSPECTION and row.staff_id is None
                ][:INSPECTIONS_SHOWN],
                _months(session, site, now_us),
            )

    def _cards(self, session: Session, sites: list[Site]) -> dict[str, Card]:
        now_us = self.clock.utc_us()
        rows = publication.credit_entries_of(session, [site.id for site in sites])
        entries: dict[str, list[CreditEntry]] = {site.id: [] for site in sites}
        for row in _not_struck(session, rows):
            entries[row.site_id].append(
                CreditEntry(row.id, Aspect(row.aspect), row.points, date.fromisoformat(row.day))
            )
        return {site.id: card(entries[site.id], (), day_of(now_us, site.timezone)) for site in sites}


def _not_struck(session: Session, rows: list[CreditEntryRow]) -> Iterable[CreditEntryRow]:
    objections = supervision.objections_to(session, [row.id for row in rows])
    return [row for row in rows if not any(one.upheld for one in objections.get(row.id, ()))]


def _told(session: Session, site: Site, found: Card) -> SiteTold:
    names = reports.region_names(session, site.region)
    return SiteTold(site.id, site.name, names, site.filing_status, site.filing_number, found.stars)


def _months(session: Session, site: Site, now_us: int) -> list[MonthShare]:
    today = day_of(now_us, site.timezone)
    yesterday = today - timedelta(days=1)
    firsts = last_months(today)
    service = [
        (day_of(begin, site.timezone), day_of(end, site.timezone) if end is not None else today)
        for begin, end in publication.service_of(session, site.id)
    ]
    entries = by_month(publication.month_sums(session, site.id, firsts[-1].isoformat(), yesterday.isoformat()))
    late = is_late(compliance.looked_at(session, [site.id]).get(site.id, (0, 0))[0], now_us)
    known = {month: as_far_as_known(some, late=late) for month, some in entries.items()}
    told = (month_told(first, today, service, known.get(first.isoformat()[:7], ())) for first in firsts)
    return [
        MonthShare(one.first.isoformat()[:7], one.status.value, one.final, one.expected_us, one.covered_us)
        for one in told
    ]
