"""Writes the verdicts by rule: of every required place, every site, every region; of days and of months.

Invariants: entries are appended and never changed (I4): a later backfill and a new version of a pack make another one
that names what it replaces; each names the packs that it was made with. A day's is final when every camera's is and
what may come late has had its time; a month's when all its days are over for so long.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_MINUTE, Clock
from config.base.errors import NightlightError
from config.base.logs import get_logger
from server.domain.compliance import worst
from server.domain.duties import add_months
from server.domain.verdict import Status, day_of, day_span
from server.services.compliance.examine_site import Result, SiteExaminer, began_us
from server.services.compliance.rule_books import book_of
from server.services.compliance.sample_readings import sample
from server.services.compliance.told import RegionTold, SiteTold, of_subject, pack_up
from server.services.coverage.assess_day import Assessor
from storage.database import attestations, compliance, places
from storage.database.models import ComplianceEntry, ComplianceMark, Region, Site
from storage.database.unit_of_work import Database

LOOK_EVERY_US = 5 * US_PER_MINUTE
SITES_A_ROUND_MAX = 200
DAYS_BACK_MAX = 62
NEWS_BACK_MAX = 400
"""What was covered may be lost as long as it is kept: a day's entry does not outlive what it rests on."""
PROVISIONAL_US = 60 * US_PER_MINUTE
"""How often at most an entry that is not final repeats what has only moved a little."""

log = get_logger("compliance")
Changed = set[tuple[str, str]]
"""(site, period) of which there is a new entry."""


@dataclass(frozen=True)
class Verdict:
    """What is to be written of one subject and one period."""

    kind: str
    site_id: str | None
    subject_id: str
    period: str
    status: Status
    final: bool
    book: str
    told: SiteTold | RegionTold


@dataclass(frozen=True)
class ComplianceKeeper:
    """Call ``sample_all`` every minute, and ``keep_all`` now and then."""

    database: Database
    clock: Clock
    assessor: Assessor

    @property
    def examiner(self) -> SiteExaminer:
        return SiteExaminer(self.assessor)

    def sample_all(self) -> None:
        """Takes in what heartbeats tell and no later one tells again; one transaction a site."""
        with self.database.reading() as session:
            site_ids = list(session.scalars(select(Site.id).order_by(Site.id)))
        for site_id in site_ids:
            with self.database.unit_of_work() as session:
                sample(session, session.get_one(Site, site_id))

    def keep_all(self) -> int:
        """Looks at the sites whose turn it is, then at their regions; how many entries were written."""
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            due = compliance.sites_due(session, now_us - LOOK_EVERY_US, SITES_A_ROUND_MAX)
        written, changed = 0, Changed()
        for site_id in due:
            try:
                found = self.keep_site(site_id)
            except NightlightError as error:  # one that cannot be judged keeps no other from it
                log.warning("compliance_postponed", site=site_id, reason=str(error))
                continue
            written += len(found)
            changed |= found
        return written + self._keep_regions(changed)

    def keep_site(self, site_id: str) -> Changed:
        """One look at one site. A crash repeats a look and never an entry; each day is a transaction of its own."""
        with self.database.unit_of_work() as session:
            # Under the lock that verdicts are written under: no older one can come after the mark.
            site = session.get_one(Site, site_id, with_for_update=True)
            now_us = self.clock.utc_us()
            places.note_places(session, [site_id], now_us)  # what was written past the register's own ways
            mark = session.get(ComplianceMark, site_id) or _new_mark(session, site_id)
            book = book_of(site.policy_pack)
            version = book.version if book is not None else ""
            rejudge = version != mark.book
            if rejudge:
                mark.book_since_us = now_us
            newest = attestations.newest_verdict(session, site_id)
            days = self._days(session, site, mark, now_us, rejudge=rejudge) if book is not None else []
            final_before = self._final_before(site, mark, now_us) if book is not None else mark.final_before
        changed = Changed()
        for day in days:
            changed |= self._judge(site_id, day, day.isoformat())
        for month in sorted({day.replace(day=1) for day in days}):
            changed |= self._judge(site_id, month, month.isoformat()[:7])
        with self.database.unit_of_work() as session:
            mark = session.get_one(ComplianceMark, site_id)
            mark.verdict_id, mark.book, mark.looked_us = max(mark.verdict_id, newest), version, now_us
            mark.final_before = max(mark.final_before, final_before)
        for period in sorted({period for _, period in changed}):
            log.info("compliance", site=site_id, period=period, book=version)
        return changed

    def _days(self, session: Session, site: Site, mark: ComplianceMark, now_us: int, *, rejudge: bool) -> list[date]:
        """Today; what news there is of; what has become final since; the whole month by a new book."""
        today = day_of(now_us, site.timezone)
        began = day_of(began_us(site, compliance.cameras_of(session, site.id)), site.timezone)
        oldest = max(began, today - timedelta(days=DAYS_BACK_MAX))
        news = [date.fromisoformat(day) for day in attestations.days_with_news(session, site.id, mark.verdict_id)]
        # The first look at a site makes no entries of its whole past.
        far = max(began, today - timedelta(days=NEWS_BACK_MAX)) if mark.verdict_id else oldest
        if news and news[0] < far:
            log.warning("compliance_days_too_old", site=site.id, first=news[0].isoformat(), looked_from=far.isoformat())
        from_day = date.fromisoformat(mark.final_before) if mark.final_before else oldest
        until = date.fromisoformat(self._final_before(site, mark, now_us))
        ripe = {from_day + timedelta(days=number) for number in range(max(0, (until - from_day).days))}
        month = today.replace(day=1)
        anew = {month + timedelta(days=number) for number in range((today - month).days)} if rejudge else set()
        lately = {day for day in {today, *ripe, *anew} if oldest <= day <= today}
        return sorted(lately | {day for day in news if far <= day <= today})

    def _final_before(self, site: Site, mark: ComplianceMark, now_us: int) -> str:
        """The first day of which something may still come in time."""
        ripe_us = now_us - self.assessor.policy.backfill_hours * 60 * US_PER_MINUTE
        day = day_of(ripe_us, site.timezone)
        if day_span(day, site.timezone).end_us <= ripe_us:
            day += timedelta(days=1)
        return max(mark.final_before, day.isoformat())

    def _judge(self, site_id: str, first: date, period: str) -> Changed:
        """A day, or the month that begins on ``first``."""
        with self.database.unit_of_work() as session:
            site, now_us = session.get_one(Site, site_id, with_for_update=True), self.clock.utc_us()
            if len(period) > len("2026-11"):
                found = self.examiner.day(session, site, first, now_us)
            else:
                days = statuses_of(session, site_id, first)
                found = self.examiner.month(session, site, first, now_us, days)
            if found is None or not self._write_all(session, site_id, period, found, now_us):
                return Changed()
        return {(site_id, period)}

    def _write_all(self, session: Session, site_id: str, period: str, found: Result, now_us: int) -> bool:
        """Whether there is a new entry on the site itself; its places have their own."""
        for place in found.told.zones:
            if place.required:
                told = SiteTold(outcomes=of_subject(found.told.outcomes, "zone", place.zone_id), zones=[place])
                status = found.zones[place.zone_id]
                _write(
                    session,
                    Verdict("zone", site_id, place.zone_id, period, status, found.final, found.book, told),
                    now_us,
                )
        whole = Verdict("site", site_id, site_id, period, found.status, found.final, found.book, found.told)
        return _write(session, whole, now_us)

    def _keep_regions(self, changed: Changed) -> int:
        with self.database.reading() as session:
            regions = {row.id: row.region for row in session.execute(select(Site.id, Site.region))}
        due: set[tuple[str, str]] = set()
        for site_id, period in changed:
            steps = regions[site_id].split("/")
            due |= {("/".join(steps[:count]), period) for count in range(1, len(steps) + 1)}
        written = 0
        for path, period in sorted(due):
            inside = sorted(site for site, region in regions.items() if region == path or region.startswith(f"{path}/"))
            try:
                written += self._keep_region(path, period, inside)
            except NightlightError as error:  # one that cannot be judged keeps no other from it
                log.warning("compliance_postponed", region=path, reason=str(error))
        return written

    def _keep_region(self, path: str, period: str, site_ids: list[str]) -> bool:
        with self.database.unit_of_work() as session:
            session.get(Region, path, with_for_update=True)
            rows = compliance.standings(session, "site", period, period, site_ids=site_ids)
            known = {row.subject_id: row for row in rows}
            sites = {
                site_id: (known[site_id].status, known[site_id].id) if site_id in known else (Status.UNVERIFIED, 0)
                for site_id in site_ids
            }
            found = Verdict(
                "region",
                None,
                path,
                period,
                worst(Status(status) for status, _ in sites.values()),
                len(known) == len(site_ids) and all(row.final for row in rows),
                "; ".join(sorted({row.book for row in rows})),
                RegionTold(sites={site: (str(status), number) for site, (status, number) in sites.items()}),
            )
            return _write(session, found, self.clock.utc_us())


def statuses_of(session: Session, site_id: str, month: date) -> dict[str, str]:
    """How the days of a month came out, those that have an entry."""
    last = add_months(month, 1) - timedelta(days=1)
    rows = compliance.standings(
        session, "site", month.isoformat(), last.isoformat(), site_ids=[site_id], subjects=[site_id]
    )
    return {row.period: row.status for row in rows}


def _new_mark(session: Session, site_id: str) -> ComplianceMark:
    mark = ComplianceMark(site_id=site_id, verdict_id=0, book="", book_since_us=0, looked_us=0, final_before="")
    session.add(mark)
    return mark


def _write(session: Session, verdict: Verdict, now_us: int) -> bool:
    """Appends an entry where it says something new."""
    before = compliance.newest(session, verdict.kind, verdict.subject_id, verdict.period, verdict.site_id)
    packed, digest = pack_up(verdict.told)
    if before is not None and not _is_news(verdict, digest, before, now_us):
        return False
    session.add(
        ComplianceEntry(
            kind=verdict.kind,
            site_id=verdict.site_id,
            subject_id=verdict.subject_id,
            period=verdict.period,
            status=verdict.status,
            final=verdict.final,
            book=verdict.book,
            assessed_us=now_us,
            told_sha256=digest,
            told=packed,
            replaces_id=before.id if before is not None else None,
        )
    )
    session.flush()
    return True


def _is_news(verdict: Verdict, digest: str, before: ComplianceEntry, now_us: int) -> bool:
    if (verdict.status, verdict.final, verdict.book) != (before.status, before.final, before.book):
        return True
    if digest == before.told_sha256:
        return False
    return verdict.final or now_us - before.assessed_us >= PROVISIONAL_US
