"""After the last day: recordings past their lock, past the policy's floor and under no hold are deleted, by version.

Invariants: nothing goes that ``may_go`` does not allow at the moment of deletion; a site's day that went stands on a
signed certificate in its ledger; more than half of everything never goes without a person's word; a crash repeats
deletions that were made, which does no harm, and forgets none.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import Conflict, NotFound, PermissionDenied
from config.base.logs import get_logger
from config.evidence.entries import FootageDeleted, encode
from server.domain.holds import HoldSpan, Recording, may_go, needs_person
from server.domain.retention import retain_until_us
from server.domain.verdict import day_of, day_span
from storage.database import ledger, lifetimes
from storage.database.models import DeletionRun, Segment, Site
from storage.database.unit_of_work import Database
from storage.objects.port import EvidenceStore

FOOTAGE_DELETED = "footage-deleted"
BATCH = 200

log = get_logger("retention")


@dataclass(frozen=True)
class Doomed:
    """A version that may go, detached."""

    segment_id: str
    key: str
    version_id: str


@dataclass(frozen=True)
class FootageExpirer:
    """Call ``run`` now and then. No process does yet: nobody could place a hold before, as that has no command."""

    database: Database
    store: EvidenceStore
    clock: Clock
    retain_days: int

    def run(self) -> int:
        """Deletes what is due, site by site and day by day; how many versions went.

        Raises Unavailable where the store does not answer: what went is noted, the rest comes again.
        """
        now_us = self.clock.utc_us()
        if not self._allowed(now_us):
            return 0
        with self.database.reading() as session:
            sites = lifetimes.sites_to_clear(session, now_us)
        gone = sum(self._site(site_id, now_us) for site_id in sites)
        self._finish()
        return gone

    def confirm(self, person: str) -> DeletionRun:
        """A person allows the large deletion that waits. Raises NotFound, Conflict."""
        with self.database.unit_of_work() as session:
            asked = lifetimes.open_deletion(session)
            if asked is None:
                raise NotFound("no deletion waits for a confirmation")
            if asked.confirmed_by is not None:
                raise Conflict(f"{asked.confirmed_by} has confirmed it already")
            asked.confirmed_by, asked.confirmed_us = person, self.clock.utc_us()
        log.warning("large_deletion_confirmed", by=person, versions=asked.versions, of=asked.of_versions)
        return asked

    def _allowed(self, now_us: int) -> bool:
        with self.database.unit_of_work() as session:
            found = lifetimes.tally(session, now_us)
            asked = lifetimes.open_deletion(session)
            if asked is not None:
                # What was confirmed is so many versions, and not whatever there may be by now.
                within = found.expired <= asked.versions + BATCH
                if asked.confirmed_by is not None and within:
                    return True
                if asked.confirmed_by is None and needs_person(found.expired, found.all):
                    asked.versions, asked.of_versions = found.expired, found.all
                    return False
                asked.finished_us = now_us
            if not needs_person(found.expired, found.all):
                return True
            session.add(DeletionRun(asked_us=now_us, versions=found.expired, of_versions=found.all))
        advice = "nothing goes until a person has looked why and confirmed it"
        log.error("large_deletion_waits", versions=found.expired, of=found.all, advice=advice)
        return False

    def _finish(self) -> None:
        with self.database.unit_of_work() as session:
            asked = lifetimes.open_deletion(session)
            if asked is not None and asked.confirmed_by is not None:
                asked.finished_us = self.clock.utc_us()

    def _site(self, site_id: str, now_us: int) -> int:
        gone, from_us = 0, 0
        while True:
            with self.database.reading() as session:
                site = session.get_one(Site, site_id)
                oldest = lifetimes.oldest_to_clear(session, site_id, from_us, now_us)
            if oldest is None:
                return gone
            day = day_of(oldest.start_us, site.timezone)
            gone += self._day(site, day)
            from_us = day_span(day + timedelta(days=1), site.timezone).start_us

    def _day(self, site: Site, day: date) -> int:
        self._delete_all(self._claimed(site, day))  # by a run that was interrupted
        gone = 0
        while doomed := self._claim(site, day):
            kept = self._delete_all(doomed)
            gone += len(doomed) - kept
            if kept:
                break  # the store holds on to some of them: its clock is behind, or a hold of its own
        self._certify(site, day)
        return gone

    def _claimed(self, site: Site, day: date) -> list[Doomed]:
        window = day_span(day, site.timezone)
        with self.database.reading() as session:
            return [_doomed(s) for s in lifetimes.uncertified(session, site.id, window.start_us, window.end_us)]

    def _claim(self, site: Site, day: date) -> list[Doomed]:
        """The next versions of a site's day that may go: from this commit on no hold can come between."""
        now_us, window = self.clock.utc_us(), day_span(day, site.timezone)
        with self.database.unit_of_work() as session:
            session.get_one(Site, site.id, with_for_update=True)
            holds = [HoldSpan(h.camera_id, h.start_us, h.end_us) for h in lifetimes.holds_of(session, site.id)]
            found = lifetimes.expired_between(session, site.id, window.start_us, window.end_us, now_us)
            free = [s for s in found if may_go(_recording(s), holds, self._floor_us(s), now_us)][:BATCH]
            for segment in free:
                segment.deleted_us = now_us
            return [_doomed(segment) for segment in free]

    def _delete_all(self, doomed: list[Doomed]) -> int:
        """Deletes claimed versions; those that the store keeps are claimed no longer. How many it kept."""
        kept = [version.segment_id for version in doomed if not self._delete(version)]
        with self.database.unit_of_work() as session:
            for segment_id in kept:
                session.get_one(Segment, segment_id).deleted_us = None
        return len(kept)

    def _floor_us(self, segment: Segment) -> int:
        """Until when today's policy keeps a recording: one that has grown lengthens what is still there."""
        return retain_until_us(segment.end_us, segment.received_us, self.retain_days)

    def _delete(self, version: Doomed) -> bool:
        try:
            self.store.delete_version(version.key, version.version_id)
        except NotFound:
            return True
        except PermissionDenied as error:
            log.warning("store_keeps_it", segment=version.segment_id, why=str(error))
            return False
        return True

    def _certify(self, site: Site, day: date) -> None:
        window = day_span(day, site.timezone)
        with self.database.unit_of_work() as session:
            went = lifetimes.uncertified(session, site.id, window.start_us, window.end_us)
            if not went:
                return
            self._write(session, site, day, went)
        log.info("footage_deleted", site=site.id, day=day.isoformat(), versions=len(went))

    def _write(self, session: Session, site: Site, day: date, went: list[Segment]) -> None:
        now_us = self.clock.utc_us()
        listed = "".join(f"{segment.id}\n" for segment in went).encode()
        entry = FootageDeleted(
            site_id=site.id,
            at_us=now_us,
            day=day.isoformat(),
            versions=len(went),
            size_bytes=sum(segment.size_bytes for segment in went),
            segments_sha256=hashlib.sha256(listed).hexdigest(),
            retained_days=self.retain_days,
        )
        for segment in went:
            segment.certified_us = now_us
        ledger.add(session, site.id, FOOTAGE_DELETED, day.isoformat(), encode(entry))


def _doomed(segment: Segment) -> Doomed:
    return Doomed(segment.id, segment.object_key or "", segment.version_id or "")


def _recording(segment: Segment) -> Recording:
    return Recording(segment.camera_id, segment.start_us, segment.end_us, segment.retain_until_us or 0)
