"""Rows about the end of a recording's life: holds, what is past its day, and deletions that wait for a person."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from storage.database.models import DeletionRun, LegalHold, Segment


def holds_of(session: Session, site_id: str) -> list[LegalHold]:
    """The holds of a site that nobody has lifted."""
    query = select(LegalHold).where(LegalHold.site_id == site_id, LegalHold.lifted_us.is_(None))
    return list(session.scalars(query.order_by(LegalHold.placed_us)))


def holds_to_apply(session: Session) -> list[LegalHold]:
    """Holds of which the store does not know yet, or still believes."""
    lifted, standing = LegalHold.lifted_us.is_not(None), LegalHold.lifted_us.is_(None)
    wrong = or_(and_(standing, LegalHold.on_store.is_(False)), and_(lifted, LegalHold.on_store.is_(True)))
    return list(session.scalars(select(LegalHold).where(wrong).order_by(LegalHold.placed_us)))


def segments_under(session: Session, hold: LegalHold) -> list[Segment]:
    """The secured recordings that a hold lies on."""
    query = select(Segment).where(
        Segment.site_id == hold.site_id,
        Segment.start_us < hold.end_us,
        Segment.end_us > hold.start_us,
        Segment.retain_until_us.is_not(None),
        Segment.deleted_us.is_(None),
    )
    if hold.camera_id is not None:
        query = query.where(Segment.camera_id == hold.camera_id)
    return list(session.scalars(query.order_by(Segment.start_us)))


def _expired(now_us: int) -> ColumnElement[bool]:
    return and_(Segment.deleted_us.is_(None), Segment.retain_until_us < now_us)


def _unfinished(now_us: int) -> ColumnElement[bool]:
    """Past their lock and still there, or claimed and not yet on a certificate."""
    return or_(_expired(now_us), and_(Segment.deleted_us.is_not(None), Segment.certified_us.is_(None)))


@dataclass(frozen=True)
class Tally:
    """Versions whose lock has ended, and versions in all."""

    expired: int
    all: int


def tally(session: Session, now_us: int) -> Tally:
    held = select(func.count()).where(Segment.deleted_us.is_(None), Segment.retain_until_us.is_not(None))
    expired = session.scalar(select(func.count()).where(_expired(now_us))) or 0
    return Tally(expired, session.scalar(held) or 0)


def sites_to_clear(session: Session, now_us: int) -> list[str]:
    return list(session.scalars(select(Segment.site_id).where(_unfinished(now_us)).distinct()))


def oldest_to_clear(session: Session, site_id: str, from_us: int, now_us: int) -> Segment | None:
    """The oldest recording of a site, from an instant on, with which something is left to do."""
    query = select(Segment).where(Segment.site_id == site_id, _unfinished(now_us), Segment.start_us >= from_us)
    return session.scalars(query.order_by(Segment.start_us).limit(1)).first()


def expired_between(session: Session, site_id: str, start_us: int, end_us: int, now_us: int) -> list[Segment]:
    query = select(Segment).where(
        Segment.site_id == site_id, _expired(now_us), Segment.start_us >= start_us, Segment.start_us < end_us
    )
    return list(session.scalars(query.order_by(Segment.start_us)))


def uncertified(session: Session, site_id: str, start_us: int, end_us: int) -> list[Segment]:
    """Recordings claimed for deletion that stand on no certificate yet."""
    query = select(Segment).where(
        Segment.site_id == site_id,
        Segment.deleted_us.is_not(None),
        Segment.certified_us.is_(None),
        Segment.start_us >= start_us,
        Segment.start_us < end_us,
    )
    return list(session.scalars(query.order_by(Segment.id)))


def open_deletion(session: Session) -> DeletionRun | None:
    """The large deletion that is asked for or under way."""
    query = select(DeletionRun).where(DeletionRun.finished_us.is_(None)).order_by(DeletionRun.id).limit(1)
    return session.scalars(query.with_for_update()).first()
