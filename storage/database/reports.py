"""Rows of reports, and what they say of the store."""

from collections.abc import Mapping
from typing import TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from storage.database.models import AuditFinding, AuditRound, LegalHold, Region, RegionReport, Report, Segment

Row = TypeVar("Row", Report, RegionReport)
OWNER: Mapping[type[Report | RegionReport], InstrumentedAttribute[str]] = {
    Report: Report.site_id,
    RegionReport: RegionReport.region,
}
"""Whose month it is: a site's, or a region's, by its path."""


def newest(session: Session, model: type[Row], owner: str, month: str, language: str) -> Row | None:
    """The last report of a month in a language."""
    query = select(model).where(OWNER[model] == owner, model.month == month, model.language == language)
    return session.scalars(query.order_by(model.made_us.desc(), model.id).limit(1)).first()


def count_of_month(session: Session, model: type[Row], owner: str, month: str) -> int:
    query = select(func.count()).where(OWNER[model] == owner, model.month == month)
    return int(session.scalar(query) or 0)


def of_owner(session: Session, model: type[Row], owner: str, limit: int) -> list[Row]:
    """The newest reports of a site or region."""
    query = select(model).where(OWNER[model] == owner)
    return list(session.scalars(query.order_by(model.made_us.desc(), model.id).limit(limit)))


def oldest_kept_us(session: Session, site_id: str) -> int | None:
    """Where the oldest recording begins that counts and is kept; None where there is none."""
    query = select(func.min(Segment.start_us)).where(
        Segment.site_id == site_id, Segment.secured_us.is_not(None), Segment.deleted_us.is_(None)
    )
    found = session.scalar(query)
    return int(found) if found is not None else None


def last_finished_round_us(session: Session) -> int | None:
    """When the last look at every version under retention ended."""
    found = session.scalar(select(func.max(AuditRound.finished_us)))
    return int(found) if found is not None else None


def open_drifts(session: Session, site_id: str) -> int:
    """How many things an audit found wrong that are so still."""
    query = select(func.count()).where(AuditFinding.site_id == site_id, AuditFinding.settled_us.is_(None))
    return int(session.scalar(query) or 0)


def standing_holds(session: Session, site_id: str) -> int:
    query = select(func.count()).where(LegalHold.site_id == site_id, LegalHold.lifted_us.is_(None))
    return int(session.scalar(query) or 0)


def region_names(session: Session, path: str) -> list[tuple[str, str]]:
    """(name, English name or "") of a region and all above it, the largest first."""
    steps = path.split("/")
    paths = ["/".join(steps[: count + 1]) for count in range(len(steps))]
    rows = {row.path: row for row in session.scalars(select(Region).where(Region.path.in_(paths)))}
    return [(rows[one].name, rows[one].name_en) for one in paths if one in rows]
