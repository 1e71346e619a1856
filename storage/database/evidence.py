"""Segments, timelines and conditions: what agents said, and what was found of it."""

from collections.abc import Iterable

from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from config.base.errors import InvalidInput
from config.base.timespan import Span
from storage.database.models import Camera, PendingVerification, Segment, Timeline

VERIFICATION_LEASE_US = 60_000_000
"""How long a worker has a row of the verification queue to itself before another may take it."""


def chain_links(session: Session, chain_id: str, camera_id: str, sequence: int) -> dict[int, Segment]:
    """The manifests at one place of a camera's chain and at its neighbours, by place."""
    found = session.scalars(
        select(Segment).where(
            Segment.chain_id == chain_id,
            Segment.camera_id == camera_id,
            Segment.sequence.in_((sequence - 1, sequence, sequence + 1)),
        )
    )
    return {segment.sequence: segment for segment in found}


def touch_timeline(
    session: Session, timeline_id: str, agent_id: str, ran: tuple[int, int], received_us: int
) -> Timeline:
    """The timeline, known from now on to have run over ``ran`` at least. Raises InvalidInput for another agent's."""
    started_us, seen_us = ran
    timeline = session.get(Timeline, timeline_id, with_for_update=True)
    if timeline is None:
        timeline = Timeline(
            id=timeline_id, agent_id=agent_id, started_us=started_us, last_us=seen_us, first_heard_us=received_us
        )
        session.add(timeline)
        session.flush()
    if timeline.agent_id != agent_id:
        raise InvalidInput("the timeline belongs to another agent", code="foreign_timeline")
    timeline.started_us = min(timeline.started_us, started_us)
    timeline.last_us = max(timeline.last_us, seen_us)
    return timeline


def timelines_of(session: Session, agent_id: str, window: Span) -> list[Timeline]:
    """The timelines of an agent that reach into the window."""
    return list(
        session.scalars(
            select(Timeline).where(
                Timeline.agent_id == agent_id,
                Timeline.last_us > window.start_us,
                Timeline.started_us < window.end_us,
            )
        )
    )


def footage_bytes(session: Session, camera_id: str, span: Span) -> int:
    """How many bytes the secured recordings of a span have that are still there."""
    query = select(func.sum(Segment.size_bytes)).where(
        Segment.camera_id == camera_id,
        Segment.end_us > span.start_us,
        Segment.start_us < span.end_us,
        Segment.secured_us.is_not(None),
        Segment.deleted_us.is_(None),
    )
    return int(session.scalar(query) or 0)


_ARRIVAL = select(func.min(Segment.secured_us), func.max(Segment.secured_us)).where(
    Segment.camera_id == bindparam("camera"),
    Segment.end_us > bindparam("begin"),
    Segment.start_us < bindparam("end"),
)
"""Made once: a day of many late recordings asks it a thousand times."""


def arrival_of(session: Session, camera_id: str, span: Span) -> tuple[int, int] | None:
    """When the footage of a span was read back, whole and locked: of its first segment and of its last."""
    asked = {"camera": camera_id, "begin": span.start_us, "end": span.end_us}
    first_us, last_us = session.execute(_ARRIVAL, asked).one()
    return None if first_us is None or last_us is None else (first_us, last_us)


def queue_verification(session: Session, segment_id: str, object_key: str, version_id: str, due_us: int) -> bool:
    """Asks for one version to be read back, in place of an older one of the same segment; False if asked already."""
    pending = session.get(PendingVerification, segment_id)
    if pending is None:
        pending = PendingVerification(segment_id=segment_id, tries=0)
        session.add(pending)
    elif (pending.object_key, pending.version_id) == (object_key, version_id):
        return False
    pending.object_key, pending.version_id, pending.due_us, pending.tries = object_key, version_id, due_us, 0
    return True


def take_verifications(session: Session, now_us: int, limit: int) -> list[PendingVerification]:
    """Up to ``limit`` due rows, oldest first, each now leased to the caller alone."""
    due = session.scalars(
        select(PendingVerification)
        # A row that is due far in the future was leased by a clock that has been set back since.
        .where(
            or_(PendingVerification.due_us <= now_us, PendingVerification.due_us > now_us + 2 * VERIFICATION_LEASE_US)
        )
        .order_by(PendingVerification.due_us)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for row in due:
        row.due_us = now_us + VERIFICATION_LEASE_US
    return list(due)


def activate(session: Session, camera_id: str, at_us: int) -> None:
    """Puts a camera into service at its first covered instant; an earlier one that comes later counts."""
    session.execute(
        update(Camera)
        .where(Camera.id == camera_id, or_(Camera.activated_us.is_(None), Camera.activated_us > at_us))
        .values(activated_us=at_us)
    )


def assess_again(session: Session, camera_ids: Iterable[str], day: str) -> None:
    """Something new is known of ``day``: every day from it on is to be judged again."""
    session.execute(
        update(Camera)
        .where(Camera.id.in_(list(camera_ids)), or_(Camera.assess_from_day.is_(None), Camera.assess_from_day > day))
        .values(assess_from_day=day)
    )


def cameras_of_agent(session: Session, agent_id: str) -> list[Camera]:
    """The cameras that an agent records."""
    return list(session.scalars(select(Camera).where(Camera.agent_id == agent_id).order_by(Camera.id)))


def is_repeated(session: Session, camera_id: str, sha256: str) -> bool:
    """Whether the camera has another segment of exactly these bytes."""
    known = select(Segment.id).where(Segment.camera_id == camera_id, Segment.sha256 == sha256).limit(1)
    return session.scalar(known) is not None
