"""What the packs ask of an authority itself, measured from what stands here: meetings, levels of inspection, publication.

Invariant I1: what is not known here is UNVERIFIED with a sentence how to get it measured; minutes on paper elsewhere are not
known. Only whoever has the whole region sees its rules (I7).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import msgspec
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.policies.metrics import METRICS
from server.domain.compliance import Examined, Measured, examine
from server.domain.verdict import day_of
from server.services.compliance.examine_site import told_of
from server.services.compliance.rule_books import book_of
from server.services.compliance.told import OutcomeTold
from server.services.supervision.count_region import TIMEZONE
from server.services.supervision.reach import check_region, own_region
from storage.database import agenda, reports, supervision
from storage.database.models import Site
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

YEAR = timedelta(days=365)
FILED = "filed"
ELSEWHERE = 366
"""What stands on paper alone may be more than stands here; nobody meets more often than daily."""


class PackRules(msgspec.Struct, frozen=True):
    """What one pack asks of the region; ``sites``: how many of its sites are judged by it."""

    pack: str
    title: dict[str, str]
    sites: int
    outcomes: list[OutcomeTold]


class RegionRules(msgspec.Struct, frozen=True):
    """``name``: Chinese, then English; empty of every region. ``without_pack``: sites that no pack judges."""

    region: str
    name: tuple[str, str]
    today: str
    packs: list[PackRules]
    without_pack: int


@dataclass(frozen=True)
class RegionExaminer:
    """Reads on behalf of one person at a time."""

    database: Database
    clock: Clock

    def of_region(self, person: Scope, region: str | None) -> RegionRules:
        """``region`` None: all that the person supervises. Raises NotFound."""
        path = own_region(person) if region is None else region
        check_region(person, path)
        today = day_of(self.clock.utc_us(), TIMEZONE)
        with self.database.reading() as session:
            sites = supervision.sites_within(session, path) if path else supervision.every_site(session)
            measured = _measured(session, path, sites, today)
            names = reports.region_names(session, path) if path else []
            counts: dict[str | None, int] = {}
            for site in sites:
                counts[site.policy_pack] = counts.get(site.policy_pack, 0) + 1
        return RegionRules(
            path,
            names[-1] if names else (path, path),
            today.isoformat(),
            [
                _of_pack(pack, count, path, measured)
                for pack, count in sorted((pack, count) for pack, count in counts.items() if pack is not None)
            ],
            counts.get(None, 0),
        )


def _of_pack(pack: str, sites: int, region: str, measured: dict[tuple[str, ...], Measured]) -> PackRules:
    book = book_of(pack)
    if book is None:
        return PackRules(pack, {"zh-CN": pack, "en": pack}, sites, [])
    title = book.packs[-1].title
    found = [one for one in examine(book, [Examined("region", region, {}, measured)]) if one.found.rule]
    return PackRules(pack, {"zh-CN": title.zh_cn, "en": title.en}, sites, [told_of(outcome) for outcome in found])


def _measured(session: Session, region: str, sites: Sequence[Site], today: date) -> dict[tuple[str, ...], Measured]:
    since = (today - YEAR).isoformat()
    held = agenda.held(session, region, "meeting", since, today.isoformat())
    levels = supervision.levels_drawn(session, region, since)
    found = {
        "joint_meetings": Measured(held, ("agenda:meeting",), ELSEWHERE, why="no_minutes"),
        "inspection_levels": Measured(levels, ("draws:",), ELSEWHERE, why="no_draw"),
        "inspection_results_published": _published(session, sites),
        "site_ledger": _ledger(sites),
    }
    return {(metric, window): told for metric, told in found.items() for window in METRICS[metric].windows}


def _published(session: Session, sites: Sequence[Site]) -> Measured:
    inspected = supervision.sites_with_results(session, [site.id for site in sites])
    if not inspected:
        return Measured(None, why="no_result")
    hidden = [site.id for site in sites if site.id in inspected and not site.published]
    return Measured(not hidden, ("publication:",), why="results_hidden" if hidden else "")


def _ledger(sites: Sequence[Site]) -> Measured:
    if not sites:
        return Measured(None, why="no_sites")
    missing = [
        site.id
        for site in sites
        if site.filing_status is None or (site.filing_status == FILED and not site.filing_number)
    ]
    return Measured(None, why="filing_unknown") if missing else Measured(True, ("register:sites",))
