"""Reads uploaded versions back and secures their time: the only way by which footage comes to count (I3).

Three steps, so that no transaction waits for the network: take due rows under a lease, ask the store, write what was
found. A crash between them only delays a row until its lease is over. A store that is down delays it, with a bound.
"""

from dataclasses import dataclass

import msgspec
from sqlalchemy.orm import Session

from config.base.clock import US_PER_S, Clock
from config.base.errors import (
    IntegrityViolation,
    InvalidInput,
    NightlightError,
    NotFound,
    PermissionDenied,
    Unavailable,
)
from config.base.logs import get_logger
from config.evidence.entries import SegmentSecured, encode
from server.domain.audit import OF_THE_BYTES, Drift
from server.domain.holds import HoldSpan
from server.domain.retention import retain_until_us
from server.services.cells import take_into_cell
from server.services.compliance.rule_books import retain_days_of
from server.services.intake.accept_segment import receipt, refused
from storage.database import audits, evidence, ledger, lifetimes
from storage.database.models import PendingVerification, Segment
from storage.database.unit_of_work import Database
from storage.objects.port import EvidenceStore, StoredVersion

SEGMENT_SECURED = "segment-secured"
RETRY_S_LIMIT = 60
_REFUSALS = {"object_corrupt": "object_corrupt", "lock_not_kept": "lock_refused", "permission_denied": "lock_refused"}
log = get_logger("verify")


@dataclass(frozen=True)
class Job:
    """One version to be read back, detached from the database."""

    segment_id: str
    object_key: str
    version_id: str
    size_bytes: int
    sha256: str
    retain_until_us: int
    told: StoredVersion | None = None
    """What the site's agent read, where the version lies in a store that the server cannot reach."""


@dataclass(frozen=True)
class UploadVerifier:
    """Works the verification queue off."""

    database: Database
    store: EvidenceStore
    clock: Clock
    retain_days: int
    backfilled_after_us: int

    def take(self, limit: int) -> list[Job]:
        """Leases up to ``limit`` due rows to this caller."""
        with self.database.unit_of_work() as session:
            rows = evidence.take_verifications(session, self.clock.utc_us(), limit)
            return [self._job(session, session.get_one(Segment, row.segment_id), row) for row in rows]

    def verify(self, job: Job) -> list[msgspec.Struct]:
        """Reads one version back and commits what was found; returns the receipt or refusal to send."""
        try:
            found = self._read_back(job)
        except Unavailable as error:
            self._postpone(job, error)
            return []
        except (NotFound, InvalidInput, PermissionDenied, IntegrityViolation) as error:
            return self._refuse(job, error)
        answers = self._secure(job, found)
        if job.told is None:
            self._hold(job)
        return answers

    def _job(self, session: Session, segment: Segment, row: PendingVerification) -> Job:
        days = retain_days_of(session, segment.site_id, self.retain_days)
        return Job(
            segment_id=segment.id,
            object_key=row.object_key,
            version_id=row.version_id,
            size_bytes=segment.size_bytes,
            sha256=segment.sha256,
            retain_until_us=retain_until_us(segment.end_us, self.clock.utc_us(), days),
            told=take_into_cell.agents_word(session, row),
        )

    def _read_back(self, job: Job) -> StoredVersion:
        found = job.told if job.told is not None else self.store.stat_version(job.object_key, job.version_id)
        if found.size_bytes != job.size_bytes or found.sha256 != job.sha256:
            raise IntegrityViolation("size or checksum differ from the manifest", code="object_corrupt")
        if job.told is None and not found.locked_until(job.retain_until_us):
            found = self.store.extend_retention(job.object_key, job.version_id, job.retain_until_us)
        if not found.locked_until(job.retain_until_us):
            raise IntegrityViolation("the store did not take the lock", code="lock_not_kept")
        return found

    def _secure(self, job: Job, found: StoredVersion) -> list[msgspec.Struct]:
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            segment = session.get_one(Segment, job.segment_id)
            if job.told is not None:
                judged = take_into_cell.Judged(job.object_key, job.version_id, job.retain_until_us, found)
                _done(session, job)
                return [*take_into_cell.take_in(session, segment, judged, now_us)]
            if segment.secured_us is None and _hands_out_others(session, job):
                _done(session, job)
                return [refused(segment, "the store hands out other bytes than it says of this version")]
            # What an audit found in the bytes themselves is true of every upload of them (I1).
            if segment.secured_us is None and segment.refusal not in OF_THE_BYTES:
                segment.object_key, segment.version_id = job.object_key, job.version_id
                segment.retain_until_us, segment.etag = found.retain_until_us, found.etag or None
                segment.secured_us, segment.refusal = now_us, None
                # One that had been found unsound, went on its day and was sent again is there again.
                segment.deleted_us = segment.certified_us = None
                late = now_us - segment.end_us > self.backfilled_after_us
                take_into_cell.secure_time(session, segment, late=late)
                _write_entry(session, segment, now_us)
            _done(session, job)
            return [receipt(segment, job.version_id, found.retain_until_us or 0)]

    def _hold(self, job: Job) -> None:
        """Tells the store of a hold that was placed before its recording came; the database keeps it in any case."""
        with self.database.reading() as session:
            segment = session.get_one(Segment, job.segment_id)
            holds = [HoldSpan(h.camera_id, h.start_us, h.end_us) for h in lifetimes.holds_of(session, segment.site_id)]
        if not any(hold.covers(segment.camera_id, segment.start_us, segment.end_us) for hold in holds):
            return
        try:
            self.store.set_legal_hold(job.object_key, job.version_id, on=True)
        except NightlightError as error:
            log.warning("hold_not_on_store", segment=job.segment_id, detail=str(error))

    def _refuse(self, job: Job, error: NightlightError) -> list[msgspec.Struct]:
        reason = _REFUSALS.get(error.code, "object_missing")
        log.error("upload_refused", segment=job.segment_id, reason=reason, detail=str(error))
        with self.database.unit_of_work() as session:
            segment = session.get_one(Segment, job.segment_id)
            _done(session, job)
            take_into_cell.refuse(session, job.segment_id, job.version_id)
            if segment.secured_us is not None or segment.refusal in OF_THE_BYTES:
                return [receipt(segment, segment.version_id or "", segment.retain_until_us or 0)]
            segment.refusal, segment.object_key, segment.version_id = reason, job.object_key, job.version_id
            segment.etag = None
            return [refused(segment, str(error)[:200])]

    def _postpone(self, job: Job, error: Unavailable) -> None:
        with self.database.unit_of_work() as session:
            pending = session.get(PendingVerification, job.segment_id)
            if pending is None:
                return
            pending.tries += 1
            wait_s = min(RETRY_S_LIMIT, 2 ** min(pending.tries, 6))
            pending.due_us = self.clock.utc_us() + wait_s * US_PER_S
            log.warning("store_unavailable", segment=job.segment_id, retry_s=wait_s, detail=str(error))


def _write_entry(session: Session, segment: Segment, now_us: int) -> None:
    """The ledger's word that this version was read back whole and locked."""
    entry = SegmentSecured(
        site_id=segment.site_id,
        at_us=now_us,
        camera_id=segment.camera_id,
        segment_id=segment.id,
        manifest_sha256=segment.payload_sha256,
        sha256=segment.sha256,
        size_bytes=segment.size_bytes,
        object_key=segment.object_key or "",
        version_id=segment.version_id or "",
        retain_until_us=segment.retain_until_us or 0,
    )
    ledger.add(session, segment.site_id, SEGMENT_SECURED, segment.id, encode(entry))


def _hands_out_others(session: Session, job: Job) -> bool:
    """Whether reading this very version has shown what its checksum does not: only reading it again can settle that."""
    found = audits.finding_of(session, job.object_key, job.version_id, Drift.BYTES_CHANGED.value)
    return found is not None and found.settled_us is None


def _done(session: Session, job: Job) -> None:
    """Takes the row out of the queue, unless it asks for another version by now."""
    pending = session.get(PendingVerification, job.segment_id)
    if pending is not None and (pending.object_key, pending.version_id) == (job.object_key, job.version_id):
        session.delete(pending)
