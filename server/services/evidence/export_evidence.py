"""Puts an evidence package together: what ``nightlight-verify`` checks without us.

Invariants: nothing is said to be covered that the package does not hold (I1); recordings and manifests are the bytes
that were received (I4); an export has a reason and stands in the site's ledger before its first byte is written.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, US_PER_S, Clock, isoformat
from config.base.errors import Conflict, InvalidInput, NotFound, Unavailable
from config.base.ids import fresh_id
from config.base.logs import get_logger
from config.base.timespan import Span, SpanSet
from config.evidence import package
from config.evidence.checkpoint import Checkpoint
from config.evidence.entries import GapAttested, SegmentSecured, decode
from config.evidence.note import SignedNote
from config.evidence.write import Recording, write_package
from config.wire.envelope import Signer
from server.domain.coverage import Coverage, Limits, cover
from server.services.cells.fetch_from_cell import brought_between
from server.services.compliance.rule_books import retain_days_of
from server.services.coverage.assess_day import Assessor
from server.services.evidence.gather_afterwards import Gone, audits_since, certificates_of
from server.services.evidence.gather_standing import gather
from server.services.evidence.keep_ledger import LedgerKeeper
from server.services.intake.verify_upload import SEGMENT_SECURED
from storage.database import cells, evidence, ledger, spans
from storage.database.accesses import Access, record
from storage.database.models import Camera, Segment, Site
from storage.database.unit_of_work import Database
from storage.objects.port import EvidenceStore

SOFTWARE = "nightlight 0.1"
PERIOD_US_MAX = 31 * 86_400 * US_PER_S
SEGMENTS_MAX = 60_000
BROUGHT_MAX = 500
"""Of a site's own store: each was asked for by somebody, and stays a day."""
CHECKPOINT_TRIES = 3
IN_MEMORY_BYTES = 8 * 2**20
DELETED = package.DELETED_CAUSE
UNCERTIFIED = "deletion_uncertified"
KEPT_ON_SITE = "kept_on_site"

log = get_logger("export")


@dataclass(frozen=True)
class Export:
    """Who wants what and why; the person's identity and reach have been checked."""

    site_id: str
    camera_id: str
    span: Span
    account: str
    reason: str
    source: str = ""
    """From where: an address, or the machine that the command was given on."""

    @property
    def file_name(self) -> str:
        stamp = isoformat(self.span.start_us)[:16].replace(":", "").replace("-", "").lower()
        return f"evidence-{self.camera_id}-{stamp}z.zip"


@dataclass(frozen=True)
class _Gathered:
    """Everything from the database, detached."""

    site: Site
    segments: list[Segment]
    """Those that are there."""
    gone: list[Segment]
    judged: Coverage
    assessed_us: int
    retain_days: int
    backfilled: SpanSet
    away: SpanSet
    """What lies in the site's own store and is not in the package."""
    brought: dict[str, tuple[str, str]]
    """Recordings of the site's own store that somebody had brought: where they are at the centre, key and version."""
    clock: list[dict[str, object]]
    access: list[dict[str, object]]


@dataclass(frozen=True)
class EvidenceExporter:
    """One export at a time is one call of ``write``."""

    database: Database
    store: EvidenceStore
    clock: Clock
    keeper: LedgerKeeper
    signer: Signer
    assessor: Assessor
    report: Callable[[package.Index, package.CoverageStatement], bytes]
    authority: str = ""
    """The certificate (PEM) of the authority that enrolled the agents; empty where there is none."""

    def write(self, export: Export, write: Callable[[bytes], object]) -> package.Index:
        """Writes a package front to back. Raises NotFound, InvalidInput, IntegrityViolation, Unavailable."""
        self._check(export)
        self._record(export)
        with self.database.reading() as session:
            found = self._gather(session, export)
        # After what was gathered, so that all of it has its place in what is signed.
        self.keeper.number_all()
        note = self._checkpoint(export.site_id)
        size = Checkpoint.parse(note.text).size
        proofs = self.keeper.inclusions(export.site_id, SEGMENT_SECURED, [one.id for one in found.segments], size)
        went = self._secured_once(export.site_id, found.gone, size)
        with self.database.reading() as session:
            past = certificates_of(session, found.site, export.camera_id, went, size)
            audits = audits_since(session, export.site_id, export.span.start_us, size)
        recordings = [
            self._recording(segment, *proofs[segment.id], where=found.brought.get(segment.id))
            for segment in found.segments
        ]
        recordings += [
            self._recording(one.segment, one.entry, one.proof, past.certificate_of[one.segment.id])
            for one in went
            if one.segment.id in past.certificate_of
        ]
        recordings.sort(key=lambda recording: (recording.start_us, recording.segment_id))
        numbers = [recording.proof.number for recording in recordings]
        with self.database.reading() as session:
            standing = gather(session, found.site, export.span, size, numbers, self.authority)
        statement = standing.contested(_statement(export, found, recordings))
        index = self._index(export, found, note, standing.agents)
        documents = {
            package.REPORT: self.report(index, statement),
            package.CHECKPOINT: note.serialise(),
            **standing.documents(),
            **past.documents(),
            **audits,
            package.COVERAGE: msgspec.json.encode(statement),
            package.CLOCK: msgspec.json.encode(found.clock),
            package.ACCESS: msgspec.json.encode(found.access),
        }
        signed = write_package(write, index, documents, recordings, self.signer)
        log.info("evidence_exported", package=signed.package_id, camera=export.camera_id, segments=len(recordings))
        return signed

    def _checkpoint(self, site_id: str) -> SignedNote:
        """``jobs`` may sign one at the same moment; of two, the later takes what the first has made."""
        for _ in range(CHECKPOINT_TRIES):
            with suppress(Conflict):
                return self.keeper.checkpoint(site_id)
        raise Unavailable("the ledger is busy: try again in a moment")

    def size_bytes(self, export: Export) -> int:
        """About how large the package will be, above all its recordings. Raises NotFound, InvalidInput."""
        self._check(export)
        with self.database.reading() as session:
            return evidence.footage_bytes(session, export.camera_id, export.span)

    def _check(self, export: Export) -> None:
        if not export.reason.strip() or len(export.reason) > 200 or not export.reason.isprintable():
            raise InvalidInput("an export needs a reason, of 200 characters at most", code="no_reason")
        if not 0 < export.span.duration_us <= PERIOD_US_MAX or export.span.end_us > self.clock.utc_us():
            raise InvalidInput("an export is of at most 31 days, which are over", code="bad_span")
        with self.database.reading() as session:
            camera = session.get(Camera, export.camera_id)
            if camera is None or camera.site_id != export.site_id:
                raise NotFound(f"no camera {export.camera_id} at {export.site_id}")

    def _record(self, export: Export) -> None:
        access = Access(
            site_id=export.site_id,
            camera_id=export.camera_id,
            account=export.account,
            what="export",
            span=export.span,
            subject="export",
            subject_id=export.camera_id,
            reason=export.reason,
            source=export.source,
        )
        with self.database.unit_of_work() as session:
            record(session, access, self.clock.utc_us())

    def _gather(self, session: Session, export: Export) -> _Gathered:
        camera, now_us = session.get_one(Camera, export.camera_id), self.clock.utc_us()
        brought = brought_between(session, camera.id, export.span, now_us, BROUGHT_MAX)
        segments = list(
            session.scalars(
                select(Segment)
                .where(
                    Segment.camera_id == camera.id,
                    Segment.end_us > export.span.start_us,
                    Segment.start_us < export.span.end_us,
                    or_(
                        Segment.retain_until_us.is_not(None),
                        Segment.deleted_us.is_not(None),
                        Segment.id.in_(brought),
                    ),
                )
                .order_by(Segment.start_us, Segment.id)
                .limit(SEGMENTS_MAX + 1)
            )
        )
        if len(segments) > SEGMENTS_MAX:
            raise InvalidInput(f"more than {SEGMENTS_MAX} recordings: export a shorter period", code="oversized")
        policy = self.assessor.policy
        begun_us = camera.activated_us if camera.activated_us is not None else export.span.end_us
        ended_us = camera.retired_us if camera.retired_us is not None else export.span.end_us
        expected = SpanSet.of(export.span).clip(begun_us, max(begun_us, ended_us))
        known = self.assessor.gather(session, camera, export.span, now_us)
        backfilled = spans.coverage_of(session, camera.id, export.span).get(spans.BACKFILLED, {})
        return _Gathered(
            session.get_one(Site, export.site_id),
            [s for s in segments if s.deleted_us is None and s.secured_us is not None],
            [s for s in segments if s.deleted_us is not None],
            cover(expected, known, Limits(now_us, policy.in_flight_s * US_PER_S)),
            now_us,
            retain_days_of(session, camera.site_id, policy.retain_days),
            SpanSet(part for series in backfilled.values() for part in series),
            cells.spans_on_site(session, camera.id, export.span)
            - SpanSet((s.start_us, s.end_us) for s in segments if s.id in brought),
            brought,
            _clock_log(session, camera, export.span),
            [
                {"at_us": entry.at_us, "account": entry.account, "what": entry.what, "reason": entry.reason}
                for entry in ledger.accesses(session, export.site_id, export.camera_id)
                if entry.start_us < export.span.end_us and entry.end_us > export.span.start_us
            ],
        )

    def _secured_once(self, site_id: str, gone: list[Segment], size: int) -> list[Gone]:
        """Deleted recordings with the entries that secured them."""
        ids = [segment.id for segment in gone]
        proofs = self.keeper.inclusions(site_id, SEGMENT_SECURED, ids, size, all_of_them=False)
        return [Gone(segment, *proofs[segment.id]) for segment in gone if segment.id in proofs]

    def _index(
        self, export: Export, found: _Gathered, note: SignedNote, agents: list[package.AgentKey]
    ) -> package.Index:
        return package.Index(
            package_id=fresh_id(),
            site_id=export.site_id,
            camera_id=export.camera_id,
            start_us=export.span.start_us,
            end_us=export.span.end_us,
            timezone=found.site.timezone,
            made_us=self.clock.utc_us(),
            made_by=export.account,
            reason=export.reason,
            software=SOFTWARE,
            contents_sha256="0" * 64,
            origin=Checkpoint.parse(note.text).origin,
            ledger_key=self.keeper.signer.key.vkey,
            agents=agents,
        )

    def _recording(
        self,
        segment: Segment,
        entry: bytes,
        proof: package.LedgerProof,
        certificate: int | None = None,
        where: tuple[str, str] | None = None,
    ) -> Recording:
        """``where`` it is read from, where that is not its own place."""
        key, version_id = where or (segment.object_key or "", segment.version_id or "")
        return Recording(
            segment.id,
            segment.start_us,
            segment.end_us,
            segment.sha256,
            segment.envelope,
            entry,
            proof,
            lambda: self._bytes(key, version_id),
            certificate,
        )

    def _bytes(self, key: str, version_id: str) -> AbstractContextManager[BinaryIO]:
        @contextmanager
        def opened() -> Iterator[BinaryIO]:
            with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as held:
                for chunk in self.store.chunks(key, version_id):
                    held.write(chunk)
                held.seek(0)
                yield held  # type: ignore[misc]  # it is a BinaryIO in everything but its declared ancestry

        return opened()


def write_file(exporter: EvidenceExporter, export: Export, target: Path) -> package.Index:
    """A package as a file, which appears under its name only when it is whole."""
    part = target.with_name(f"{target.name}.part")
    opened = part.open("xb")  # another's is left alone
    try:
        with opened:
            signed = exporter.write(export, opened.write)
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)
    return signed


def _statement(export: Export, found: _Gathered, recordings: list[Recording]) -> package.CoverageStatement:
    """What is covered is here; what went on its day has its certificate here (I1)."""
    certified = {recording.segment_id for recording in recordings if recording.certificate is not None}
    here, gone = (
        SpanSet.from_columns([segment.start_us for segment in some], [segment.end_us for segment in some])
        for some in (found.segments, found.gone)
    )
    proved = SpanSet((segment.start_us, segment.end_us) for segment in found.gone if segment.id in certified)
    left = found.judged.covered - gone
    covered = (left - found.away) & here
    absent = {
        (DELETED, "missing"): found.judged.covered & proved,
        (UNCERTIFIED, "missing"): found.judged.covered & (gone - proved),
        (KEPT_ON_SITE, "unverified"): left & found.away,
        # Secured or taken out of what counts between two looks at the database: the next package tells.
        ("upload_pending", "unverified"): left - found.away - here,
    }
    return package.CoverageStatement(
        site_id=export.site_id,
        camera_id=export.camera_id,
        start_us=export.span.start_us,
        end_us=export.span.end_us,
        assessed_us=found.assessed_us,
        retain_days=_secured_for(found.retain_days, recordings),
        covered=[(part.start_us, part.end_us) for part in covered],
        backfilled=[(part.start_us, part.end_us) for part in found.backfilled & covered],
        gaps=_gaps(found.judged, absent, export.span.end_us),
    )


def _secured_for(retain_days: int, recordings: list[Recording]) -> int:
    """For how many days every recording here was locked when it was secured: today's policy may ask for more."""
    days = retain_days
    for recording in recordings:
        entry = decode(recording.entry)
        if recording.certificate is None and isinstance(entry, SegmentSecured):
            days = min(days, max(0, (entry.retain_until_us - recording.end_us) // US_PER_DAY))
    return days


def _gaps(judged: Coverage, absent: dict[tuple[str, str], SpanSet], end_us: int) -> list[GapAttested]:
    gaps = [
        GapAttested(
            gap.start_us, min(gap.end_us if gap.end_us is not None else end_us, end_us), gap.cause, gap.certainty
        )
        for gap in judged.gaps
    ]
    gaps += [GapAttested(part.start_us, part.end_us, "manifest_pending", "unverified") for part in judged.in_flight]
    gaps += [GapAttested(part.start_us, part.end_us, *why) for why, parts in absent.items() for part in parts]
    return sorted(gaps, key=lambda gap: gap.start_us)


def _clock_log(session: Session, camera: Camera, span: Span) -> list[dict[str, object]]:
    """Where the comparisons with the centre's clock vouch for the times."""
    return [
        {
            "timeline_id": timeline.id,
            "started_us": timeline.started_us,
            "last_us": timeline.last_us,
            "compared_us": timeline.compared_us,
            "trusted": [[part.start_us, part.end_us] for part in spans.trusted_of(session, timeline.id)],
        }
        for timeline in evidence.timelines_of(session, camera.agent_id, span)
    ]
