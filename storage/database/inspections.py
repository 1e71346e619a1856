"""Rows of inspections of one site: what was found, the orders that followed, and their acts."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.database.models import Inspection, InspectionResult, RectificationActRow, RectificationOrder


def of_site(session: Session, site_id: str, limit: int) -> list[Inspection]:
    """The newest first."""
    query = select(Inspection).where(Inspection.site_id == site_id)
    return list(session.scalars(query.order_by(Inspection.made_us.desc(), Inspection.number).limit(limit)))


def results_of(session: Session, draw_ids: Sequence[str]) -> dict[tuple[str, int], InspectionResult]:
    """By draw and number."""
    rows = session.scalars(select(InspectionResult).where(InspectionResult.draw_id.in_(draw_ids)))
    return {(row.draw_id, row.number): row for row in rows}


def orders_of(session: Session, site_id: str) -> dict[tuple[str, int], list[RectificationOrder]]:
    """Those that come from inspections, by draw and number."""
    query = select(RectificationOrder).where(
        RectificationOrder.site_id == site_id, RectificationOrder.draw_id.is_not(None)
    )
    found: dict[tuple[str, int], list[RectificationOrder]] = defaultdict(list)
    for row in session.scalars(query.order_by(RectificationOrder.id)):
        found[row.draw_id or "", row.number or 0].append(row)
    return found


def orders_from_docket(
    session: Session, site_id: str, limit: int, incident_ids: Sequence[str] = ()
) -> list[RectificationOrder]:
    """Those that come from the docket, the newest first; of some incidents where they are named."""
    ordered = (
        select(RectificationOrder)
        .join(RectificationActRow, RectificationActRow.order_id == RectificationOrder.id)
        .where(RectificationOrder.site_id == site_id, RectificationOrder.incident_id.is_not(None))
        .where(RectificationActRow.place == 0)
    )
    if incident_ids:
        ordered = ordered.where(RectificationOrder.incident_id.in_(incident_ids))
    newest = ordered.order_by(RectificationActRow.at_us.desc(), RectificationOrder.id).limit(limit)
    return list(session.scalars(newest))


def acts_of(session: Session, order_ids: Sequence[str]) -> dict[str, list[RectificationActRow]]:
    """By order, in their order."""
    query = select(RectificationActRow).where(RectificationActRow.order_id.in_(order_ids))
    found: dict[str, list[RectificationActRow]] = defaultdict(list)
    for row in session.scalars(query.order_by(RectificationActRow.place)):
        found[row.order_id].append(row)
    return found
