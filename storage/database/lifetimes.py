"""Rows about the end of a recording's life: holds, what is past its day, and deletions that wait for a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, case, exists, func, literal, or_, select, tuple_
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, US_PER_S
from config.base.timespan import Span
from storage.database.models import AgentStatus, Camera, DeletionRun, LegalHold, Segment, Site

HEARD_WITHIN_US = 90 * US_PER_S


def holds_of(session: Session, site_id: str) -> list[LegalHold]:
    """The holds of a site that nobody has lifted."""
    query = select(LegalHold).where(LegalHold.site_id == site_id, LegalHold.lifted_us.is_(None))
    return list(session.scalars(query.order_by(LegalHold.placed_us)))


def newest_holds(session: Session, site_ids: Sequence[str], limit: int) -> list[LegalHold]:
    """Holds of some sites, those that nobody has lifted first, the newest first."""
    query = select(LegalHold).where(LegalHold.site_id.in_(site_ids))
    ordered = query.order_by(LegalHold.lifted_us.is_not(None), LegalHold.placed_us.desc(), LegalHold.id)
    return list(session.scalars(ordered.limit(limit)))


def holds_to_review(session: Session, site_id: str, now_us: int) -> int:
    """How many holds of a site have come to their day of review."""
    query = select(func.count()).where(
        LegalHold.site_id == site_id, LegalHold.lifted_us.is_(None), LegalHold.review_us <= now_us
    )
    return session.scalar(query) or 0


def holds_to_apply(session: Session) -> list[LegalHold]:
    """Holds of which the store does not know yet, or still believes."""
    lifted, standing = LegalHold.lifted_us.is_not(None), LegalHold.lifted_us.is_(None)
    wrong = or_(and_(standing, LegalHold.on_store.is_(False)), and_(lifted, LegalHold.on_store.is_(True)))
    return list(session.scalars(select(LegalHold).where(wrong).order_by(LegalHold.placed_us)))


class HeldVersion(NamedTuple):
    """A secured version that a hold lies on."""

    segment_id: str
    camera_id: str
    start_us: int
    end_us: int
    object_key: str | None
    version_id: str | None


def versions_under(session: Session, hold: LegalHold, after: tuple[int, str], limit: int) -> list[HeldVersion]:
    """Up to ``limit`` secured versions that a hold lies on, in order of start and id, after the one given."""
    at = (Segment.start_us, Segment.id)
    columns = (Segment.id, Segment.camera_id, *at[:1], Segment.end_us, Segment.object_key, Segment.version_id)
    query = select(*columns).where(
        Segment.site_id == hold.site_id,
        Segment.start_us < hold.end_us,
        Segment.end_us > hold.start_us,
        Segment.retain_until_us.is_not(None),
        Segment.deleted_us.is_(None),
        tuple_(*at) > tuple_(*map(literal, after)),
    )
    if hold.camera_id is not None:
        query = query.where(Segment.camera_id == hold.camera_id)
    return [HeldVersion(*row) for row in session.execute(query.order_by(*at).limit(limit))]


@dataclass(frozen=True)
class Due:
    """What may go at a site: locks ended before ``now_us``, begun before ``before_us``, past today's policy."""

    site_id: str
    before_us: int
    now_us: int
    retain_days: int


def _due(due: Due) -> ColumnElement[bool]:
    """In SQL what ``server.domain.holds.may_go`` says of one recording; the claim asks that again, one by one."""
    return and_(
        Segment.site_id == due.site_id,
        Segment.deleted_us.is_(None),
        Segment.retain_until_us < due.now_us,
        Segment.start_us < due.before_us,
        past_policy(due.now_us, due.retain_days),
        ~under_hold(),
    )


def policy_basis(retain_days: int) -> ColumnElement[int]:
    """From which instant on the policy's days of a recording count, as ``server.domain.retention`` says it."""
    return case(
        (Segment.end_us < Segment.received_us - retain_days * US_PER_DAY, Segment.received_us),
        (Segment.end_us > Segment.received_us, Segment.received_us),
        else_=Segment.end_us,
    )


def past_policy(now_us: int, retain_days: int) -> ColumnElement[bool]:
    """``retain_until_us(end, received, days) < now``, turned round so that no row's value is rounded."""
    whole_s_us = (-(-now_us // US_PER_S) - 1) * US_PER_S
    return policy_basis(retain_days) <= whole_s_us - (retain_days + 1) * US_PER_DAY


def under_hold() -> ColumnElement[bool]:
    """Whether a hold that nobody has lifted lies on a recording."""
    return exists().where(
        LegalHold.site_id == Segment.site_id,
        LegalHold.lifted_us.is_(None),
        or_(LegalHold.camera_id.is_(None), LegalHold.camera_id == Segment.camera_id),
        LegalHold.start_us < Segment.end_us,
        LegalHold.end_us > Segment.start_us,
    )


@dataclass(frozen=True)
class SiteTally:
    """Versions of a site that may go, and when the first and the last of them began."""

    site_id: str
    versions: int
    first_us: int
    last_us: int


def tally_of(session: Session, due: Due) -> SiteTally:
    query = select(func.count(), func.min(Segment.start_us), func.max(Segment.start_us)).where(_due(due))
    versions, first_us, last_us = session.execute(query).one()
    return SiteTally(due.site_id, versions, first_us or 0, last_us or 0)


def versions_held(session: Session) -> int:
    """How many secured versions there are in all."""
    query = select(func.count()).where(Segment.deleted_us.is_(None), Segment.retain_until_us.is_not(None))
    return session.scalar(query) or 0


def oldest_due(session: Session, due: Due, from_us: int) -> Segment | None:
    """The oldest recording that may go, from an instant on."""
    query = select(Segment).where(_due(due), Segment.start_us >= from_us)
    return session.scalars(query.order_by(Segment.start_us).limit(1)).first()


def due_between(session: Session, due: Due, window: Span, limit: int) -> list[Segment]:
    """Up to ``limit`` recordings of a window that may go, oldest first."""
    query = select(Segment).where(_due(due), Segment.start_us >= window.start_us, Segment.start_us < window.end_us)
    return list(session.scalars(query.order_by(Segment.start_us, Segment.id).limit(limit)))


def sites_with_claims(session: Session) -> list[str]:
    """Sites with recordings claimed for deletion that stand on no certificate yet."""
    return list(session.scalars(select(Segment.site_id).where(_claimed()).distinct().order_by(Segment.site_id)))


def oldest_claimed(session: Session, site_id: str, from_us: int) -> Segment | None:
    query = select(Segment).where(Segment.site_id == site_id, _claimed(), Segment.start_us >= from_us)
    return session.scalars(query.order_by(Segment.start_us).limit(1)).first()


def claimed_between(session: Session, site_id: str, window: Span) -> list[Segment]:
    """Recordings claimed for deletion that stand on no certificate yet, in order of their ids."""
    query = select(Segment).where(
        Segment.site_id == site_id,
        _claimed(),
        Segment.start_us >= window.start_us,
        Segment.start_us < window.end_us,
    )
    return list(session.scalars(query.order_by(Segment.id)))


def _claimed() -> ColumnElement[bool]:
    """In the centre's own store: what lay in a site's is told by ``cell_orders``."""
    return and_(Segment.deleted_us.is_not(None), Segment.certified_us.is_(None), Segment.retain_until_us.is_not(None))


def gone_between(session: Session, site_id: str, camera_id: str | None, window: Span) -> int:
    """How many recordings that reach into a window were deleted, or are claimed for it."""
    query = select(func.count()).where(
        Segment.site_id == site_id,
        Segment.deleted_us.is_not(None),
        Segment.start_us < window.end_us,
        Segment.end_us > window.start_us,
    )
    if camera_id is not None:
        query = query.where(Segment.camera_id == camera_id)
    return session.scalar(query) or 0


def kept_between(session: Session, site_id: str, window: Span) -> int:
    """How many recordings that began within a window the store still has."""
    query = select(func.count()).where(
        Segment.camera_id.in_(select(Camera.id).where(Camera.site_id == site_id)),
        Segment.end_us > window.start_us,
        Segment.start_us >= window.start_us,
        Segment.start_us < window.end_us,
        Segment.retain_until_us.is_not(None),
        Segment.deleted_us.is_(None),
    )
    return session.scalar(query) or 0


def certified_at(session: Session, site_id: str, window: Span, at_us: int, camera_id: str | None = None) -> list[str]:
    """The ids of the recordings that one certificate is about, sorted; of one camera alone where it is named."""
    query = select(Segment.id).where(
        Segment.site_id == site_id,
        Segment.certified_us == at_us,
        Segment.start_us >= window.start_us,
        Segment.start_us < window.end_us,
    )
    if camera_id is not None:
        query = query.where(Segment.camera_id == camera_id)
    return sorted(session.scalars(query))


def kept_ids(session: Session, segment_ids: Sequence[str]) -> set[str]:
    """Those of the ids that are recordings which count and were not deleted."""
    query = select(Segment.id).where(
        Segment.id.in_(segment_ids), Segment.retain_until_us.is_not(None), Segment.deleted_us.is_(None)
    )
    return set(session.scalars(query))


def ahead_of_agents_us(session: Session, now_us: int) -> int:
    """How far the server's clock is ahead of every agent that lives; 0 where none does, or one of them agrees."""
    query = select(func.min(AgentStatus.heard_us - AgentStatus.sent_us)).where(
        AgentStatus.gone.is_(False), AgentStatus.heard_us > now_us - HEARD_WITHIN_US
    )
    return max(0, session.scalar(query) or 0)


def deletion_waits(session: Session) -> bool:
    """Whether a large deletion waits for a person."""
    query = select(DeletionRun.id).where(
        DeletionRun.finished_us.is_(None), DeletionRun.confirmed_us.is_(None), DeletionRun.site_id.is_(None)
    )
    return session.scalars(query.limit(1)).first() is not None


def open_deletion(session: Session, site_id: str | None = None) -> DeletionRun | None:
    """The large deletion that is asked for or under way: in the centre's store, or in a site's own."""
    whose = DeletionRun.site_id.is_(None) if site_id is None else DeletionRun.site_id == site_id
    query = select(DeletionRun).where(DeletionRun.finished_us.is_(None), whose).order_by(DeletionRun.id).limit(1)
    return session.scalars(query.with_for_update()).first()


def gone_unconfirmed(session: Session, since_us: int) -> int:
    """How many versions of the centre's store runs have claimed since then that nobody had to confirm."""
    query = select(func.sum(DeletionRun.done)).where(
        DeletionRun.site_id.is_(None), DeletionRun.confirmed_us.is_(None), DeletionRun.finished_us > since_us
    )
    return int(session.scalar(query) or 0)


def one_at_a_time(session: Session) -> None:
    """Lets one caller at a time count what goes, of all processes; the first site's row stands for the store."""
    session.execute(select(Site.id).order_by(Site.id).limit(1).with_for_update())
