"""The sites of a region, worst first and why, and the tree of regions that leads to them.

Everything goes through the person's scope (I7): the tree has no region in which the reader sees no site. What no entry says is
unverified (I1): a site without one, a camera in service without one, and what jobs have not looked at since it may have changed.
Figures are those of the entries on record; a gap that lasts goes on to this moment.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import NotFound
from server.domain.compliance import is_late, worst
from server.domain.month import days_of
from server.domain.verdict import Status, day_of, day_span
from server.services.compliance.read_compliance import ORDER, first_day
from server.services.compliance.region_tree import Names, RegionNode, tree_of
from server.services.compliance.told import unpack_site
from storage.database import compliance, rankings, statistics
from storage.database import scope as scoping
from storage.database.models import Region, Site
from storage.database.statistics import OpenCounts
from storage.database.unit_of_work import Database
from storage.database.verdicts import decode_gaps

SITES_MAX = 5_000
SITES_A_PAGE = 50
BINDING = "mandatory"


class Wanted(msgspec.Struct, frozen=True):
    """Empty is every one. ``search``: part of a site's name, id or filing number; ``status``: a verdict."""

    region: str = ""
    period: str = ""
    search: str = ""
    status: str = ""


class SiteRank(msgspec.Struct, frozen=True, kw_only=True):
    """How a site came out and why. Times and cameras are those of the period; what is open is open now."""

    site_id: str
    name: str
    region: str
    pack: str | None
    status: str
    final: bool
    assessed_us: int | None
    """Null: not judged by its rules for this period."""
    cameras: int
    """In service at any time of the period."""
    cameras_missing: int
    """Of which something is known to be missing."""
    cameras_unknown: int
    """Of the others, those of which not everything is known."""
    missing_us: int
    """Of all cameras together; of a month what was not covered, known or not."""
    longest_us: int | None
    """The longest gap that is known to be one; null of a month."""
    open_cases: int
    overdue_cases: int
    open_orders: int
    place: str = ""
    """The names of its regions below the reader's own, from the largest on; and in English."""
    place_en: str = ""
    broken: list[dict[str, str]] | None = None
    """Titles of the binding rules that are broken, by language; null where nobody looked: beyond the page that is shown."""


class RegionCompliance(msgspec.Struct, frozen=True, kw_only=True):
    """The sites that a person may see below a region, worst first; ``counts`` of those found, whatever their verdict."""

    region: str
    name: str
    name_en: str
    period: str
    today: str
    status: str
    counts: dict[str, int]
    search: str
    wanted_status: str
    sites: list[SiteRank]
    total: int
    page: int
    pages: int
    cut: bool
    """There are more than are counted: name a smaller region."""
    tree: RegionNode


@dataclass
class _Figures:
    missing: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    days: dict[str, int] = field(default_factory=dict)
    """Of each camera, of how many days there is an entry."""
    missing_us: int = 0
    longest_us: int = 0


@dataclass(frozen=True)
class RegionReader:
    """Reads on behalf of one person at a time."""

    database: Database
    clock: Clock

    def ranked(self, scope: scoping.Scope, wanted: Wanted, page: int | None = None) -> RegionCompliance:
        """One page of sites, or all of them where none is named.

        Raises NotFound for a region without a site in reach, InvalidInput for what is no day or month.
        """
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            everything = list(session.scalars(scoping.visible_sites(scope).limit(SITES_MAX + 1)))
            sites = everything[:SITES_MAX]
            if wanted.region and not any(_is_in(site, wanted.region) for site in sites):
                raise NotFound("no such region")
            today = max((day_of(now_us, site.timezone) for site in sites), default=day_of(now_us, "UTC"))
            period = wanted.period or today.isoformat()
            first_day(period)
            ids = [site.id for site in sites]
            serving = rankings.serving(session, ids)
            standing = _standings(session, ids, period, serving, now_us)
            found = [site for site in sites if _is_in(site, wanted.region) and _is_called(site, wanted.search)]
            ranks = self._ranks(session, found, period, standing, serving, now_us)
            counts = {status.value: sum(one.status == status for one in ranks) for status in ORDER}
            status = worst(Status(one.status) for one in ranks)
            if wanted.status:
                ranks = [one for one in ranks if one.status == wanted.status]
            pages = max(1, -(-len(ranks) // SITES_A_PAGE))
            number = min(max(1, page or 1), pages)
            shown = ranks if page is None else ranks[(number - 1) * SITES_A_PAGE : number * SITES_A_PAGE]
            if page is not None:
                shown = _with_rules(session, shown, standing)
            names = Names({row.path: (row.name, row.name_en) for row in session.scalars(select(Region))})
        root = _root(scope)
        places = [
            (site.region, Status(standing[site.id].status) if site.id in standing else Status.UNVERIFIED)
            for site in sites
        ]
        return RegionCompliance(
            region=wanted.region,
            name=names.of(wanted.region)[0],
            name_en=names.of(wanted.region)[1],
            period=period,
            today=today.isoformat(),
            status=status,
            counts=counts,
            search=wanted.search,
            wanted_status=wanted.status,
            sites=[_placed(one, names, root) for one in shown],
            total=len(ranks),
            page=number,
            pages=pages,
            cut=len(everything) > SITES_MAX,
            tree=tree_of(places, names, wanted.region, root),
        )

    def _ranks(
        self,
        session: Session,
        sites: Sequence[Site],
        period: str,
        standing: Mapping[str, compliance.Standing],
        serving: Sequence[rankings.Serving],
        now_us: int,
    ) -> list[SiteRank]:
        ids, is_day = [site.id for site in sites], len(period) == len("2026-11-22")
        counts = statistics.open_counts(session, ids, now_us)
        zones = {site.id: site.timezone for site in sites}
        figures = _of_day(session, zones, period, now_us) if is_day else _of_month(session, ids, period)
        looked = compliance.looked_at(session, ids)
        late = {site_id for site_id in ids if is_late(looked.get(site_id, (0, 0))[0], now_us)}
        due: dict[str, set[str]] = defaultdict(set)
        bounds, last = {zone: _bounds(period, zone) for zone in set(zones.values())}, _days_of(period)[1]
        for camera in serving:
            if camera.site_id not in zones:
                continue
            days = _days_due(camera, bounds[zones[camera.site_id]], now_us)
            if days:
                due[camera.site_id].add(camera.camera_id)
            stale = days and camera.site_id in late and _is_due(camera, last)
            if stale or figures[camera.site_id].days.get(camera.camera_id, 0) < days:
                figures[camera.site_id].unknown.add(camera.camera_id)
        ranks = [
            _rank(site, standing.get(site.id), figures[site.id], due[site.id], counts[site.id], is_day=is_day)
            for site in sites
        ]
        ranks.sort(key=_worst_first)
        return ranks


def _worst_first(one: SiteRank) -> tuple[int, int, int, int, str, str]:
    place = ORDER.index(Status(one.status))
    return (
        place,
        -one.cameras_missing,
        -(one.longest_us or one.missing_us),
        -one.cameras_unknown,
        one.name,
        one.site_id,
    )


def _is_in(site: Site, region: str) -> bool:
    return not region or site.region == region or site.region.startswith(f"{region}/")


def _is_called(site: Site, search: str) -> bool:
    wanted = search.strip().casefold()
    return any(wanted in text.casefold() for text in (site.name, site.id, site.filing_number or ""))


def _standings(
    session: Session, ids: Sequence[str], period: str, serving: Sequence[rankings.Serving], now_us: int
) -> dict[str, compliance.Standing]:
    """The entries in force; one that may say too much by now is unverified, and one that is to be made anew is not final."""
    if not ids:
        return {}
    first, last = _days_of(period)
    looked = compliance.looked_at(session, ids)
    current = {site_id: mark for site_id, mark in looked.items() if not is_late(mark[0], now_us)}
    since = min((mark for _, mark in current.values() if mark), default=0)
    news = rankings.news_after(session, since, first, last) if current else {}
    anew = {camera.site_id for camera in serving if _is_due(camera, last)}
    found = {}
    for row in compliance.standings(session, "site", period, period, site_ids=ids):
        final = row.final and row.subject_id not in anew
        mark = current.get(row.subject_id)
        stands = final or (mark is not None and news.get(row.subject_id, 0) <= mark[1])
        status = row.status if stands or row.status != Status.COMPLIANT else Status.UNVERIFIED
        found[row.subject_id] = row._replace(final=final, status=status)
    return found


def _days_of(period: str) -> tuple[str, str]:
    if len(period) == len("2026-11-22"):
        return period, period
    return f"{period}-01", days_of(*map(int, period.split("-")))[-1].isoformat()


def _is_due(camera: rankings.Serving, last_day: str) -> bool:
    """Whether a day of the period up to ``last_day`` is to be judged, or judged again."""
    return camera.due_from is not None and camera.due_from <= last_day


def _of_day(session: Session, zones: Mapping[str, str], day: str, now_us: int) -> dict[str, _Figures]:
    found: dict[str, _Figures] = defaultdict(_Figures)
    for entry in rankings.day_entries(session, list(zones), day):
        one = found[entry.site_id]
        one.days[entry.camera_id] = 1
        until_us = max(entry.assessed_us, min(now_us, day_span(date.fromisoformat(day), zones[entry.site_id]).end_us))
        for start_us, end_us, _cause, certainty in decode_gaps(entry.gaps):
            # Of a gap that lasts the next entry tells the end: until then it goes on.
            length_us = max(0, (end_us if end_us is not None else until_us) - start_us)
            if certainty != "missing":
                one.unknown.add(entry.camera_id)
                continue
            one.missing.add(entry.camera_id)
            one.missing_us += length_us
            one.longest_us = max(one.longest_us, length_us)
        _note_status(one, entry.camera_id, entry.status)
    return found


def _of_month(session: Session, ids: Sequence[str], month: str) -> dict[str, _Figures]:
    found: dict[str, _Figures] = defaultdict(_Figures)
    days = days_of(*map(int, month.split("-")))
    for entry in rankings.days_entries(session, ids, days[0].isoformat(), days[-1].isoformat()):
        one = found[entry.site_id]
        one.days[entry.camera_id] = one.days.get(entry.camera_id, 0) + entry.days
        one.missing_us += max(0, entry.expected_us - entry.covered_us)
        _note_status(one, entry.camera_id, entry.status)
    return found


def _note_status(one: _Figures, camera_id: str, status: str) -> None:
    if status == Status.NON_COMPLIANT:
        one.missing.add(camera_id)
    elif status != Status.COMPLIANT:
        one.unknown.add(camera_id)


def _bounds(period: str, zone: str) -> list[int]:
    """When each day of the period begins there, and the last one ends."""
    first = first_day(period)
    days = [first] if len(period) == len("2026-11-22") else days_of(first.year, first.month)
    return [*(day_span(day, zone).start_us for day in days), day_span(days[-1], zone).end_us]


def _days_due(camera: rankings.Serving, bounds: Sequence[int], now_us: int) -> int:
    """On how many days of the period that have begun the camera was in service."""
    end_us = min(now_us, camera.end_us) if camera.end_us is not None else now_us
    first = max(0, bisect_right(bounds, camera.begin_us) - 1)
    last = min(len(bounds) - 2, bisect_right(bounds, end_us) - 1)
    return max(0, last - first + 1)


def _rank(
    site: Site,
    row: compliance.Standing | None,
    figures: _Figures,
    due: set[str],
    counts: OpenCounts,
    *,
    is_day: bool,
) -> SiteRank:
    return SiteRank(
        site_id=site.id,
        name=site.name,
        region=site.region,
        pack=site.policy_pack,
        status=row.status if row is not None else Status.UNVERIFIED,
        final=row.final if row is not None else False,
        assessed_us=row.assessed_us if row is not None else None,
        cameras=len(due | set(figures.days)),
        cameras_missing=len(figures.missing),
        cameras_unknown=len(figures.unknown - figures.missing),
        missing_us=figures.missing_us,
        longest_us=figures.longest_us if is_day else None,
        open_cases=counts.cases,
        overdue_cases=counts.overdue,
        open_orders=counts.orders,
    )


def _with_rules(
    session: Session, ranks: Sequence[SiteRank], standing: Mapping[str, compliance.Standing]
) -> list[SiteRank]:
    ids = {standing[one.site_id].id: one for one in ranks if one.site_id in standing}
    told = rankings.told_by(session, list(ids))
    titles: dict[str, list[dict[str, str]]] = {}
    for entry_id, one in ids.items():
        broken = {
            outcome.rule: outcome.title
            for outcome in unpack_site(told[entry_id]).outcomes
            if outcome.binding == BINDING and outcome.status == Status.NON_COMPLIANT
        }
        titles[one.site_id] = list(broken.values())
    return [msgspec.structs.replace(one, broken=titles.get(one.site_id, [])) for one in ranks]


def _placed(one: SiteRank, names: Names, root: str) -> SiteRank:
    place, place_en = names.below(one.region, root)
    return msgspec.structs.replace(one, place=place, place_en=place_en)


def _root(scope: scoping.Scope) -> str:
    return "" if scope.region == scoping.EVERY_REGION else scope.region


def days_around(period: str, today: str) -> tuple[str, str]:
    """The period before this one and the one after it; empty where that has not come."""
    first = first_day(period)
    if len(period) == len("2026-11"):
        before = (first - timedelta(days=1)).isoformat()[:7]
        after = (days_of(first.year, first.month)[-1] + timedelta(days=1)).isoformat()[:7]
        return before, after if after <= today[:7] else ""
    after_day = first + timedelta(days=1)
    return (first - timedelta(days=1)).isoformat(), after_day.isoformat() if after_day <= date.fromisoformat(
        today
    ) else ""
