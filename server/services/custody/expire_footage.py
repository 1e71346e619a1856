"""After the last day: recordings past their lock, past the policy's floor and under no hold are deleted, by version.

Invariants: nothing goes that ``may_go`` does not allow at the moment it is claimed, and no hold comes between a claim
and its deletion unnoticed; a day goes as one and stands on a signed certificate in the site's ledger; more than half of
everything never goes within a day without a person's word on the very figures, in however many runs and processes; a
crash repeats deletions that were made, which does no harm, and forgets none.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import islice

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, US_PER_S, Clock
from config.base.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from config.base.logs import get_logger
from config.evidence.entries import CameraDeleted, FootageDeleted, encode
from server.domain.holds import AHEAD_US_MAX, HoldSpan, Recording, days_over_before_us, may_go, without_person
from server.domain.retention import retain_until_us
from server.domain.verdict import day_of, day_span
from server.services.compliance.rule_books import retain_days
from storage.database import ledger, lifetimes
from storage.database.lifetimes import Due, SiteTally
from storage.database.models import DeletionRun, Segment, Site
from storage.database.unit_of_work import Database
from storage.objects.port import EvidenceStore

FOOTAGE_DELETED = "footage-deleted"
BATCH = 200
SITES_MAX = 100_000
UNDER_KEY_MAX = 1_000
"""Versions of one key that one run takes away."""

log = get_logger("retention")


@dataclass(frozen=True)
class Doomed:
    """A version that may go, detached."""

    segment_id: str
    key: str
    version_id: str
    sha256: str


@dataclass
class Leave:
    """How many versions a run may still claim, and by whose word; what it claims is counted in its row."""

    left: int
    of_versions: int
    """Everything that was there within a day; without a person's word at most half of it goes."""
    run_id: int | None = None
    confirmed_by: str | None = None


@dataclass(frozen=True)
class Tally:
    """What may go now, site by site, and how many versions there are in all."""

    of_versions: int
    sites: list[SiteTally] = field(default_factory=list)

    @property
    def versions(self) -> int:
        return sum(site.versions for site in self.sites)


@dataclass(frozen=True)
class FootageExpirer:
    """Call ``run`` now and then."""

    database: Database
    store: EvidenceStore
    clock: Clock
    retain_days: int

    def run(self) -> int:
        """Deletes what is due, site by site and day by day; how many versions went.

        Raises Unavailable where the store does not answer: what went is noted, the rest comes again.
        """
        if self._clock_is_ahead():
            return 0
        self._finish_claims()
        found = self.tally()
        leave = self._leave(found)
        if leave is None:
            return 0
        gone = sum(self._site(site.site_id, leave) for site in found.sites)
        self._finish(leave)
        return gone

    def _clock_is_ahead(self) -> bool:
        with self.database.reading() as session:
            ahead_us = lifetimes.ahead_of_agents_us(session, self.clock.utc_us())
        if ahead_us > AHEAD_US_MAX:
            advice = "nothing goes until this machine's clock is right: set it by NTP"
            log.error("clock_ahead_of_agents", ahead_s=ahead_us // US_PER_S, advice=advice)
        return ahead_us > AHEAD_US_MAX

    def tally(self) -> Tally:
        """What may go at this moment."""
        with self.database.reading() as session:
            sites = session.scalars(select(Site).order_by(Site.id).limit(SITES_MAX)).all()
            counted = [lifetimes.tally_of(session, self._due(site)) for site in sites]
            due = [site for site in counted if site.versions]
            return Tally(lifetimes.versions_held(session) if due else 0, due)

    def confirm(self, person: str, versions: int, of_versions: int) -> DeletionRun:
        """A person allows the large deletion that waits, naming its figures. Raises NotFound, Conflict."""
        with self.database.unit_of_work() as session:
            asked = lifetimes.open_deletion(session)
            if asked is None:
                raise NotFound("no deletion waits for a confirmation")
            if asked.confirmed_by is not None:
                raise Conflict(f"{asked.confirmed_by} has confirmed it already", code="confirmed_already")
            if (versions, of_versions) != (asked.versions, asked.of_versions):
                raise Conflict(
                    f"it is {asked.versions} of {asked.of_versions} versions: look again, and confirm those figures",
                    code="figures_changed",
                )
            asked.confirmed_by, asked.confirmed_us, asked.done = person, self.clock.utc_us(), 0
        log.warning("large_deletion_confirmed", by=person, versions=asked.versions, of=asked.of_versions)
        return asked

    def _leave(self, found: Tally) -> Leave | None:
        """How many versions this run may delete; None where a person has to be asked first."""
        with self.database.unit_of_work() as session:
            asked = lifetimes.open_deletion(session)
            if asked is not None and asked.confirmed_by is not None:
                return Leave(asked.versions - (asked.done or 0), asked.of_versions, asked.id, asked.confirmed_by)
            gone = self._gone_lately(session)
            whole = found.of_versions + gone
            if found.versions <= without_person(whole) - gone:
                if asked is not None:
                    asked.finished_us = self.clock.utc_us()
                return Leave(without_person(whole) - gone, whole)
            if asked is not None:
                asked.versions, asked.of_versions = found.versions, found.of_versions
                return None
            session.add(
                DeletionRun(asked_us=self.clock.utc_us(), versions=found.versions, of_versions=found.of_versions)
            )
        advice = "nothing goes until a person has looked why and confirmed it: server.admin deletion list"
        log.error("large_deletion_waits", versions=found.versions, of=found.of_versions, advice=advice)
        return None

    def _gone_lately(self, session: Session) -> int:
        """What went within a day without a person's word."""
        return lifetimes.gone_unconfirmed(session, self.clock.utc_us() - US_PER_DAY)

    def _finish(self, leave: Leave) -> None:
        if leave.confirmed_by is None:
            return
        with self.database.unit_of_work() as session:
            session.get_one(DeletionRun, leave.run_id).finished_us = self.clock.utc_us()

    def _finish_claims(self) -> None:
        """What a run claimed that was interrupted: it was allowed then, and is shown as deleted since."""
        with self.database.reading() as session:
            sites = [session.get_one(Site, site_id) for site_id in lifetimes.sites_with_claims(session)]
        for site in sites:
            from_us = 0
            while (oldest := self._oldest_claimed(site, from_us)) is not None:
                day = day_of(oldest.start_us, site.timezone)
                self._delete_all(self._claimed(site, day))
                self._certify(site, day, self._confirmed_by())
                from_us = day_span(day + timedelta(days=1), site.timezone).start_us

    def _oldest_claimed(self, site: Site, from_us: int) -> Segment | None:
        with self.database.reading() as session:
            return lifetimes.oldest_claimed(session, site.id, from_us)

    def _confirmed_by(self) -> str | None:
        with self.database.unit_of_work() as session:
            asked = lifetimes.open_deletion(session)
            return asked.confirmed_by if asked is not None else None

    def _due(self, site: Site) -> Due:
        now_us = self.clock.utc_us()
        days = retain_days(site.policy_pack, self.retain_days)
        return Due(site.id, days_over_before_us(now_us, site.timezone, days), now_us, days)

    def _site(self, site_id: str, leave: Leave) -> int:
        gone, from_us = 0, 0
        while leave.left > 0:
            with self.database.reading() as session:
                site = session.get_one(Site, site_id)
                oldest = lifetimes.oldest_due(session, self._due(site), from_us)
            if oldest is None:
                break
            day = day_of(oldest.start_us, site.timezone)
            gone += self._day(site, day, leave)
            from_us = day_span(day + timedelta(days=1), site.timezone).start_us
        return gone

    def _day(self, site: Site, day: date, leave: Leave) -> int:
        gone = 0
        while doomed := self._claim(site, day, leave):
            kept = self._delete_all(doomed)
            gone += len(doomed) - kept
            if kept:
                self._count_off(leave, kept)
                break  # the store holds on to some of them: its clock is behind, or a hold of its own
        self._certify(site, day, leave.confirmed_by)
        return gone

    def _count_off(self, leave: Leave, kept: int) -> None:
        """What the store kept has not gone."""
        with self.database.unit_of_work() as session:
            run = session.get_one(DeletionRun, leave.run_id, with_for_update=True)
            run.done = max(0, (run.done or 0) - kept)

    def _claimed(self, site: Site, day: date) -> list[Doomed]:
        with self.database.reading() as session:
            found = lifetimes.claimed_between(session, site.id, day_span(day, site.timezone))
            return [_doomed(segment) for segment in found]

    def _claim(self, site: Site, day: date, leave: Leave) -> list[Doomed]:
        """The next versions of a site's day that may go: from this commit on no hold can come between."""
        with self.database.unit_of_work() as session:
            run = self._counted(session, leave)
            # Whoever places a hold takes this row too: it comes before the claim, or after it and is told so.
            site = session.get_one(Site, site.id, with_for_update=True)
            due, window = self._due(site), day_span(day, site.timezone)
            holds = [HoldSpan(h.camera_id, h.start_us, h.end_us) for h in lifetimes.holds_of(session, site.id)]
            found = lifetimes.due_between(session, due, window, max(0, min(BATCH, leave.left)))
            free = [s for s in found if may_go(_recording(s), holds, _floor_us(s, due.retain_days), due.now_us)]
            for segment in free:
                segment.deleted_us = due.now_us
            run.done = (run.done or 0) + len(free)
            leave.left -= len(free)
            session.flush()
            leave.run_id = run.id
            return [_doomed(segment) for segment in free]

    def _counted(self, session: Session, leave: Leave) -> DeletionRun:
        """The row that the next claim is counted in, and what is left of the leave by all that others have claimed."""
        now_us = self.clock.utc_us()
        if leave.confirmed_by is not None:
            run = session.get_one(DeletionRun, leave.run_id, with_for_update=True)
            leave.left = min(leave.left, run.versions - (run.done or 0))
            return run
        lifetimes.one_at_a_time(session)
        leave.left = without_person(leave.of_versions) - self._gone_lately(session)
        if leave.run_id is not None:
            run = session.get_one(DeletionRun, leave.run_id)
            run.finished_us = now_us
            return run
        run = DeletionRun(
            asked_us=now_us, finished_us=now_us, versions=leave.left, of_versions=leave.of_versions, done=0
        )
        session.add(run)
        return run

    def _delete_all(self, doomed: list[Doomed]) -> int:
        """Deletes claimed versions; those that the store keeps are claimed no longer. How many it kept."""
        kept = {version.segment_id for version in doomed if not self._delete(version)}
        kept |= self._still_there([version for version in doomed if version.segment_id not in kept])
        with self.database.unit_of_work() as session:
            for segment_id in kept:
                session.get_one(Segment, segment_id).deleted_us = None
        return len(kept)

    def _still_there(self, doomed: list[Doomed]) -> set[str]:
        """What the store lists after it has said that it is gone: a certificate goes by what is read back (I3)."""
        ours = {(version.key, version.version_id): version.segment_id for version in doomed}
        folders = sorted({version.key.rpartition("/")[0] for version in doomed})
        there = (found for folder in folders for found in self.store.list_versions(f"{folder}/"))
        still = {ours[found.key, found.version_id] for found in there if (found.key, found.version_id) in ours}
        if still:
            advice = "nothing is certified of them; they are tried again: see what answers in the store's place"
            log.error("deleted_and_there", versions=len(still), first=min(still), advice=advice)
        return still

    def _delete(self, doomed: Doomed) -> bool:
        """Deletes everything under a recording's key: an upload that was made twice, and what others put on top.

        The recording itself comes last, and only where no copy of it stays: the certificate says that it is gone. What
        has other bytes and is locked for longer keeps nothing else from going; the sweep comes back for it.
        """
        listed = [
            found for found in islice(self.store.list_versions(doomed.key), UNDER_KEY_MAX) if found.key == doomed.key
        ]
        others = [found.version_id for found in listed if found.version_id != doomed.version_id]
        stays = [version_id for version_id in others if not self._delete_version(doomed, version_id)]
        if any(self._is_copy(doomed, version_id) for version_id in stays):
            return False
        if len(listed) >= UNDER_KEY_MAX:
            log.error("too_many_under_a_key", segment=doomed.segment_id, advice="see who can write there")
            return False  # what was left may be a copy: the next run goes on
        return self._delete_version(doomed, doomed.version_id)

    def _is_copy(self, doomed: Doomed, version_id: str) -> bool:
        try:
            return self.store.stat_version(doomed.key, version_id).sha256 == doomed.sha256
        except (NotFound, InvalidInput):
            return False

    def _delete_version(self, doomed: Doomed, version_id: str) -> bool:
        try:
            self.store.delete_version(doomed.key, version_id)
        except NotFound:
            return True
        except (PermissionDenied, InvalidInput) as error:  # the latter: one without an id of its own
            log.warning("store_keeps_it", segment=doomed.segment_id, why=str(error))
            return False
        return True

    def _certify(self, site: Site, day: date, confirmed_by: str | None) -> None:
        window = day_span(day, site.timezone)
        with self.database.unit_of_work() as session:
            went = lifetimes.claimed_between(session, site.id, window)
            if not went:
                return
            self._write(session, site, day, went, confirmed_by)
        log.info("footage_deleted", site=site.id, day=day.isoformat(), versions=len(went))

    def _write(self, session: Session, site: Site, day: date, went: list[Segment], confirmed_by: str | None) -> None:
        now_us = self.clock.utc_us()
        entry = FootageDeleted(
            site_id=site.id,
            at_us=now_us,
            day=day.isoformat(),
            versions=len(went),
            size_bytes=sum(segment.size_bytes for segment in went),
            segments_sha256=digest_of(went),
            retained_days=retain_days(site.policy_pack, self.retain_days),
            confirmed_by=confirmed_by,
            cameras=by_camera(went),
        )
        for segment in went:
            segment.certified_us = now_us
        ledger.add(session, site.id, FOOTAGE_DELETED, day.isoformat(), encode(entry))


def _floor_us(segment: Segment, days: int) -> int:
    """Until when today's policy keeps a recording: one that has grown lengthens what is still there."""
    return retain_until_us(segment.end_us, segment.received_us, days)


def by_camera(went: list[Segment]) -> list[CameraDeleted]:
    """What a certificate says of each camera; the recordings stand in order of their ids."""
    of_camera: dict[str, list[Segment]] = {}
    for segment in went:
        of_camera.setdefault(segment.camera_id, []).append(segment)
    return [
        CameraDeleted(camera_id=camera_id, versions=len(theirs), segments_sha256=digest_of(theirs))
        for camera_id, theirs in sorted(of_camera.items())
    ]


def digest_of(segments: list[Segment]) -> str:
    """Of their ids, which stand in order."""
    return hashlib.sha256("".join(f"{segment.id}\n" for segment in segments).encode()).hexdigest()


def _doomed(segment: Segment) -> Doomed:
    return Doomed(segment.id, segment.object_key or "", segment.version_id or "", segment.sha256)


def _recording(segment: Segment) -> Recording:
    return Recording(segment.camera_id, segment.start_us, segment.end_us, segment.retain_until_us or 0)
