"""What a person sees of a site's rules: the entry in force, or the present as it is.

Everything goes through the person's scope (I7). Of a day that is not final, or is to be judged again, the present is examined
at the moment of asking; of a final one its entry is what stands (I1).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import MAXYEAR, MINYEAR, date

import msgspec
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import InvalidInput, NotFound
from config.base.ids import is_slug
from server.domain.compliance import is_late, retention_floor_days
from server.domain.verdict import Status, day_of
from server.services.compliance.examine_site import SiteExaminer
from server.services.compliance.keep_verdicts import statuses_of
from server.services.compliance.measure_live import live_mode
from server.services.compliance.read_coverage import is_due
from server.services.compliance.rule_books import book_of, retain_days
from server.services.compliance.told import OutcomeTold, SiteTold, ZoneTold, unpack_site
from server.services.coverage.assess_day import Assessor
from storage.database import compliance
from storage.database import scope as scoping
from storage.database.models import ComplianceEntry, Site
from storage.database.unit_of_work import Database

HISTORY_MAX = 50
ORDER = (Status.NON_COMPLIANT, Status.UNVERIFIED, Status.COMPLIANT)


class EntryView(msgspec.Struct, frozen=True):
    """An entry of the history; ``replaces_id``: the one that it stands in for."""

    id: int
    status: str
    final: bool
    book: str
    assessed_us: int
    replaces_id: int | None


class SiteCompliance(msgspec.Struct, frozen=True, kw_only=True):
    """A site by its rules over ``period``, a day or a month; ``status`` is null where it has no pack."""

    site_id: str
    name: str
    region: str
    timezone: str
    period: str
    today: str
    pack: str | None
    pack_known: bool
    pack_title: dict[str, str]
    book: str
    status: str | None
    final: bool
    assessed_us: int
    entry_id: int | None
    """The entry that this is; null where it is the present, of which no entry has to tell yet."""
    retain_days: int
    retain_days_of: str
    """``pack`` or ``setting``: who says so."""
    live_view: str
    outcomes: list[OutcomeTold]
    zones: list[ZoneTold]
    days: dict[str, str]
    history: list[EntryView]


@dataclass(frozen=True)
class _Shown:
    """What is told, as of when and by which packs; from an entry, or made now."""

    told: SiteTold
    status: str | None = None
    final: bool = False
    book: str = ""
    assessed_us: int = 0
    entry_id: int | None = None
    live_view: str = "off"


@dataclass(frozen=True)
class ComplianceReader:
    """Reads on behalf of one person at a time."""

    database: Database
    clock: Clock
    assessor: Assessor

    def of_site(self, scope: scoping.Scope, site_id: str, period: str = "") -> SiteCompliance:
        """A day (YYYY-MM-DD, the site's own; today where none is named) or a month (YYYY-MM).

        Raises NotFound where there is no such site in reach, InvalidInput for what is no day up to today.
        """
        if not is_slug(site_id):
            raise NotFound("no such site")
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            site = scoping.site_in_reach(session, scope, site_id)
            today = day_of(now_us, site.timezone)
            wanted = period or today.isoformat()
            first = first_day(wanted)
            if first > today:
                raise InvalidInput(f"{wanted} has not come yet: name a day up to {today}", code="bad_day")
            history = compliance.history_of(session, site.id, wanted, HISTORY_MAX)
            entry = history[0] if history else None
            if entry is not None and entry.final and not is_due(compliance.cameras_of(session, site.id), wanted):
                shown = _Shown(unpack_site(entry.told), entry.status, True, entry.book, entry.assessed_us, entry.id)
                return self._made(site, wanted, now_us, history, replace(shown, live_view=_mode(session, site)))
            return self._now(session, site, wanted, first, now_us, history)

    def _now(
        self, session: Session, site: Site, period: str, first: date, now_us: int, history: Sequence[ComplianceEntry]
    ) -> SiteCompliance:
        examiner = SiteExaminer(self.assessor)
        if len(period) == len("2026-11-22"):
            found = examiner.day(session, site, first, now_us)
        else:
            days = statuses_of(session, site.id, first)
            mark = compliance.mark_of(session, site.id)
            if is_late(mark.looked_us if mark is not None else None, now_us):
                days = {day: status for day, status in days.items() if status != Status.COMPLIANT}
            found = examiner.month(session, site, first, now_us, days)
        if found is None:
            return self._made(site, period, now_us, history, _Shown(SiteTold()))
        shown = _Shown(found.told, found.status, found.final, found.book, now_us, live_view=_mode(session, site))
        return self._made(site, period, now_us, history, shown)

    def _made(
        self, site: Site, period: str, now_us: int, history: Sequence[ComplianceEntry], shown: "_Shown"
    ) -> SiteCompliance:
        book, setting = book_of(site.policy_pack), self.assessor.policy.retain_days
        title = book.packs[-1].title if book is not None else None
        return SiteCompliance(
            site_id=site.id,
            name=site.name,
            region=site.region,
            timezone=site.timezone,
            period=period,
            today=day_of(now_us, site.timezone).isoformat(),
            pack=site.policy_pack,
            pack_known=book is not None,
            pack_title={"zh-CN": title.zh_cn, "en": title.en} if title is not None else {},
            book=shown.book,
            status=shown.status,
            final=shown.final,
            assessed_us=shown.assessed_us,
            entry_id=shown.entry_id,
            retain_days=retain_days(site.policy_pack, setting),
            retain_days_of="pack" if book is not None and retention_floor_days(book) else "setting",
            live_view=shown.live_view,
            outcomes=shown.told.outcomes,
            zones=shown.told.zones,
            days=shown.told.days,
            history=[
                EntryView(row.id, row.status, row.final, row.book, row.assessed_us, row.replaces_id) for row in history
            ],
        )


def _mode(session: Session, site: Site) -> str:
    return live_mode(session, site, book_of(site.policy_pack))


def first_day(period: str) -> date:
    """Raises InvalidInput for what is neither YYYY-MM-DD nor YYYY-MM, and at the ends of the calendar, where no zone has its day."""
    try:
        found = date.fromisoformat(f"{period}-01" if len(period) == len("2026-11") else period)
    except ValueError as error:
        raise InvalidInput("write a day as YYYY-MM-DD or a month as YYYY-MM", code="bad_day") from error
    if period not in (found.isoformat(), found.isoformat()[:7]) or not MINYEAR < found.year < MAXYEAR:
        raise InvalidInput("write a day as YYYY-MM-DD or a month as YYYY-MM", code="bad_day")
    return found
