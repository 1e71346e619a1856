"""Picture findings and their stills: queries, and what one message changes."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from storage.database.models import Camera, FindingStillRow, PictureFindingRow, Site

STILLS_DELETED_AT_ONCE = 1_000


def open_of(session: Session, camera_ids: Sequence[str]) -> list[PictureFindingRow]:
    """What is open now at these cameras, oldest first."""
    return list(
        session.scalars(
            select(PictureFindingRow)
            .where(PictureFindingRow.camera_id.in_(camera_ids), PictureFindingRow.until_us.is_(None))
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


def delete_stills(session: Session, pack: str | None, kept_from_before_us: int) -> int:
    """Deletes stills, of sites with this policy pack, whose retention began before an instant; at most a thousand."""
    due = (
        select(FindingStillRow.finding_id)
        .join(PictureFindingRow, PictureFindingRow.id == FindingStillRow.finding_id)
        .join(Camera, Camera.id == PictureFindingRow.camera_id)
        .join(Site, Site.id == Camera.site_id)
        .where(FindingStillRow.kept_from_us < kept_from_before_us, Site.policy_pack.is_not_distinct_from(pack))
        .limit(STILLS_DELETED_AT_ONCE)
    )
    ids = list(session.scalars(due))
    if ids:
        session.execute(delete(FindingStillRow).where(FindingStillRow.finding_id.in_(ids)))
    return len(ids)
