"""What a manifest and an upload do to the database. Neither makes any time covered: only the read-back does (I3)."""

import msgspec
from sqlalchemy.orm import Session

from config.base.errors import IntegrityViolation, InvalidInput
from config.base.ids import fresh_id
from config.base.timespan import Span
from config.wire.envelope import decode_payload, open_envelope
from config.wire.segments import SEGMENT_SPAN_US_MAX, Receipt, SegmentRecorded, SegmentUploaded, UploadRefused
from server.domain.audit import OF_THE_BYTES
from server.domain.clock_trust import ClockRule
from server.services.cells import take_into_cell
from server.services.intake.accept_status import note_time
from server.services.intake.accept_storage import note_stored_time
from server.services.intake.incoming import Effect, Incoming
from storage.database import evidence, spans
from storage.database.models import Segment
from storage.objects.keys import SegmentKey


def recorded(session: Session, incoming: Incoming, rule: ClockRule) -> Effect:
    """Takes a manifest in: the span is claimed from now on.

    Raises InvalidInput (``bad_span``) and IntegrityViolation (``chain_broken``, ``chain_forked``).
    """
    manifest: SegmentRecorded = incoming.message
    if not 0 < manifest.end_us - manifest.start_us <= SEGMENT_SPAN_US_MAX:
        raise InvalidInput("a segment lasts more than 0 s and at most 310 s", code="bad_span")
    known = session.get(Segment, manifest.segment_id)
    if known is not None:
        if known.payload_sha256 != incoming.payload_sha256:
            raise IntegrityViolation("another manifest already has this segment id", code="chain_forked")
        return "duplicate", []
    _check_chain(session, manifest, incoming.payload_sha256)
    if evidence.is_repeated(session, manifest.camera_id, manifest.sha256):
        raise IntegrityViolation("another segment of this camera has exactly these bytes", code="footage_repeated")
    if manifest.origin == "camera_storage":
        note_stored_time(session, manifest, incoming.received_us, rule)
    else:
        note_time(session, manifest, (manifest.start_us, manifest.end_us), incoming.received_us, rule)
    session.add(
        Segment(
            id=manifest.segment_id,
            site_id=manifest.site_id,
            camera_id=manifest.camera_id,
            agent_id=manifest.agent_id,
            timeline_id=manifest.timeline_id,
            chain_id=manifest.chain_id,
            sequence=manifest.sequence,
            start_us=manifest.start_us,
            end_us=manifest.end_us,
            sha256=manifest.sha256,
            size_bytes=manifest.size_bytes,
            payload_sha256=incoming.payload_sha256,
            envelope=incoming.envelope,
            received_us=incoming.received_us,
        )
    )
    claimed = Span(manifest.start_us, manifest.end_us)
    spans.add_coverage(session, manifest.camera_id, spans.CLAIMED, manifest.timeline_id, claimed)
    return "committed", []


def uploaded(session: Session, incoming: Incoming, _rule: ClockRule) -> Effect:
    """Queues the read-back of an uploaded version, or says again what came of it.

    ``deferred`` while its manifest has not arrived: not answered, so that the agent says it again later.
    """
    message: SegmentUploaded = incoming.message
    segment = session.get(Segment, message.segment_id)
    if segment is None:
        return "deferred", []
    if (segment.camera_id, segment.agent_id, segment.sha256) != (message.camera_id, message.agent_id, message.sha256):
        raise InvalidInput("the upload does not match its manifest", code="foreign_segment")
    if message.object_key != SegmentKey(segment.site_id, segment.camera_id, segment.start_us, segment.id).text:
        raise InvalidInput("the object key is not the one this segment has", code="foreign_key")
    if message.seen is not msgspec.UNSET and segment.secured_us is not None and segment.retain_until_us is not None:
        # The site got its cell after that: the centre's copy counts and stays, whatever else an agent has put where.
        return "duplicate", [receipt(segment, message.version_id, segment.retain_until_us)]
    if message.seen is not msgspec.UNSET:
        result, replies = take_into_cell.claimed(session, incoming, segment, message.seen)
        return ("duplicate", [refused(segment)]) if result == "again" else (result, replies)
    kept = segment.secured_us is not None or segment.refusal in OF_THE_BYTES
    if kept and segment.version_id == message.version_id:
        return "duplicate", [receipt(segment, segment.version_id, segment.retain_until_us or 0)]
    if segment.refusal is not None and segment.version_id == message.version_id:
        return "duplicate", [refused(segment)]
    queued = evidence.queue_verification(
        session, segment.id, message.object_key, message.version_id, due_us=incoming.received_us
    )
    return "committed" if queued else "duplicate", []


def receipt(segment: Segment, version_id: str, retain_until_us: int) -> Receipt:
    """The receipt for a version of a segment that was read back whole and locked (I2).

    Footage that an audit found to be of no use is kept all the same: sending it again would change nothing.
    """
    verified_us = segment.secured_us
    if verified_us is None and segment.refusal in OF_THE_BYTES:
        verified_us = segment.received_us
    if segment.object_key is None or verified_us is None:
        raise IntegrityViolation(f"segment {segment.id} is not secured: it cannot have a receipt")
    return Receipt(
        message_id=fresh_id(),
        site_id=segment.site_id,
        agent_id=segment.agent_id,
        segment_id=segment.id,
        sha256=segment.sha256,
        object_key=segment.object_key,
        version_id=version_id,
        retain_until_us=retain_until_us,
        verified_us=verified_us,
    )


def refused(segment: Segment, detail: str = "") -> UploadRefused:
    """Tells the agent to upload a segment again."""
    return UploadRefused(
        message_id=fresh_id(),
        site_id=segment.site_id,
        agent_id=segment.agent_id,
        segment_id=segment.id,
        object_key=segment.object_key or "",
        version_id=segment.version_id or "",
        reason=segment.refusal or "object_missing",  # type: ignore[arg-type]
        detail=detail,
    )


def _check_chain(session: Session, manifest: SegmentRecorded, payload_sha256: str) -> None:
    links = evidence.chain_links(session, manifest.chain_id, manifest.camera_id, manifest.sequence)
    if manifest.sequence in links:
        raise IntegrityViolation(
            f"two manifests claim place {manifest.sequence} of the camera's chain", code="chain_forked"
        )
    if (manifest.sequence == 0) != (manifest.previous is None):
        raise IntegrityViolation("only the first manifest of a chain names no previous one", code="chain_broken")
    before, after = links.get(manifest.sequence - 1), links.get(manifest.sequence + 1)
    if before is not None and before.payload_sha256 != manifest.previous:
        raise IntegrityViolation("the manifest does not follow the one before it", code="chain_broken")
    if after is not None and _previous_of(after) != payload_sha256:
        raise IntegrityViolation("the manifest after it does not follow it", code="chain_broken")


def _previous_of(segment: Segment) -> str | None:
    manifest = decode_payload(open_envelope(segment.envelope))
    return manifest.previous if isinstance(manifest, SegmentRecorded) else None
