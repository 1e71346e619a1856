"""Queries about alarms: what is open at a point, what a site shows, and whether anything changed since."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.database.models import AlarmAct, AlarmEventRow, AlarmPartition, AlarmRow

CLEARED = "cleared"
Mark = tuple[int, int, int, int]
"""Changes whenever something new is known of a site's alarms."""


def open_at_point(
    session: Session, agent_id: str, panel_id: str, partition: str, point: str
) -> list[AlarmRow]:  # fmt: skip
    """The alarms of one point that are not cleared; locked until the transaction ends."""
    return list(
        session.scalars(
            select(AlarmRow)
            .where(
                AlarmRow.agent_id == agent_id,
                AlarmRow.panel_id == panel_id,
                AlarmRow.partition == partition,
                AlarmRow.point == point,
                AlarmRow.status != CLEARED,
            )
            .order_by(AlarmRow.id)
            .with_for_update()
        )
    )


def of_site(session: Session, site_id: str, *, closed_after_us: int, limit: int) -> list[AlarmRow]:
    """Open alarms first, the newest first; with those that were cleared after an instant."""
    open_ones = select(AlarmRow).where(AlarmRow.site_id == site_id, AlarmRow.status != CLEARED)
    closed = select(AlarmRow).where(
        AlarmRow.site_id == site_id, AlarmRow.status == CLEARED, AlarmRow.cleared_us > closed_after_us
    )
    found = list(session.scalars(open_ones.order_by(AlarmRow.last_us.desc(), AlarmRow.id.desc()).limit(limit)))
    left = limit - len(found)
    if left > 0:
        found += session.scalars(closed.order_by(AlarmRow.cleared_us.desc(), AlarmRow.id.desc()).limit(left))
    return found


def count_open(session: Session, site_id: str) -> int:
    """How many are not cleared."""
    query = select(func.count()).select_from(AlarmRow).where(AlarmRow.site_id == site_id, AlarmRow.status != CLEARED)
    return session.scalar(query) or 0


def events_of_site(session: Session, site_id: str, *, before_us: int, limit: int) -> list[AlarmEventRow]:
    """Everything that panels said before an instant, the newest first."""
    query = select(AlarmEventRow).where(AlarmEventRow.site_id == site_id, AlarmEventRow.at_us < before_us)
    return list(session.scalars(query.order_by(AlarmEventRow.at_us.desc(), AlarmEventRow.message_id).limit(limit)))


def partitions_of_site(session: Session, site_id: str) -> list[AlarmPartition]:
    """What each panel last said of its partitions."""
    query = select(AlarmPartition).where(AlarmPartition.site_id == site_id)
    return list(session.scalars(query.order_by(AlarmPartition.panel_id, AlarmPartition.partition)))


def mark_of_site(session: Session, site_id: str) -> Mark:
    """Cheap: a few steps in three indexes, whatever has been kept."""
    newest = select(func.max(AlarmEventRow.received_us)).where(AlarmEventRow.site_id == site_id)
    said = session.scalar(newest) or 0
    last = select(func.count()).where(AlarmEventRow.site_id == site_id, AlarmEventRow.received_us == said)
    acted = select(func.max(AlarmAct.id)).where(AlarmAct.site_id == site_id)
    return said, session.scalar(last) or 0, session.scalar(acted) or 0, count_open(session, site_id)
