"""What an audit found wrong with a recording: out of what is covered, into the ledger and onto the list of findings, once.

Invariant I1: the recording's time is not covered from the transaction on in which the finding is written, and counts again
only when nothing open speaks against it.
"""

from dataclasses import dataclass
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
from storage.objects.port import ListedVersion

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


@dataclass(frozen=True)
class _About:
    """Whose a finding is; ``word`` is what notices call it."""

    site_id: str
    camera_id: str
    segment_id: str | None
    detail: str
    word: str


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


def tell_stranger(
    session: Session, now_us: int, site_id: str, camera_id: str, drift: Drift, listed: ListedVersion
) -> bool:
    """The same of what lies in the store and is no recording of ours: whoever put it there could write."""
    about = _About(site_id, camera_id, None, "", drift.value)
    if not _open(session, now_us, (listed.key, listed.version_id, drift), about):
        return False
    log.error("stranger_in_store", camera=camera_id, key=listed.key, drift=drift.value)
    return True


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
    about = _About(segment.site_id, segment.camera_id, segment.id, detail, REFUSAL_OF[drift])
    if not _open(session, now_us, (key, version_id, drift), about):
        return False
    log.error("footage_unsound", camera=segment.camera_id, segment=segment.id, drift=drift.value, detail=detail)
    return True


def _open(session: Session, now_us: int, what: tuple[str, str, Drift], about: _About) -> bool:
    """Puts a finding onto the list and tells people of it; whether it was news."""
    key, version_id, drift = what
    found = audits.finding_of(session, key, version_id, drift.value)
    if found is not None and found.settled_us is None:
        return False
    # The first of its kind wakes people; what follows it, which may be thousands, is gathered.
    first = not audits.was_found_since(session, about.site_id, drift.value, now_us - TOLD_ONCE_US, now_us)
    if found is None:
        found = AuditFinding(object_key=key, version_id=version_id, drift=drift.value)
        session.add(found)
    found.site_id, found.camera_id, found.segment_id = about.site_id, about.camera_id, about.segment_id
    found.detail, found.found_us, found.settled_us = about.detail, now_us, None
    session.flush()
    link, key = f"/sites/{about.site_id}/audit", f"drift:{found.id}:{now_us}"
    notices.tell(session, notices.News(key, about.site_id, notices.DRIFT, about.word, link, now_us, urgent=first))
    return True
