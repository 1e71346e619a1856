"""What an agent says of a recording in its site's own cell: noted as signed, judged like a read-back, and not yet counted.

Invariant I1: nothing here makes time covered. That takes a challenge that was drawn afterwards (``answer_cell``).
Invariant I2: the receipt lets the agent free its copy; it has read every byte back from the cell by then.
"""

from typing import NamedTuple

import msgspec
from sqlalchemy.orm import Session

from config.base.errors import IntegrityViolation, InvalidInput
from config.base.ids import fresh_id
from config.base.timespan import Span
from config.evidence.entries import SegmentSecured, encode
from config.evidence.leaves import leaf_count
from config.wire.cells import SeenInCell
from config.wire.envelope import decode_payload, open_envelope
from config.wire.segments import SEGMENT_SPAN_US_MAX, Receipt, SegmentRecorded, SegmentUploaded
from server.domain.cells import AROUND_US, BYTES_A_S_MAX, NEIGHBOURS_MAX, Neighbour, is_too_dense, is_too_many
from server.domain.verdict import day_of
from server.services.intake.incoming import Effect, Incoming
from storage.database import cells, evidence, ledger, spans
from storage.database.models import Agent, Camera, Cell, CellCopy, PendingVerification, Segment, Site
from storage.objects.port import LockMode, StoredVersion

_MODES: dict[str, LockMode] = {"COMPLIANCE": "COMPLIANCE", "GOVERNANCE": "GOVERNANCE"}


class Judged(NamedTuple):
    """A version that an agent read back whole and locked; ``floor_us``: until when it had to be locked at least."""

    object_key: str
    version_id: str
    floor_us: int
    found: StoredVersion


def leaf_root_of(segment: Segment) -> str | None:
    """The root in a recording's manifest; None where there is none."""
    manifest = decode_payload(open_envelope(segment.envelope))
    if not isinstance(manifest, SegmentRecorded) or manifest.leaf_root is msgspec.UNSET:
        return None
    return manifest.leaf_root


def check_room(session: Session, segment: Segment) -> None:
    """Refuses a recording that would have draws fall on made-up bytes.

    Raises InvalidInput (``too_dense``, ``recorded_again``).
    """
    if is_too_dense(segment.size_bytes, segment.end_us - segment.start_us):
        raise InvalidInput(
            f"a cell takes recordings of {BYTES_A_S_MAX * 8 // 10**6} Mbit/s at most: lower the camera's bit rate",
            code="too_dense",
        )
    near = cells.about(session, segment, AROUND_US, SEGMENT_SPAN_US_MAX, NEIGHBOURS_MAX)
    neighbours = [Neighbour(Span(other.start_us, other.end_us), other.timeline_id, other.size_bytes) for other in near]
    if is_too_many(Span(segment.start_us, segment.end_us), segment.timeline_id, segment.size_bytes, neighbours):
        raise InvalidInput(
            "this camera's recordings of this time lie in the cell already: look whether two agents or two runs record it",
            code="recorded_again",
        )


def claimed(session: Session, incoming: Incoming, segment: Segment, seen: SeenInCell) -> Effect:
    """Queues what the agent read back, or says again what came of it. Raises InvalidInput."""
    message: SegmentUploaded = incoming.message
    root = leaf_root_of(segment)
    if root is None or session.get(Cell, segment.site_id) is None:
        raise InvalidInput("this recording does not belong into a cell", code="no_cell")
    copy = session.get(CellCopy, segment.id)
    if copy is None or copy.state == cells.REFUSED:
        session.get_one(Camera, segment.camera_id, with_for_update=True)  # what comes at once is seen by one of them
        check_room(session, segment)
    if seen.version_id != message.version_id:
        raise InvalidInput("another version was read than was made", code="foreign_segment")
    if copy is not None and copy.version_id == message.version_id and copy.state != cells.CLAIMED:
        if copy.state == cells.REFUSED:
            return "again", []
        return "duplicate", [_receipt(segment, copy)]
    if copy is not None and copy.state not in (cells.CLAIMED, cells.REFUSED):
        raise InvalidInput("another version of this recording was taken in already", code="foreign_segment")
    if copy is None:
        copy = CellCopy(segment_id=segment.id, leaves=leaf_count(segment.size_bytes))
        session.add(copy)
    copy.site_id, copy.agent_id, copy.camera_id = segment.site_id, segment.agent_id, segment.camera_id
    copy.leaf_root, copy.object_key, copy.version_id = root, message.object_key, message.version_id
    copy.retain_until_us, copy.floor_us = seen.retain_until_us or 0, 0
    copy.read_us, copy.envelope, copy.state = incoming.received_us, incoming.envelope, cells.CLAIMED
    queued = evidence.queue_verification(
        session, segment.id, message.object_key, message.version_id, due_us=incoming.received_us
    )
    return "committed" if queued else "duplicate", []


def agents_word(session: Session, row: PendingVerification) -> StoredVersion | None:
    """What the agent read of a version that waits to be judged; None where the centre reads it back itself."""
    copy = session.get(CellCopy, row.segment_id)
    if copy is None or (copy.version_id, copy.state) != (row.version_id, cells.CLAIMED):
        return None
    message = decode_payload(open_envelope(copy.envelope))
    if not isinstance(message, SegmentUploaded) or message.seen is msgspec.UNSET:
        raise IntegrityViolation(f"what is kept of the copy of {copy.segment_id} is no such message")
    return StoredVersion(
        key=copy.object_key,
        version_id=copy.version_id,
        size_bytes=message.seen.size_bytes,
        sha256=message.seen.sha256,
        sha256_source="bytes",
        retention_mode=_MODES.get(message.seen.lock_mode),
        retain_until_us=message.seen.retain_until_us,
        legal_hold=False,
        is_delete_marker=False,
    )


def take_in(session: Session, segment: Segment, judged: Judged, now_us: int) -> list[Receipt]:
    """The word is good: the recording waits for its challenge from now on. Nothing where it was said of another version."""
    copy = session.get_one(CellCopy, segment.id)
    if copy.version_id != judged.version_id:
        return []
    if copy.state == cells.CLAIMED:
        session.get_one(Agent, segment.agent_id, with_for_update=True)  # its leaves are numbered one copy after another
        copy.first_leaf = cells.next_leaf(session, segment.agent_id)
        copy.retain_until_us, copy.floor_us = judged.found.retain_until_us or 0, judged.floor_us
        copy.read_us, copy.state = now_us, cells.WAITING
        segment.object_key, segment.version_id, segment.refusal = judged.object_key, judged.version_id, None
        segment.retain_until_us = None  # also of one that the centre's store had and lost
    return [_receipt(segment, copy)]


def refuse(session: Session, segment_id: str, version_id: str) -> None:
    """The word was not good: another upload may follow."""
    copy = session.get(CellCopy, segment_id)
    if copy is not None and (copy.version_id, copy.state) == (version_id, cells.CLAIMED):
        copy.state = cells.REFUSED


def secure(session: Session, segment: Segment, copy: CellCopy, now_us: int, backfilled_after_us: int) -> None:
    """A challenge that was drawn after the read-back was answered: the recording counts."""
    copy.state = cells.PROVEN
    segment.secured_us, segment.refusal = now_us, None
    span = Span(segment.start_us, segment.end_us)
    spans.add_coverage(session, segment.camera_id, spans.IN_CELL, segment.timeline_id, span)
    secure_time(session, segment, late=copy.read_us - segment.end_us > backfilled_after_us)
    entry = SegmentSecured(
        site_id=segment.site_id,
        at_us=now_us,
        camera_id=segment.camera_id,
        segment_id=segment.id,
        manifest_sha256=segment.payload_sha256,
        sha256=segment.sha256,
        size_bytes=segment.size_bytes,
        object_key=copy.object_key,
        version_id=copy.version_id,
        retain_until_us=copy.retain_until_us,
        in_cell=True,
    )
    ledger.add(session, segment.site_id, "segment-secured", segment.id, encode(entry))


def secure_time(session: Session, segment: Segment, *, late: bool) -> None:
    """A recording's time counts from now on; ``late``: it is labelled as backfilled."""
    span = Span(segment.start_us, segment.end_us)
    spans.add_coverage(session, segment.camera_id, spans.SECURED, segment.timeline_id, span)
    if late:
        spans.add_coverage(session, segment.camera_id, spans.BACKFILLED, segment.timeline_id, span)
    site = session.get_one(Site, segment.site_id)
    for start_us, _ in spans.trusted_of(session, segment.timeline_id).clip(*span):
        evidence.activate(session, segment.camera_id, start_us)
        evidence.assess_again(session, [segment.camera_id], day_of(start_us, site.timezone).isoformat())
        break


def _receipt(segment: Segment, copy: CellCopy) -> Receipt:
    return Receipt(
        message_id=fresh_id(),
        site_id=segment.site_id,
        agent_id=segment.agent_id,
        segment_id=segment.id,
        sha256=segment.sha256,
        object_key=copy.object_key,
        version_id=copy.version_id,
        retain_until_us=copy.retain_until_us,
        verified_us=copy.read_us,
    )
