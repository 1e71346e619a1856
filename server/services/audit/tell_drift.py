"""What an audit found wrong with a recording: out of what is covered, into the ledger and onto the list of findings, once.

Invariant I1: the recording's time is not covered from the transaction on in which the finding is written, and counts again
only when nothing open speaks against it.
"""

from typing import Literal

from sqlalchemy.orm import Session

from config.base.clock import US_PER_MINUTE
from config.base.logs import get_logger
from config.base.timespan import Span
from config.evidence import entries
from server.domain.audit import Drift
from server.domain.verdict import day_of
from server.services.notices import tell as notices
from storage.database import audits, deep_audits, evidence, ledger, spans
from storage.database.models import AuditFinding, Segment, Site

REFUSAL_OF = {
    Drift.OBJECT_MISSING: "object_missing",
    Drift.OBJECT_CORRUPT: "object_corrupt",
    Drift.LOCK_SHORT: "lock_refused",
    Drift.LOCK_WAS_SHORT: "lock_refused",
    Drift.BYTES_CHANGED: "object_corrupt",
    Drift.UNDECODABLE: "undecodable",
    Drift.PICTURE_FROZEN: "picture_frozen",
    Drift.PICTURE_TOO_DARK: "picture_too_dark",
    Drift.CLOCK_OFF: "clock_off",
}
TOLD_ONCE_US = 10 * US_PER_MINUTE
_Finding = Literal[
    "object_missing", "object_corrupt", "lock_short", "undecodable", "picture_frozen", "picture_too_dark", "clock_error"
]
_ENTRY: dict[Drift, _Finding] = {
    Drift.OBJECT_MISSING: "object_missing",
    Drift.OBJECT_CORRUPT: "object_corrupt",
    Drift.LOCK_SHORT: "lock_short",
    Drift.LOCK_WAS_SHORT: "lock_short",
    Drift.BYTES_CHANGED: "object_corrupt",
    Drift.UNDECODABLE: "undecodable",
    Drift.PICTURE_FROZEN: "picture_frozen",
    Drift.PICTURE_TOO_DARK: "picture_too_dark",
    Drift.CLOCK_OFF: "clock_error",
}

log = get_logger("audit")


def tell(
    session: Session, now_us: int, site: Site, segment: Segment, drift: Drift, detail: str, *, spoils: bool = True
) -> bool:
    """Writes a finding down; whether it was news. ``spoils``: its time is not covered any more."""
    if segment.deleted_us is not None:
        return False  # it went on its day while the store was asked
    if spoils and segment.secured_us is not None:
        segment.secured_us, segment.refusal = None, REFUSAL_OF[drift]
        spans.withdraw_secured(session, segment)
        evidence.assess_again(session, [segment.camera_id], day_of(segment.start_us, site.timezone).isoformat())
        entry = entries.SegmentUnsound(
            site_id=site.id,
            at_us=now_us,
            camera_id=segment.camera_id,
            segment_id=segment.id,
            finding=_ENTRY[drift],
            detail=detail[:200],
        )
        ledger.add(session, site.id, "segment-unsound", segment.id, entries.encode(entry))
    return _note(session, now_us, segment, drift, detail)


def settle(session: Session, now_us: int, found: AuditFinding) -> None:
    """A finding holds no longer; its recording counts again where nothing else stands against it."""
    found.settled_us = now_us
    session.flush()
    if found.segment_id is None or deep_audits.open_findings_of_segment(session, found.segment_id):
        return
    segment = session.get_one(Segment, found.segment_id)
    if segment.secured_us is not None or segment.deleted_us is not None:
        return
    segment.secured_us, segment.refusal = now_us, None
    span = Span(segment.start_us, segment.end_us)
    spans.add_coverage(session, segment.camera_id, spans.SECURED, segment.timeline_id, span)
    site = session.get_one(Site, segment.site_id)
    evidence.assess_again(session, [segment.camera_id], day_of(segment.start_us, site.timezone).isoformat())


def _note(session: Session, now_us: int, segment: Segment, drift: Drift, detail: str) -> bool:
    # A recording of which no version is known has findings of its own all the same.
    key, version_id = segment.object_key or f"segment {segment.id}", segment.version_id or ""
    found = audits.finding_of(session, key, version_id, drift.value)
    if found is not None and found.settled_us is None:
        return False
    # The first wakes people; what follows it, which may be thousands, is gathered.
    first = audits.last_found_us(session, segment.site_id) < now_us - TOLD_ONCE_US
    if found is None:
        found = AuditFinding(object_key=key, version_id=version_id, drift=drift.value)
        session.add(found)
    found.site_id, found.camera_id, found.segment_id = segment.site_id, segment.camera_id, segment.id
    found.detail, found.found_us, found.settled_us = detail, now_us, None
    session.flush()
    link = f"/sites/{segment.site_id}/audit"
    about = REFUSAL_OF[drift]
    news = notices.News(f"drift:{found.id}:{now_us}", segment.site_id, notices.DRIFT, about, link, now_us, urgent=first)
    notices.tell(session, news)
    log.error("footage_unsound", camera=segment.camera_id, segment=segment.id, drift=drift.value, detail=detail)
    return True
