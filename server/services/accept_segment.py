"""What a manifest and an upload do to the database. Neither makes any time covered: only the read-back does (I3)."""

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy.orm import Session

from config.base.errors import IntegrityViolation, InvalidInput
from config.base.ids import fresh_id
from config.base.timespan import Span
from config.wire.segments import SEGMENT_SPAN_US_MAX, Receipt, SegmentRecorded, SegmentUploaded, UploadRefused
from server.domain.clock_trust import ClockRule
from server.services.accept_status import note_time
from storage.database import evidence, spans
from storage.database.models import PendingVerification, Segment
from storage.objects.keys import SegmentKey

if TYPE_CHECKING:
    from server.services.accept_message import Incoming


def recorded(session: Session, incoming: "Incoming", rule: ClockRule) -> str:
    """Takes a manifest in: the span is claimed from now on.

    Raises InvalidInput (``bad_span``) and IntegrityViolation (``chain_broken``, ``chain_forked``).
    """
    manifest: SegmentRecorded = incoming.message
    if not 0 < manifest.end_us - manifest.start_us <= SEGMENT_SPAN_US_MAX:
        raise InvalidInput("a segment lasts more than 0 s and at most 310 s", code="bad_span")
    _check_chain(session, manifest, incoming.payload_sha256)
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
    return "committed"


def uploaded(session: Session, incoming: "Incoming", _rule: ClockRule) -> str:
    """Queues the read-back of an uploaded version; ``deferred`` while its manifest has not arrived."""
    message: SegmentUploaded = incoming.message
    segment = session.get(Segment, message.segment_id)
    if segment is None:
        return "deferred"
    if (segment.camera_id, segment.agent_id, segment.sha256) != (message.camera_id, message.agent_id, message.sha256):
        raise InvalidInput("the upload does not match its manifest", code="foreign_segment")
    if message.object_key != SegmentKey(segment.site_id, segment.camera_id, segment.start_us, segment.id).text:
        raise InvalidInput("the object key is not the one this segment has", code="foreign_key")
    if segment.secured_us is None:
        evidence.queue_verification(
            session, segment.id, message.object_key, message.version_id, due_us=incoming.received_us
        )
    return "committed"


def answer_again(session: Session, message: msgspec.Struct, now_us: int) -> list[msgspec.Struct]:
    """The receipt or refusal that an agent missed, where its repeated message asks for one."""
    if not isinstance(message, SegmentUploaded):
        return []
    segment = session.get(Segment, message.segment_id)
    if segment is None:
        return []
    if segment.secured_us is not None:
        return [receipt(segment)]
    if segment.refusal is not None and session.get(PendingVerification, segment.id) is None:
        return [refused(segment, message.object_key, message.version_id)]
    return []


def receipt(segment: Segment) -> Receipt:
    """The receipt of a secured segment (I2)."""
    if None in (segment.object_key, segment.version_id, segment.retain_until_us, segment.secured_us):
        raise IntegrityViolation(f"segment {segment.id} is not secured: it cannot have a receipt")
    return Receipt(
        message_id=fresh_id(),
        site_id=segment.site_id,
        agent_id=segment.agent_id,
        segment_id=segment.id,
        sha256=segment.sha256,
        object_key=segment.object_key or "",
        version_id=segment.version_id or "",
        retain_until_us=segment.retain_until_us or 0,
        verified_us=segment.secured_us or 0,
    )


def refused(segment: Segment, object_key: str, version_id: str, detail: str = "") -> UploadRefused:
    """Tells the agent to upload a segment again."""
    return UploadRefused(
        message_id=fresh_id(),
        site_id=segment.site_id,
        agent_id=segment.agent_id,
        segment_id=segment.id,
        object_key=object_key,
        version_id=version_id,
        reason=segment.refusal or "object_missing",  # type: ignore[arg-type]
        detail=detail,
    )


def _check_chain(session: Session, manifest: SegmentRecorded, payload_sha256: str) -> None:
    if session.get(Segment, manifest.segment_id) is not None:
        raise IntegrityViolation("another manifest already has this segment id", code="chain_forked")
    here = evidence.chain_link(session, manifest.chain_id, manifest.camera_id, manifest.sequence)
    if here is not None and here.payload_sha256 != payload_sha256:
        raise IntegrityViolation(
            f"two manifests claim place {manifest.sequence} of the camera's chain", code="chain_forked"
        )
    if (manifest.sequence == 0) != (manifest.previous is None):
        raise IntegrityViolation("only the first manifest of a chain names no previous one", code="chain_broken")
    before = evidence.chain_link(session, manifest.chain_id, manifest.camera_id, manifest.sequence - 1)
    if before is not None and before.payload_sha256 != manifest.previous:
        raise IntegrityViolation("the manifest does not follow the one before it", code="chain_broken")
