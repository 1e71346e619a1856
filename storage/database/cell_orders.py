"""Rows of orders to on-site cells: what ought to be held, let go, locked for longer or deleted, and is not known to be."""

from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select, update
from sqlalchemy.orm import Session, defer

from config.base.clock import US_PER_DAY
from config.base.timespan import Span
from storage.database.cells import CLAIMED, REFUSED
from storage.database.lifetimes import Due, past_policy, policy_basis, under_hold
from storage.database.models import Cell, CellCopy, CellOrderRow, DeletionRun, LegalHold, Segment

DONE, MISSING, GIVEN_UP, CANCELLED = "done", "missing", "given_up", "cancelled"
URGENCY = ("hold", "release", "extend", "delete")


class Floor(NamedTuple):
    """For how many days a site keeps its recordings, by the policy of ``now_us``."""

    retain_days: int
    now_us: int


def sites_with_cells(session: Session) -> list[str]:
    return list(session.scalars(select(Cell.site_id).order_by(Cell.site_id)))


def to_hold(session: Session, site_id: str, since_us: int, limit: int) -> list[CellCopy]:
    """Copies under a standing hold that nobody has read back as held, the oldest first."""
    wanted = _copies(site_id).where(CellCopy.held.is_not(True), under_hold(), ~_asked("hold", since_us))
    return list(session.scalars(wanted.order_by(Segment.start_us).limit(limit)))


def to_release(session: Session, site_id: str, since_us: int, limit: int) -> list[CellCopy]:
    """Copies that were read back as held, and lie under no hold any more."""
    wanted = _copies(site_id).where(CellCopy.held.is_(True), ~under_hold(), ~_asked("release", since_us))
    return list(session.scalars(wanted.limit(limit)))


def to_extend(session: Session, site_id: str, floor: Floor, since_us: int, limit: int) -> list[CellCopy]:
    """Copies whose lock, as it was read back last, ends before the policy's floor."""
    wanted = _copies(site_id).where(_short(floor), ~_asked("extend", since_us))
    return list(session.scalars(wanted.order_by(CellCopy.retain_until_us).limit(limit)))


def are_short(session: Session, site_id: str, floor: Floor) -> bool:
    """Whether any lock there is shorter than the policy's floor, as far as that is known."""
    wanted = _copies(site_id).where(_short(floor)).with_only_columns(CellCopy.segment_id)
    return session.scalars(wanted.limit(1)).first() is not None


def to_delete(session: Session, due: Due, since_us: int, limit: int) -> list[CellCopy]:
    """Copies past their lock, past today's policy, under no hold, and of a day that is over as a whole."""
    wanted = _deletable(due).where(~_asked("delete", since_us))
    return list(session.scalars(wanted.order_by(Segment.start_us, Segment.id).limit(limit)))


def deletable(session: Session, due: Due) -> int:
    """How many copies may go, those included that were asked for already."""
    return session.scalar(_deletable(due).with_only_columns(func.count())) or 0


def kept(session: Session, site_id: str) -> int:
    """How many copies lie in a cell, as far as is known."""
    return session.scalar(_copies(site_id).with_only_columns(func.count())) or 0


def held(session: Session, site_id: str) -> tuple[int, int]:
    """Of copies under a standing hold: how many were read back as held, and how many were not."""
    rows = session.execute(
        _copies(site_id).where(under_hold()).with_only_columns(CellCopy.held, func.count()).group_by(CellCopy.held)
    ).all()
    return sum(n for on, n in rows if on), sum(n for on, n in rows if not on)


def under(session: Session, hold: LegalHold) -> tuple[int, int]:
    """Of copies under one hold: how many were read back as held, and how many were not."""
    wanted = _copies(hold.site_id).where(Segment.start_us < hold.end_us, Segment.end_us > hold.start_us)
    if hold.camera_id is not None:
        wanted = wanted.where(Segment.camera_id == hold.camera_id)
    rows = session.execute(wanted.with_only_columns(CellCopy.held, func.count()).group_by(CellCopy.held)).all()
    return sum(n for on, n in rows if on), sum(n for on, n in rows if not on)


def open_of(session: Session, segment_id: str) -> list[CellOrderRow]:
    """The orders about a recording that are not over."""
    query = select(CellOrderRow).where(CellOrderRow.segment_id == segment_id, CellOrderRow.outcome.is_(None))
    return list(session.scalars(query))


def was_to_go(session: Session, segment_id: str) -> bool:
    """Whether its deletion was ever sent."""
    query = select(CellOrderRow.id).where(
        CellOrderRow.segment_id == segment_id, CellOrderRow.action == "delete", CellOrderRow.sent_us.is_not(None)
    )
    return session.scalars(query.limit(1)).first() is not None


def deletion_sent_us(session: Session, segment_id: str) -> int | None:
    """When its deletion was sent last; None where it never was."""
    query = select(func.max(CellOrderRow.sent_us)).where(
        CellOrderRow.segment_id == segment_id, CellOrderRow.action == "delete"
    )
    return session.scalar(query)


def gone_unconfirmed(session: Session, site_id: str, since_us: int) -> int:
    """How many recordings have gone since then by orders that no person had to confirm."""
    confirmed = exists().where(
        DeletionRun.site_id == site_id,
        DeletionRun.confirmed_us <= CellOrderRow.made_us,
        or_(DeletionRun.finished_us.is_(None), DeletionRun.finished_us >= CellOrderRow.made_us),
    )
    by_a_person = exists().where(
        CellOrderRow.segment_id == CellCopy.segment_id, CellOrderRow.action == "delete", confirmed
    )
    query = select(func.count()).where(CellCopy.site_id == site_id, CellCopy.gone_us > since_us, ~by_a_person)
    return session.scalar(query) or 0


def open_count(session: Session, site_id: str, action: str) -> int:
    query = select(func.count()).where(
        CellOrderRow.site_id == site_id, CellOrderRow.outcome.is_(None), CellOrderRow.action == action
    )
    return session.scalar(query) or 0


def sites_with_due(session: Session, now_us: int) -> list[str]:
    """Sites with orders that are to be sent now."""
    query = select(CellOrderRow.site_id).where(CellOrderRow.due_us <= now_us).distinct()
    return sorted(session.scalars(query))


def on_their_way(session: Session, site_id: str, since_us: int) -> int:
    """How many orders of a site were sent since then and not answered."""
    query = select(func.count()).where(
        CellOrderRow.site_id == site_id,
        CellOrderRow.outcome.is_(None),
        CellOrderRow.sent_us > since_us,
        or_(CellOrderRow.answered_us.is_(None), CellOrderRow.answered_us < CellOrderRow.sent_us),
    )
    return session.scalar(query) or 0


def due_of(session: Session, site_id: str, now_us: int, limit: int) -> list[CellOrderRow]:
    """A site's orders to be sent now, the most urgent first, locked for the caller."""
    urgency = case({action: place for place, action in enumerate(URGENCY)}, value=CellOrderRow.action, else_=9)
    query = select(CellOrderRow).where(CellOrderRow.site_id == site_id, CellOrderRow.due_us <= now_us)
    ordered = query.order_by(urgency, CellOrderRow.due_us, CellOrderRow.id).limit(limit)
    return list(session.scalars(ordered.with_for_update(skip_locked=True)))


class Overdue(NamedTuple):
    """Orders of one kind that have not come to pass in time."""

    site_id: str
    action: str
    orders: int


def newly_overdue(session: Session, now_us: int) -> list[Overdue]:
    """What is overdue and was not told yet; it counts as told from now on."""
    late = and_(
        CellOrderRow.alarmed_us.is_(None),
        CellOrderRow.deadline_us <= now_us,
        or_(CellOrderRow.outcome.is_(None), CellOrderRow.outcome == GIVEN_UP),
    )
    rows = session.execute(
        select(CellOrderRow.site_id, CellOrderRow.action, func.count())
        .where(late)
        .group_by(CellOrderRow.site_id, CellOrderRow.action)
    ).all()
    if rows:
        session.execute(update(CellOrderRow).where(late).values(alarmed_us=now_us))
    return [Overdue(*row) for row in rows]


class Standing(NamedTuple):
    """How orders of one kind stand at a site."""

    action: str
    pending: int
    overdue: int
    refused: int


def standing_of(session: Session, site_id: str, now_us: int) -> list[Standing]:
    """Open orders and those given up lately, by kind, the most urgent first."""
    is_open = CellOrderRow.outcome.is_(None)
    late = and_(CellOrderRow.deadline_us <= now_us, is_open)
    given_up = and_(CellOrderRow.outcome == GIVEN_UP, CellOrderRow.made_us > now_us - 2 * US_PER_DAY)
    rows = session.execute(
        select(
            CellOrderRow.action,
            func.sum(case((is_open, 1), else_=0)),
            func.sum(case((late, 1), else_=0)),
            func.sum(case((given_up, 1), else_=0)),
        )
        .where(CellOrderRow.site_id == site_id, or_(is_open, given_up))
        .group_by(CellOrderRow.action)
    )
    found = [Standing(action, int(a or 0), int(b or 0), int(c or 0)) for action, a, b, c in rows]
    return sorted(found, key=lambda each: URGENCY.index(each.action))


def last_detail(session: Session, site_id: str, action: str) -> str:
    """What the cell answered last to an order of this kind that has not come to pass."""
    query = (
        select(CellOrderRow.detail)
        .where(CellOrderRow.site_id == site_id, CellOrderRow.action == action, CellOrderRow.detail != "")
        .where(or_(CellOrderRow.outcome.is_(None), CellOrderRow.outcome == GIVEN_UP))
    )
    return session.scalars(query.order_by(CellOrderRow.answered_us.desc()).limit(1)).first() or ""


def oldest_uncertified(session: Session, site_id: str, from_us: int) -> Segment | None:
    """The oldest recording of a cell that is reported deleted and stands on no certificate."""
    query = _uncertified(site_id).where(Segment.start_us >= from_us)
    return session.scalars(query.order_by(Segment.start_us).limit(1)).first()


def uncertified(session: Session, site_id: str, window: Span) -> list[Segment]:
    """The same for all that began in a window, in order of their ids."""
    query = _uncertified(site_id).where(Segment.start_us >= window.start_us, Segment.start_us < window.end_us)
    return list(session.scalars(query.order_by(Segment.id)))


def going(session: Session, site_id: str, window: Span) -> bool:
    """Whether the deletion of anything that began in a window is under way still."""
    query = (
        select(CellOrderRow.id)
        .join(Segment, Segment.id == CellOrderRow.segment_id)
        .where(CellOrderRow.site_id == site_id, CellOrderRow.outcome.is_(None), CellOrderRow.action == "delete")
        .where(Segment.start_us >= window.start_us, Segment.start_us < window.end_us)
    )
    return session.scalars(query.limit(1)).first() is not None


def _copies(site_id: str) -> Select[CellCopy]:
    return (
        select(CellCopy)
        .join(Segment, Segment.id == CellCopy.segment_id)
        .where(CellCopy.site_id == site_id, CellCopy.gone_us.is_(None), CellCopy.state.not_in((CLAIMED, REFUSED)))
        .options(defer(CellCopy.envelope))
    )


def _deletable(due: Due) -> Select[CellCopy]:
    return _copies(due.site_id).where(
        CellCopy.retain_until_us < due.now_us,
        CellCopy.held.is_not(True),
        Segment.start_us < due.before_us,
        past_policy(due.now_us, due.retain_days),
        ~under_hold(),
    )


def _uncertified(site_id: str) -> Select[Segment]:
    return (
        select(Segment)
        .join(CellCopy, CellCopy.segment_id == Segment.id)
        .where(Segment.site_id == site_id, Segment.deleted_us.is_not(None), Segment.certified_us.is_(None))
        .where(CellCopy.gone_us.is_not(None))
    )


def _asked(action: str, since_us: int) -> ColumnElement[bool]:
    """It is being asked for, or was since then without success."""
    return exists().where(
        CellOrderRow.segment_id == CellCopy.segment_id,
        CellOrderRow.action == action,
        or_(
            CellOrderRow.outcome.is_(None),
            and_(CellOrderRow.made_us > since_us, CellOrderRow.outcome.in_((GIVEN_UP, MISSING))),
        ),
    )


def _short(floor: Floor) -> ColumnElement[bool]:
    """``lock < retain_until_us(end, received, days)``; locks are whole seconds, so nothing has to be rounded.

    What is past its floor and only held needs no lock, and no store takes one that has ended.
    """
    until_us = policy_basis(floor.retain_days) + (floor.retain_days + 1) * US_PER_DAY
    return and_(CellCopy.retain_until_us < until_us, until_us > floor.now_us)
