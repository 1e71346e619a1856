"""Rows of on-site cells: what waits for a challenge, which leaf is number so-and-so, what is due to be sent."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session, defer

from config.base.timespan import Span, SpanSet
from storage.database.lifetimes import under_hold
from storage.database.models import (
    Agent,
    AgentStatus,
    Cell,
    CellChallengeRow,
    CellCopy,
    CellFetchRow,
    CellStanding,
    Segment,
)

WAITING_MAX = 5_000
CLAIMED, WAITING, PROVEN, UNSOUND, REFUSED = "claimed", "waiting", "proven", "unsound", "refused"


def agents_with_cells(session: Session) -> list[str]:
    """The agents of sites that keep their recordings themselves, also those that were revoked: what they recorded is kept."""
    query = select(Agent.id).join(Cell, Cell.site_id == Agent.site_id)
    return list(session.scalars(query.order_by(Agent.id)))


def answerer(session: Session, agent_id: str, heard_since_us: int) -> str | None:
    """The trusted, living agent that is asked for an agent's recordings: itself, else the site's last heard; None: nobody.

    Any of them can answer: it reads the site's own store at an address that the centre signed.
    """
    query = (
        select(Agent.id)
        .join(AgentStatus, AgentStatus.agent_id == Agent.id)
        .where(Agent.site_id == select(Agent.site_id).where(Agent.id == agent_id).scalar_subquery())
        .where(Agent.revoked_us.is_(None), AgentStatus.gone.is_(False), AgentStatus.heard_us >= heard_since_us)
        .order_by(Agent.id != agent_id, AgentStatus.heard_us.desc())
    )
    return session.scalars(query.limit(1)).first()


def note_proven(session: Session, row: CellChallengeRow) -> None:
    """A right answer: an evenly drawn leaf proves, as of its drawing; the first of all begins it."""
    standing = session.get(CellStanding, row.agent_id, with_for_update=True)
    if standing is None:
        session.add(CellStanding(agent_id=row.agent_id, proven_us=row.drawn_us))
    elif row.why == "kept":
        standing.proven_us = max(standing.proven_us, row.drawn_us)


def standings_of(session: Session, agent_ids: Iterable[str]) -> list[tuple[CellStanding, int]]:
    """Of each agent that ever proved anything, with the time when the last lock of its recordings ends."""
    rows = session.scalars(
        select(CellStanding).where(CellStanding.agent_id.in_(list(agent_ids))).order_by(CellStanding.agent_id)
    ).all()
    return [(row, last_lock_us(session, row.agent_id)) for row in rows]


def last_lock_us(session: Session, agent_id: str) -> int:
    """When the last lock of an agent's recordings ends; 0 where there are none."""
    last_us = select(func.max(CellCopy.retain_until_us)).where(CellCopy.agent_id == agent_id)
    return session.scalar(last_us) or 0


def waiting(session: Session, agent_id: str) -> list[tuple[CellCopy, int]]:
    """Copies that wait for a challenge, in the order they were taken in, with their sizes in bytes."""
    rows = session.execute(
        select(CellCopy, Segment.size_bytes)
        .join(Segment, Segment.id == CellCopy.segment_id)
        .where(CellCopy.agent_id == agent_id, CellCopy.state == WAITING)
        .order_by(CellCopy.first_leaf)
        .limit(WAITING_MAX)
        .options(defer(CellCopy.envelope))
    )
    return [(copy, size_bytes) for copy, size_bytes in rows]


def about(session: Session, segment: Segment, around_us: int, span_us_max: int, limit: int) -> list[Segment]:
    """Recordings of the same camera that an agent has read back in the cell, of about the same time; at most ``limit``."""
    query = (
        select(Segment)
        .join(CellCopy, CellCopy.segment_id == Segment.id)
        .where(Segment.camera_id == segment.camera_id, Segment.id != segment.id, CellCopy.state != REFUSED)
        .where(Segment.end_us > segment.start_us - around_us, Segment.start_us < segment.end_us + around_us)
        .where(Segment.end_us < segment.end_us + around_us + span_us_max)  # so that an index ends there
        .options(defer(Segment.envelope))
    )
    return list(session.scalars(query.limit(limit)))


def next_leaf(session: Session, agent_id: str) -> int:
    """The number that the first leaf of an agent's next copy gets; the caller holds the agent's row."""
    newest = session.scalars(
        select(CellCopy)
        .where(CellCopy.agent_id == agent_id, CellCopy.first_leaf.is_not(None))
        .order_by(CellCopy.first_leaf.desc())
        .limit(1)
    ).first()
    return 0 if newest is None or newest.first_leaf is None else newest.first_leaf + newest.leaves


def copy_at(session: Session, agent_id: str, number: int) -> CellCopy | None:
    """The copy that leaf ``number`` of an agent belongs to."""
    found = session.scalars(
        select(CellCopy)
        .where(CellCopy.agent_id == agent_id, CellCopy.first_leaf <= number)
        .order_by(CellCopy.first_leaf.desc())
        .limit(1)
    ).first()
    if found is None or found.first_leaf is None or number >= found.first_leaf + found.leaves:
        return None
    return found


def is_anything_kept(session: Session, agent_id: str, now_us: int) -> bool:
    """Whether anything of an agent's has to lie in its site's cell: by a lock, or by a hold."""
    if last_lock_us(session, agent_id) > now_us:
        return True
    return (
        session.scalars(_lapsed(agent_id, now_us).with_only_columns(CellCopy.segment_id).limit(1)).first() is not None
    )


def kept_at(session: Session, agent_id: str, number: int, now_us: int) -> tuple[CellCopy, int] | None:
    """The copy that leaf ``number`` belongs to, where it has to be there, and which of its own leaves that is."""
    copy = copy_at(session, agent_id, number)
    if copy is None:
        return None
    if copy.retain_until_us <= now_us:
        held = _lapsed(agent_id, now_us).where(CellCopy.segment_id == copy.segment_id)
        if session.scalars(held.with_only_columns(CellCopy.segment_id)).first() is None:
            return None
    return copy, number - (copy.first_leaf or 0)


def lapsed_by_state(session: Session, agent_id: str, now_us: int) -> list[tuple[str, int]]:
    """How many recordings are held past their lock, by state."""
    query = _lapsed(agent_id, now_us).with_only_columns(CellCopy.state, func.count()).group_by(CellCopy.state)
    return [(state, count) for state, count in session.execute(query)]


def lapsed_leaves(session: Session, agent_id: str, before: int, now_us: int) -> int:
    """How many leaves numbered below ``before`` are held past their lock."""
    query = _lapsed(agent_id, now_us).where(CellCopy.first_leaf < before)
    return int(session.scalar(query.with_only_columns(func.sum(CellCopy.leaves))) or 0)


def lapsed_at(session: Session, agent_id: str, before: int, number: int, now_us: int) -> tuple[CellCopy, int] | None:
    """Of those, the copy that the ``number``-th belongs to, and which of its own leaves that is."""
    upto = func.sum(CellCopy.leaves).over(order_by=CellCopy.first_leaf).label("upto")
    query = _lapsed(agent_id, now_us).where(CellCopy.first_leaf < before)
    counted = query.with_only_columns(CellCopy.segment_id, CellCopy.leaves, upto).subquery()
    columns = (counted.c.segment_id, counted.c.upto - counted.c.leaves)
    row = session.execute(select(*columns).where(counted.c.upto > number).order_by(counted.c.upto).limit(1)).first()
    return None if row is None else (session.get_one(CellCopy, row[0]), number - int(row[1]))


def _lapsed(agent_id: str, now_us: int) -> Select[CellCopy]:
    """Copies past their lock that are held: by the centre's word, or as an agent read them."""
    site_id = select(Agent.site_id).where(Agent.id == agent_id).scalar_subquery()
    return (
        select(CellCopy)
        .join(Segment, Segment.id == CellCopy.segment_id)
        .where(CellCopy.site_id == site_id, CellCopy.retain_until_us <= now_us, _held())
        .where(CellCopy.agent_id == agent_id, CellCopy.first_leaf.is_not(None), CellCopy.state != REFUSED)
    )


def _held() -> ColumnElement[bool]:
    return and_(CellCopy.gone_us.is_(None), or_(CellCopy.held.is_(True), under_hold()))


def first_kept_leaf(session: Session, agent_id: str, now_us: int) -> int | None:
    """Where the leaves begin that are locked still; None where there are none.

    By number and not by lock: what was recorded long ago and comes late is numbered last, and its lock ends first.
    """
    oldest = session.scalars(
        select(CellCopy)
        .where(CellCopy.agent_id == agent_id, CellCopy.retain_until_us > now_us, CellCopy.first_leaf.is_not(None))
        .order_by(CellCopy.first_leaf)
        .limit(1)
    ).first()
    return None if oldest is None else oldest.first_leaf


def unsound(session: Session, agent_id: str, now_us: int) -> list[CellCopy]:
    """Copies that were found wrong or not answered for, those longest ago first; a few."""
    query = (
        select(CellCopy)
        .join(Segment, Segment.id == CellCopy.segment_id)
        .where(CellCopy.agent_id == agent_id, CellCopy.state == UNSOUND)
        .where(or_(CellCopy.retain_until_us > now_us, _held()))
    )
    return list(session.scalars(query.order_by(CellCopy.read_us).limit(64)))


def failed_leaves(session: Session, segment_id: str) -> list[int]:
    """The leaves of a recording of which the last that is known is not a right answer, the newest of them last."""
    ended_us = func.coalesce(CellChallengeRow.answered_us, CellChallengeRow.deadline_us)
    rows = session.execute(
        select(CellChallengeRow.leaf, CellChallengeRow.outcome)
        .where(CellChallengeRow.segment_id == segment_id, CellChallengeRow.outcome.is_not(None))
        .order_by(ended_us, CellChallengeRow.id)
    )
    failed: dict[int, None] = {}
    for leaf, outcome in rows:
        failed.pop(leaf, None)
        if outcome != "right":
            failed[leaf] = None
    return list(failed)


def open_reasons(session: Session, agent_id: str) -> set[str]:
    """For which reasons an agent has been asked and has not answered yet."""
    query = select(CellChallengeRow.why).where(
        CellChallengeRow.agent_id == agent_id, CellChallengeRow.due_us.is_not(None)
    )
    return set(session.scalars(query))


def last_draw_us(session: Session, agent_id: str) -> int | None:
    return session.scalar(select(func.max(CellChallengeRow.drawn_us)).where(CellChallengeRow.agent_id == agent_id))


def overdue(session: Session, now_us: int, limit: int) -> list[CellChallengeRow]:
    """Challenges whose time is over, locked for the caller."""
    query = select(CellChallengeRow).where(CellChallengeRow.due_us.is_not(None), CellChallengeRow.deadline_us <= now_us)
    return list(session.scalars(query.order_by(CellChallengeRow.deadline_us).limit(limit).with_for_update()))


def take_challenges(session: Session, now_us: int, again_us: int, limit: int) -> list[CellChallengeRow]:
    """Challenges to be sent now; they are due again at ``again_us``."""
    query = select(CellChallengeRow).where(CellChallengeRow.due_us <= now_us).order_by(CellChallengeRow.due_us)
    rows = list(session.scalars(query.limit(limit).with_for_update(skip_locked=True)))
    for row in rows:
        row.due_us = again_us
    return rows


def take_fetches(session: Session, now_us: int, again_us: int, limit: int) -> list[CellFetchRow]:
    """The same for fetches."""
    query = select(CellFetchRow).where(CellFetchRow.due_us <= now_us).order_by(CellFetchRow.due_us)
    rows = list(session.scalars(query.limit(limit).with_for_update(skip_locked=True)))
    for row in rows:
        row.due_us = again_us
    return rows


def spans_on_site(session: Session, camera_id: str, window: Span) -> SpanSet:
    """Which time of a camera lies in its site's own store."""
    rows = session.execute(
        select(Segment.start_us, Segment.end_us)
        .join(CellCopy, CellCopy.segment_id == Segment.id)
        .where(Segment.camera_id == camera_id, Segment.end_us > window.start_us, Segment.start_us < window.end_us)
    )
    return SpanSet((start_us, end_us) for start_us, end_us in rows)


def brought(session: Session, camera_id: str, window: Span, now_us: int, limit: int) -> list[CellFetchRow]:
    """Recordings of a camera's cell that count and were brought to the centre, where they stay for a while yet."""
    query = (
        select(CellFetchRow)
        .join(CellCopy, CellCopy.segment_id == CellFetchRow.segment_id)
        .join(Segment, Segment.id == CellFetchRow.segment_id)
        .where(Segment.camera_id == camera_id, Segment.end_us > window.start_us, Segment.start_us < window.end_us)
        .where(CellFetchRow.outcome == "here", CellFetchRow.expires_us > now_us, CellFetchRow.version_id.is_not(None))
        .where(CellCopy.state == PROVEN, Segment.secured_us.is_not(None), Segment.deleted_us.is_(None))
    )
    return list(session.scalars(query.order_by(CellFetchRow.asked_us).limit(limit)))


def overdue_fetches(session: Session, now_us: int, limit: int) -> list[CellFetchRow]:
    """What nobody has brought in time, locked for the caller."""
    query = select(CellFetchRow).where(
        CellFetchRow.due_us.is_not(None), CellFetchRow.outcome.is_(None), CellFetchRow.expires_us <= now_us
    )
    return list(session.scalars(query.order_by(CellFetchRow.expires_us).limit(limit).with_for_update()))


def unbrought(session: Session, segment_id: str) -> bool:
    """Whether the last that is known of fetches of a recording is that it did not come."""
    query = (
        select(CellFetchRow.outcome)
        .where(CellFetchRow.segment_id == segment_id, CellFetchRow.outcome.is_not(None))
        .order_by(CellFetchRow.asked_us.desc(), CellFetchRow.id)
    )
    return session.scalars(query.limit(1)).first() not in (None, "here", "gone")
