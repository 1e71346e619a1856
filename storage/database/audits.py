"""Rows of the audits: rounds, findings, and what is to be checked."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY
from config.wire.segments import SEGMENT_SPAN_US_MAX
from storage.database import lifetimes
from storage.database.models import AuditFinding, AuditRound, Camera, Segment


def open_round(session: Session) -> AuditRound | None:
    """The round that is under way, locked for the caller."""
    return session.scalars(
        select(AuditRound).where(AuditRound.finished_us.is_(None)).order_by(AuditRound.id).limit(1).with_for_update()
    ).first()


def last_round(session: Session) -> AuditRound | None:
    """The newest round, finished or not."""
    return session.scalars(select(AuditRound).order_by(AuditRound.id.desc()).limit(1)).first()


def under_retention(session: Session, now_us: int) -> int:
    """How many versions were secured under a lock that has not ended, or lie under a hold; unsound ones too."""
    locked = select(func.count()).where(Segment.retain_until_us > now_us)
    held = select(func.count()).where(
        Segment.retain_until_us <= now_us, Segment.deleted_us.is_(None), lifetimes.under_hold()
    )
    return (session.scalar(locked) or 0) + (session.scalar(held) or 0)


def is_kept(now_us: int) -> ColumnElement[bool]:
    """Whether the store has to have a recording: until its last day, and for as long as a hold lies on it."""
    kept = or_(Segment.retain_until_us > now_us, and_(Segment.retain_until_us.is_not(None), lifetimes.under_hold()))
    return and_(Segment.deleted_us.is_(None), kept)


def next_camera_day(session: Session, camera_id: str, day_us: int, now_us: int) -> tuple[str, int] | None:
    """The camera-day after the one given that holds versions under retention or a hold; cameras in order of their ids.

    Days are UTC, as in object keys. None at the end.
    """
    while True:
        start_us = _first_start(session, camera_id, day_us + US_PER_DAY, now_us)
        if start_us is not None:
            return camera_id, start_us - start_us % US_PER_DAY
        following = session.scalar(select(func.min(Camera.id)).where(Camera.id > camera_id))
        if following is None:
            return None
        camera_id, day_us = following, -US_PER_DAY


def _first_start(session: Session, camera_id: str, from_us: int, now_us: int) -> int | None:
    """The earliest start from an instant on, by way of the index on ends: all later rows stay unread."""
    ours = (
        Segment.camera_id == camera_id,
        Segment.start_us >= from_us,
        is_kept(now_us),
    )
    end_us = session.scalar(
        select(Segment.end_us).where(*ours, Segment.end_us >= from_us).order_by(Segment.end_us).limit(1)
    )
    if end_us is None:
        return None
    # A longer segment may begin before the one that ends first, but not end much later.
    within = Segment.end_us.between(end_us, end_us + SEGMENT_SPAN_US_MAX)
    return session.scalar(select(func.min(Segment.start_us)).where(*ours, within))


@dataclass(frozen=True)
class DayVersion:
    """A segment as an audit needs it, without its envelope."""

    segment_id: str
    site_id: str
    end_us: int
    received_us: int
    size_bytes: int
    sha256: str
    object_key: str | None
    version_id: str | None
    retain_until_us: int | None
    secured_us: int | None
    deleted_us: int | None
    etag: str | None

    @property
    def is_kept(self) -> bool:
        """Whether the store should have it: what was deleted on its day is not missing."""
        return self.retain_until_us is not None and self.deleted_us is None


_COLUMNS = (
    Segment.id,
    Segment.site_id,
    Segment.end_us,
    Segment.received_us,
    Segment.size_bytes,
    Segment.sha256,
    Segment.object_key,
    Segment.version_id,
    Segment.retain_until_us,
    Segment.secured_us,
    Segment.deleted_us,
    Segment.etag,
)


def versions_of_day(session: Session, camera_id: str, day_us: int) -> list[DayVersion]:
    """Every segment of a camera that began within the UTC day, whatever its state."""
    rows = session.execute(
        select(*_COLUMNS)
        .where(
            Segment.camera_id == camera_id,
            Segment.end_us.between(day_us, day_us + US_PER_DAY + SEGMENT_SPAN_US_MAX),
            Segment.start_us >= day_us,
            Segment.start_us < day_us + US_PER_DAY,
        )
        .order_by(Segment.end_us)
    )
    return [DayVersion(*row) for row in map(tuple, rows)]


def version_elsewhere(session: Session, camera_id: str, day_us: int, now_us: int) -> DayVersion | None:
    """A version under retention that counts and is of no such camera-day; that of the last to end of its camera."""
    kept = (Segment.retain_until_us > now_us, Segment.secured_us.is_not(None), Segment.deleted_us.is_(None))
    day_end_us = day_us + US_PER_DAY
    of_camera = select(*_COLUMNS).where(
        Segment.camera_id == camera_id, (Segment.start_us < day_us) | (Segment.start_us >= day_end_us), *kept
    )
    for camera in session.scalars(select(Camera.id).where(Camera.id != camera_id).order_by(Camera.id)):
        query = select(*_COLUMNS).where(Segment.camera_id == camera, *kept)
        row = session.execute(query.order_by(Segment.end_us.desc()).limit(1)).first()
        if row is not None:
            return DayVersion(*tuple(row))
    row = session.execute(of_camera.order_by(Segment.end_us.desc()).limit(1)).first()
    return None if row is None else DayVersion(*tuple(row))


def learn_etags(session: Session, etags: dict[str, str]) -> None:
    """By segment id: what the store calls the bytes of these versions."""
    if etags:
        session.connection().execute(
            update(Segment.__table__).where(Segment.id == bindparam("of")).values(etag=bindparam("named")),  # type: ignore[arg-type]
            [{"of": segment_id, "named": etag or None} for segment_id, etag in etags.items()],
        )


def finding_of(session: Session, object_key: str, version_id: str, drift: str) -> AuditFinding | None:
    return session.scalars(
        select(AuditFinding).where(
            AuditFinding.object_key == object_key, AuditFinding.version_id == version_id, AuditFinding.drift == drift
        )
    ).first()


def was_found_since(session: Session, site_id: str, drift: str, since_us: int, now_us: int) -> bool:
    """Whether anything of a kind was found wrong at a site lately and still is; what a clock ahead noted is no matter."""
    query = select(AuditFinding.id).where(
        AuditFinding.site_id == site_id,
        AuditFinding.settled_us.is_(None),
        AuditFinding.drift == drift,
        AuditFinding.found_us.between(since_us, now_us),
    )
    return session.scalar(query.limit(1)) is not None


def open_findings(session: Session, site_id: str, limit: int) -> list[AuditFinding]:
    """What is wrong at a site, newest first."""
    return list(
        session.scalars(
            select(AuditFinding)
            .where(AuditFinding.site_id == site_id, AuditFinding.settled_us.is_(None))
            .order_by(AuditFinding.id.desc())
            .limit(limit)
        )
    )


def open_findings_of_camera(session: Session, camera_id: str) -> list[AuditFinding]:
    """What is wrong with a camera's recordings."""
    return list(
        session.scalars(
            select(AuditFinding).where(AuditFinding.camera_id == camera_id, AuditFinding.settled_us.is_(None))
        )
    )
