"""What is known of several cameras in one window: one query a table, however many cameras and days are asked about.

The rows are plain tuples, because a region's quarter has millions of them.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Executable, Row, Select, and_, func, or_, select, union_all
from sqlalchemy.orm import Session, aliased

from config.base.timespan import Span, SpanSet
from storage.database import spans, verdicts
from storage.database.models import (
    AgentStatus,
    Camera,
    ConditionChange,
    CoverageSpan,
    PictureFindingRow,
    Segment,
    Timeline,
    TrustedSpan,
    Verdict,
)

Series = dict[str, dict[str, SpanSet]]
"""Kind → timeline id → spans."""


class Told(NamedTuple):
    """A change of a camera's condition."""

    at_us: int
    condition: str
    timeline_id: str


class InForce(NamedTuple):
    """What the newest entry of a camera-day says; ``gaps`` as it is kept."""

    id: int
    camera_id: str
    day: str
    status: str
    final: bool
    expected_us: int
    covered_us: int
    assessed_us: int
    gaps: bytes


def coverage_of(session: Session, camera_ids: Sequence[str], window: Span) -> dict[str, Series]:
    """Camera → kind → timeline id → the spans that reach into the window, not clipped to it."""
    query = select(
        CoverageSpan.camera_id,
        CoverageSpan.kind,
        CoverageSpan.timeline_id,
        CoverageSpan.start_us,
        CoverageSpan.end_us,
    ).where(
        CoverageSpan.camera_id.in_(camera_ids),
        CoverageSpan.kind.in_((spans.CLAIMED, spans.SECURED, spans.EVICTED, spans.IN_CELL)),
        CoverageSpan.end_us > window.start_us,
        CoverageSpan.start_us < window.end_us,
    )
    found: dict[tuple[str, str, str], list[tuple[int, int]]] = defaultdict(list)
    for camera_id, kind, timeline_id, start_us, end_us in _rows(session, query):
        found[camera_id, kind, timeline_id].append((start_us, end_us))
    whole: dict[str, Series] = {camera_id: defaultdict(dict) for camera_id in camera_ids}
    for (camera_id, kind, timeline_id), parts in found.items():
        whole[camera_id][kind][timeline_id] = SpanSet(parts)
    return whole


def backfilled_of(session: Session, camera_ids: Sequence[str], window: Span) -> dict[str, SpanSet]:
    """Camera → what came late on any timeline and reaches into the window, not clipped to it."""
    rows = session.execute(
        select(CoverageSpan.camera_id, CoverageSpan.start_us, CoverageSpan.end_us).where(
            CoverageSpan.camera_id.in_(camera_ids),
            CoverageSpan.kind == spans.BACKFILLED,
            CoverageSpan.end_us > window.start_us,
            CoverageSpan.start_us < window.end_us,
        )
    )
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for camera_id, start_us, end_us in rows:
        found[camera_id].append((start_us, end_us))
    return {camera_id: SpanSet(parts) for camera_id, parts in found.items()}


def newest_details(session: Session, camera_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Camera → (condition, detail) of its newest change, of those that ever had one."""
    # By camera and from the index's end: a maximum by group would go through all that was ever said.
    each = aliased(ConditionChange)
    newest = (
        select(each.message_id)
        .where(each.camera_id == Camera.id)
        .order_by(each.at_us.desc())
        .limit(1)
        .correlate(Camera)
        .scalar_subquery()
    )
    rows = session.execute(
        select(Camera.id, ConditionChange.condition, ConditionChange.detail)
        .join(ConditionChange, ConditionChange.message_id == newest)
        .where(Camera.id.in_(camera_ids))
    )
    return {camera_id: (condition, detail) for camera_id, condition, detail in rows}


def claimed_beyond(session: Session, camera_ids: Sequence[str], end_us: int) -> dict[tuple[str, str], int]:
    """(camera, timeline) → the end of the last thing claimed there, where that is after ``end_us``."""
    rows = session.execute(
        select(CoverageSpan.camera_id, CoverageSpan.timeline_id, func.max(CoverageSpan.end_us))
        .where(CoverageSpan.camera_id.in_(camera_ids), CoverageSpan.kind == spans.CLAIMED, CoverageSpan.end_us > end_us)
        .group_by(CoverageSpan.camera_id, CoverageSpan.timeline_id)
    )
    return {(camera_id, timeline_id): last_us for camera_id, timeline_id, last_us in rows}


def refused_of(session: Session, camera_ids: Sequence[str], window: Span) -> list[Row[str, str | None, int, int]]:
    """(camera, refusal, start, end) of the segments in the window that were refused at their last read-back."""
    return list(
        session.execute(
            select(Segment.camera_id, Segment.refusal, Segment.start_us, Segment.end_us)
            .where(
                Segment.camera_id.in_(camera_ids),
                Segment.end_us > window.start_us,
                Segment.start_us < window.end_us,
                Segment.refusal.is_not(None),
            )
            .order_by(Segment.start_us, Segment.id)
        )
    )


def statuses_of(session: Session, agent_ids: Iterable[str]) -> dict[str, AgentStatus]:
    """The newest heartbeat of each agent that was ever heard."""
    rows = session.scalars(select(AgentStatus).where(AgentStatus.agent_id.in_(list(agent_ids))))
    return {row.agent_id: row for row in rows}


def timelines_of(session: Session, agent_ids: Iterable[str], window: Span) -> dict[str, list[Timeline]]:
    """Agent → the timelines that reach into the window, oldest first."""
    found: dict[str, list[Timeline]] = defaultdict(list)
    for row in session.scalars(_timelines(agent_ids, window).order_by(Timeline.started_us, Timeline.id)):
        found[row.agent_id].append(row)
    return found


def trusted_of(session: Session, agent_ids: Iterable[str], window: Span) -> dict[str, SpanSet]:
    """Timeline → where it is trusted, of those that reach into the window."""
    reaching = _timelines(agent_ids, window).with_only_columns(Timeline.id)
    rows = session.execute(
        select(TrustedSpan.timeline_id, TrustedSpan.start_us, TrustedSpan.end_us).where(
            TrustedSpan.timeline_id.in_(reaching)
        )
    )
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for timeline_id, start_us, end_us in rows:
        found[timeline_id].append((start_us, end_us))
    return {timeline_id: SpanSet(parts) for timeline_id, parts in found.items()}


def _timelines(agent_ids: Iterable[str], window: Span) -> Select[Timeline]:
    return select(Timeline).where(
        Timeline.agent_id.in_(list(agent_ids)),
        Timeline.last_us > window.start_us,
        Timeline.started_us < window.end_us,
    )


def conditions_of(
    session: Session, camera_ids: Sequence[str], window: Span, since_us: int, current: Iterable[str]
) -> dict[str, list[Told]]:
    """Camera → its changes within the window, with those that were in force when it began, one a timeline.

    Of the ``current`` timelines the newest change is there as well, where it is after the window. ``since_us``: when
    the first timeline began that reaches into the window; nothing was said on it before.
    """
    of_cameras = ConditionChange.camera_id.in_(camera_ids)
    latest = (
        select(ConditionChange.camera_id, ConditionChange.timeline_id, func.max(ConditionChange.at_us).label("at_us"))
        .where(
            of_cameras,
            or_(
                and_(ConditionChange.at_us >= since_us, ConditionChange.at_us < window.start_us),
                and_(ConditionChange.at_us >= window.end_us, ConditionChange.timeline_id.in_(list(current))),
            ),
        )
        .group_by(ConditionChange.camera_id, ConditionChange.timeline_id, ConditionChange.at_us < window.start_us)
        .subquery()
    )
    told = (
        ConditionChange.message_id,
        ConditionChange.camera_id,
        ConditionChange.at_us,
        ConditionChange.condition,
        ConditionChange.timeline_id,
    )
    around = select(*told).join(
        latest,
        and_(
            ConditionChange.camera_id == latest.c.camera_id,
            ConditionChange.timeline_id == latest.c.timeline_id,
            ConditionChange.at_us == latest.c.at_us,
        ),
    )
    within = select(*told).where(
        of_cameras, ConditionChange.at_us >= window.start_us, ConditionChange.at_us < window.end_us
    )
    found: dict[str, list[tuple[int, str, str, str]]] = defaultdict(list)
    for message_id, camera_id, at_us, condition, timeline_id in _rows(session, union_all(around, within)):
        found[camera_id].append((at_us, message_id, condition, timeline_id))
    return {
        camera_id: [Told(at_us, condition, timeline_id) for at_us, _, condition, timeline_id in sorted(changes)]
        for camera_id, changes in found.items()
    }


def findings_of(
    session: Session, camera_ids: Sequence[str], start_us: int, names: Sequence[str]
) -> list[tuple[PictureFindingRow, Timeline, Timeline | None]]:
    """Findings that may spoil time from ``start_us`` on, with the timelines that they were raised and cleared on.

    A clearing by a clock that is behind names an early instant: it counts by when it was received as well.
    """
    rows = session.scalars(
        select(PictureFindingRow)
        .where(
            PictureFindingRow.camera_id.in_(camera_ids),
            PictureFindingRow.finding.in_(names),
            or_(
                PictureFindingRow.until_us.is_(None),
                PictureFindingRow.until_us > start_us,
                PictureFindingRow.cleared_received_us > start_us,
            ),
        )
        .order_by(PictureFindingRow.since_us, PictureFindingRow.id)
    ).all()
    return [
        (
            row,
            session.get_one(Timeline, row.timeline_id),
            session.get_one(Timeline, row.cleared_timeline_id) if row.cleared_timeline_id is not None else None,
        )
        for row in rows
    ]


def verdicts_of(session: Session, camera_ids: Sequence[str], first_day: str, last_day: str) -> dict[str, list[InForce]]:
    """Camera → its entries in force of the days from the first to the last, in order."""
    query = select(
        Verdict.id,
        Verdict.camera_id,
        Verdict.day,
        Verdict.status,
        Verdict.final,
        Verdict.expected_us,
        Verdict.covered_us,
        Verdict.assessed_us,
        Verdict.gaps,
    )
    query = verdicts.in_force(query, Verdict.camera_id.in_(camera_ids), first_day, last_day)
    rows = _rows(session, query.order_by(Verdict.camera_id, Verdict.day))
    found: dict[str, list[InForce]] = defaultdict(list)
    for row in rows:
        found[row[1]].append(InForce._make(row))
    return found


CalendarRow = tuple[str, str, bool, int, int, int]


def calendar_of(
    session: Session, camera_ids: Sequence[str], first_day: str, last_day: str
) -> dict[str, list[CalendarRow]]:
    """Camera → (day, status, final, expected, covered, assessed) of its entries in force, in order; without gaps."""
    query = select(
        Verdict.camera_id,
        Verdict.day,
        Verdict.status,
        Verdict.final,
        Verdict.expected_us,
        Verdict.covered_us,
        Verdict.assessed_us,
    )
    query = verdicts.in_force(query, Verdict.camera_id.in_(camera_ids), first_day, last_day)
    rows = _rows(session, query.order_by(Verdict.camera_id, Verdict.day))
    found: dict[str, list[CalendarRow]] = defaultdict(list)
    for camera_id, *told in rows:
        found[camera_id].append(tuple(told))
    return found


def _rows(session: Session, query: Executable) -> Sequence[Row[*tuple[Any, ...]]]:
    """Plain rows of the session's transaction, all at once: through the ORM thousands of them take twice as long."""
    session.flush()
    return session.connection().execute(query).all()
