"""Rows of the shared calendar."""

from collections.abc import Sequence

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from storage.database.models import AgendaEvent, Site


def of_site(session: Session, site: Site, since_day: str, limit: int) -> list[AgendaEvent]:
    """A site's own and those of every region that holds it, by day."""
    steps = site.region.split("/")
    above = ["", *("/".join(steps[:count]) for count in range(1, len(steps) + 1))]
    called = AgendaEvent.site_id.is_(None) & AgendaEvent.region.in_(above)
    query = select(AgendaEvent).where(or_(AgendaEvent.site_id == site.id, called), AgendaEvent.day >= since_day)
    return list(session.scalars(query.order_by(AgendaEvent.day, AgendaEvent.id).limit(limit)))


def of_region(session: Session, region: str, site_ids: Sequence[str], since_day: str, limit: int) -> list[AgendaEvent]:
    """Those of some sites, of a region, of all within it and of all that hold it, by day; ``region`` empty: of all."""
    steps = region.split("/") if region else []
    above = ["", *("/".join(steps[:count]) for count in range(1, len(steps) + 1))]
    below = AgendaEvent.region.startswith(f"{region}/", autoescape=True) if region else AgendaEvent.region != ""
    called = AgendaEvent.site_id.is_(None) & or_(AgendaEvent.region.in_(above), below)
    mine = AgendaEvent.site_id.in_(site_ids)
    query = select(AgendaEvent).where(or_(mine, called), AgendaEvent.day >= since_day)
    return list(session.scalars(query.order_by(AgendaEvent.day, AgendaEvent.id).limit(limit)))


def held(session: Session, region: str, kind: str, first_day: str, last_day: str) -> int:
    """How many of a kind were held within a region's own calendar and those above it."""
    steps = region.split("/")
    above = ["", *("/".join(steps[:count]) for count in range(1, len(steps) + 1))]
    query = select(func.count()).where(
        AgendaEvent.site_id.is_(None),
        AgendaEvent.region.in_(above),
        AgendaEvent.kind == kind,
        AgendaEvent.done_on >= first_day,
        AgendaEvent.done_on <= last_day,
    )
    return int(session.scalar(query) or 0)


def coming(session: Session, first_day: str, last_day: str, limit: int) -> list[AgendaEvent]:
    """Those that are not closed and fall between two days, both included."""
    query = select(AgendaEvent).where(
        AgendaEvent.closed_us.is_(None), AgendaEvent.day >= first_day, AgendaEvent.day <= last_day
    )
    return list(session.scalars(query.order_by(AgendaEvent.day, AgendaEvent.id).limit(limit)))
