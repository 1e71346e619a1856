"""Picture findings and their stills: queries, and what one message changes."""

from collections.abc import Sequence

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from storage.database import spans
from storage.database.models import FindingStillRow, PictureFindingRow, Timeline

STILLS_DELETED_AT_ONCE = 1_000


def reaching_into(
    session: Session, camera_id: str, start_us: int, names: Sequence[str]
) -> list[tuple[PictureFindingRow, Timeline, Timeline | None]]:
    """Findings that may spoil time from ``start_us`` on, with the timelines that they were raised and cleared on.

    A clearing by a clock that is behind names an early instant: it counts by when it was received as well.
    """
    rows = session.scalars(
        select(PictureFindingRow).where(
            PictureFindingRow.camera_id == camera_id,
            PictureFindingRow.finding.in_(names),
            or_(
                PictureFindingRow.until_us.is_(None),
                PictureFindingRow.until_us > start_us,
                PictureFindingRow.cleared_received_us > start_us,
            ),
        )
    ).all()
    return [
        (
            row,
            session.get_one(Timeline, row.timeline_id),
            session.get_one(Timeline, row.cleared_timeline_id) if row.cleared_timeline_id is not None else None,
        )
        for row in rows
    ]


def is_trusted_at(session: Session, timeline_id: str, at_us: int) -> bool:
    """Whether a timeline's clock is trusted at an instant of it."""
    return at_us in spans.trusted_of(session, timeline_id)


def open_of(session: Session, camera_id: str) -> list[PictureFindingRow]:
    """What is open now, oldest first."""
    return list(
        session.scalars(
            select(PictureFindingRow)
            .where(PictureFindingRow.camera_id == camera_id, PictureFindingRow.until_us.is_(None))
            .order_by(PictureFindingRow.since_us, PictureFindingRow.id)
        )
    )


def newest_of(session: Session, camera_id: str, limit: int) -> list[PictureFindingRow]:
    """Open ones and past ones, newest first."""
    return list(
        session.scalars(
            select(PictureFindingRow)
            .where(PictureFindingRow.camera_id == camera_id)
            .order_by(PictureFindingRow.since_us.desc(), PictureFindingRow.id)
            .limit(limit)
        )
    )


def stills_among(session: Session, finding_ids: Sequence[str]) -> set[str]:
    """Which of these findings still have their still."""
    query = select(FindingStillRow.finding_id).where(FindingStillRow.finding_id.in_(finding_ids))
    return set(session.scalars(query))


def delete_stills(session: Session, kept_from_before_us: int) -> int:
    """Deletes stills whose retention began before an instant, at most a thousand; how many there were."""
    due = (
        select(FindingStillRow.finding_id)
        .where(FindingStillRow.kept_from_us < kept_from_before_us)
        .limit(STILLS_DELETED_AT_ONCE)
    )
    ids = list(session.scalars(due))
    if ids:
        session.execute(delete(FindingStillRow).where(FindingStillRow.finding_id.in_(ids)))
    return len(ids)
