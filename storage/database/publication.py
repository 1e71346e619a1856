"""Rows for the public page: published sites, their credit entries, and camera-days summed up by month."""

from collections.abc import Sequence

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from storage.database.models import Camera, CreditEntryRow, Region, Site, Verdict
from storage.database.statistics import stands
from storage.database.verdicts import in_force, of_sites

MONTH_CHARS = 7


def sites(session: Session, name: str, region: str, limit: int, offset: int) -> list[Site]:
    """Published sites in order of their names."""
    query = select(Site).where(Site.published).order_by(Site.name, Site.id).limit(limit).offset(offset)
    if name:
        query = query.where(Site.name.icontains(name, autoescape=True))
    if region:
        query = query.where(or_(Site.region == region, Site.region.startswith(f"{region}/", autoescape=True)))
    return list(session.scalars(query))


def regions(session: Session, limit: int) -> list[Region]:
    """Every region that holds a published site, by path."""
    paths = session.scalars(select(Site.region).where(Site.published).distinct()).all()
    steps = [path.split("/") for path in paths]
    wanted = {"/".join(step[:count]) for step in steps for count in range(1, len(step) + 1)}
    query = select(Region).where(Region.path.in_(sorted(wanted)[:limit])).order_by(Region.path)
    return list(session.scalars(query))


def credit_entries_of(session: Session, site_ids: Sequence[str]) -> list[CreditEntryRow]:
    """Of several sites."""
    return list(session.scalars(select(CreditEntryRow).where(CreditEntryRow.site_id.in_(site_ids))))


def service_of(session: Session, site_id: str) -> list[tuple[int, int | None]]:
    """Of each camera that was ever in service: since when, and until when where it is retired."""
    query = select(Camera.activated_us, Camera.retired_us).where(
        Camera.site_id == site_id, Camera.activated_us.is_not(None)
    )
    return [(int(begin or 0), end) for begin, end in session.execute(query)]


def month_sums(
    session: Session, site_id: str, first_day: str, last_day: str
) -> list[tuple[str, str, bool, int, int, int]]:
    """(month, status, final, camera-days, expected, covered) of a site's entries in force, days first to last."""
    month = func.substr(Verdict.day, 1, MONTH_CHARS)
    sums = (func.count(), func.sum(Verdict.expected_us), func.sum(Verdict.covered_us))
    query = select(month, Verdict.status, stands(), *sums).join(Camera, Camera.id == Verdict.camera_id)
    query = in_force(query, of_sites([site_id]), first_day, last_day)
    rows = session.execute(query.group_by(month, Verdict.status, stands()))
    return [(row[0], row[1], row[2], int(row[3]), int(row[4]), int(row[5])) for row in rows]
