"""What a check of everything reads: recordings camera-day by camera-day, ledgers entry by entry; nothing is held longer."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY
from config.base.timespan import Span, SpanSet
from storage.database.models import Camera, CoverageSpan, LedgerCheckpoint, LedgerEntry, LedgerTile, Segment, Site
from storage.database.spans import SECURED

ENTRIES_AT_ONCE = 1_000
SEGMENT_US_MAX = 400_000_000


class Kept(NamedTuple):
    """A recording as its row has it."""

    segment_id: str
    site_id: str
    camera_id: str
    start_us: int
    end_us: int
    sha256: str
    size_bytes: int
    payload_sha256: str
    envelope: bytes
    object_key: str | None
    version_id: str | None
    retain_until_us: int | None
    secured_us: int | None
    deleted_us: int | None


_COLUMNS = (
    Segment.id,
    Segment.site_id,
    Segment.camera_id,
    Segment.start_us,
    Segment.end_us,
    Segment.sha256,
    Segment.size_bytes,
    Segment.payload_sha256,
    Segment.envelope,
    Segment.object_key,
    Segment.version_id,
    Segment.retain_until_us,
    Segment.secured_us,
    Segment.deleted_us,
)


def sites(session: Session) -> list[str]:
    return list(session.scalars(select(Site.id).order_by(Site.id)))


def cameras(session: Session, site_id: str) -> list[str]:
    return list(session.scalars(select(Camera.id).where(Camera.site_id == site_id).order_by(Camera.id)))


def totals(session: Session) -> tuple[int, int]:
    """Recordings that were secured once, and numbered ledger entries."""
    kept = session.scalar(select(func.count()).where(Segment.retain_until_us.is_not(None)))
    numbered = session.scalar(select(func.count()).where(LedgerEntry.number.is_not(None)))
    return kept or 0, numbered or 0


def next_day(session: Session, camera_id: str, from_us: int) -> int | None:
    """The beginning of the first UTC day from an instant on in which a recording of a camera begins."""
    end_us = session.scalar(
        select(Segment.end_us)
        .where(Segment.camera_id == camera_id, Segment.end_us >= from_us, Segment.start_us >= from_us)
        .order_by(Segment.end_us)
        .limit(1)
    )
    if end_us is None:
        return None
    start_us = session.scalar(
        select(func.min(Segment.start_us)).where(
            Segment.camera_id == camera_id,
            Segment.start_us >= from_us,
            Segment.end_us >= end_us,
            Segment.end_us <= end_us + SEGMENT_US_MAX,
        )
    )
    return None if start_us is None else start_us - start_us % US_PER_DAY


def kept_on(session: Session, camera_id: str, day_us: int) -> list[Kept]:
    """Every recording of a camera that began within a UTC day, whatever became of it."""
    query = select(*_COLUMNS).where(
        Segment.camera_id == camera_id,
        Segment.end_us >= day_us,
        Segment.start_us >= day_us,
        Segment.start_us < day_us + US_PER_DAY,
    )
    return [Kept._make(row) for row in session.execute(query)]


def kept(session: Session, segment_id: str) -> Kept | None:
    """One recording as it is now."""
    row = session.execute(select(*_COLUMNS).where(Segment.id == segment_id)).first()
    return None if row is None else Kept._make(row)


def covered_without_recording(session: Session, camera_id: str, day: Span) -> SpanSet:
    """Time of a day that stands as secured and that no recording which was secured, or deleted since, stands behind."""
    rows = session.execute(
        select(CoverageSpan.timeline_id, CoverageSpan.start_us, CoverageSpan.end_us).where(
            CoverageSpan.camera_id == camera_id,
            CoverageSpan.kind == SECURED,
            CoverageSpan.end_us > day.start_us,
            CoverageSpan.start_us < day.end_us,
        )
    ).all()
    behind = session.execute(
        select(Segment.timeline_id, Segment.start_us, Segment.end_us).where(
            Segment.camera_id == camera_id,
            Segment.end_us > day.start_us,
            Segment.start_us < day.end_us,
            or_(Segment.secured_us.is_not(None), Segment.deleted_us.is_not(None)),
        )
    ).all()
    bare = SpanSet()
    for timeline_id in {row[0] for row in rows}:
        claimed = SpanSet((start, end) for name, start, end in rows if name == timeline_id)
        there = [row for row in behind if row[0] == timeline_id]
        bare |= claimed - SpanSet.from_columns([row[1] for row in there], [row[2] for row in there])
    return bare.clip(day.start_us, day.end_us)


def next_covered_day(session: Session, camera_id: str, from_us: int) -> int | None:
    """The beginning of the first UTC day from an instant on of which anything stands as secured."""
    start_us = session.scalar(
        select(func.min(CoverageSpan.start_us)).where(
            CoverageSpan.camera_id == camera_id, CoverageSpan.kind == SECURED, CoverageSpan.end_us > from_us
        )
    )
    return None if start_us is None else max(from_us, start_us - start_us % US_PER_DAY)


def entries_from(session: Session, site_id: str, number: int) -> list[tuple[int, bytes]]:
    """The next numbered entries of a ledger, from a number on."""
    query = (
        select(LedgerEntry.number, LedgerEntry.body)
        .where(LedgerEntry.site_id == site_id, LedgerEntry.number >= number)
        .order_by(LedgerEntry.number)
        .limit(ENTRIES_AT_ONCE)
    )
    return [(found, body) for found, body in session.execute(query) if found is not None]


def entries_without_recording(session: Session, site_id: str, kind: str, number: int) -> list[str]:
    """Of the next numbered entries of a ledger, the subjects of a kind that no recording's row is about."""
    query = (
        select(LedgerEntry.subject)
        .outerjoin(Segment, Segment.id == LedgerEntry.subject)
        .where(
            LedgerEntry.site_id == site_id,
            LedgerEntry.number >= number,
            LedgerEntry.number < number + ENTRIES_AT_ONCE,
            LedgerEntry.kind == kind,
            Segment.id.is_(None),
        )
        .order_by(LedgerEntry.number)
    )
    return list(session.scalars(query))


def leaf_tiles(session: Session, site_id: str, first: int, last: int) -> dict[int, bytes]:
    """The leaf hashes as they were stored, by tile of 256."""
    query = select(LedgerTile.number, LedgerTile.hashes).where(
        LedgerTile.site_id == site_id, LedgerTile.level == 0, LedgerTile.number >= first, LedgerTile.number <= last
    )
    return {row.number: row.hashes for row in session.execute(query)}


def checkpoints(session: Session, site_id: str) -> Iterator[tuple[int, bytes]]:
    """A ledger's checkpoints, smallest first: one a day."""
    query = select(LedgerCheckpoint.size, LedgerCheckpoint.note).where(LedgerCheckpoint.site_id == site_id)
    return ((size, note) for size, note in session.execute(query.order_by(LedgerCheckpoint.size)))
