"""Rows of inspections: what a draw weighs sites by, the draws themselves, and what followed from them."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from storage.database.models import (
    Account,
    Camera,
    CreditEntryRow,
    CreditObjection,
    Inspection,
    InspectionDraw,
    InspectionResult,
    InspectorInterest,
    Site,
    Verdict,
)
from storage.database.verdicts import in_force, of_sites

NON_COMPLIANT, UNVERIFIED = "NON_COMPLIANT", "UNVERIFIED"


class JudgedDays(NamedTuple):
    """Days of a site: judged at all, with a camera that was non-compliant, and with none such and one unverified."""

    judged: int = 0
    non_compliant: int = 0
    unverified: int = 0


def sites_within(session: Session, region: str) -> list[Site]:
    """The sites of a region subtree, in order of their ids."""
    below = Site.region.startswith(f"{region}/", autoescape=True)
    return list(session.scalars(select(Site).where(or_(Site.region == region, below)).order_by(Site.id)))


def site_names(session: Session, site_ids: Sequence[str]) -> dict[str, str]:
    rows = session.execute(select(Site.id, Site.name).where(Site.id.in_(site_ids)))
    return {row.id: row.name for row in rows}


def judged_days(session: Session, site_ids: Sequence[str], since_day: str) -> dict[str, JudgedDays]:
    """By site, from the final entries in force on and after ``since_day`` (ISO date)."""
    query = select(Camera.site_id, Verdict.day, Verdict.status).join(Camera, Camera.id == Verdict.camera_id)
    query = in_force(query, of_sites(site_ids), since_day).where(Verdict.final).distinct()
    days: dict[tuple[str, str], set[str]] = defaultdict(set)
    for site_id, day, status in session.execute(query):
        days[site_id, day].add(status)
    found: dict[str, JudgedDays] = defaultdict(JudgedDays)
    for (site_id, _), statuses in days.items():
        judged, broken, unknown = found[site_id]
        is_broken = NON_COMPLIANT in statuses
        found[site_id] = JudgedDays(
            judged + 1, broken + is_broken, unknown + (not is_broken and UNVERIFIED in statuses)
        )
    return dict(found)


def last_drawn(session: Session, site_ids: Sequence[str]) -> dict[str, int]:
    """When each site was last drawn for an inspection, in microseconds."""
    query = select(Inspection.site_id, func.max(Inspection.made_us)).where(Inspection.site_id.in_(site_ids))
    return {site_id: int(made_us) for site_id, made_us in session.execute(query.group_by(Inspection.site_id))}


def accounts_named(session: Session, names: Sequence[str]) -> dict[str, Account]:
    return {account.name: account for account in session.scalars(select(Account).where(Account.name.in_(names)))}


def interests(session: Session, names: Sequence[str]) -> dict[str, list[str]]:
    """By account, the sites it is kept from, in order."""
    query = select(InspectorInterest.account_name, InspectorInterest.site_id)
    found: dict[str, list[str]] = defaultdict(list)
    for name, site_id in session.execute(
        query.where(InspectorInterest.account_name.in_(names)).order_by(InspectorInterest.site_id)
    ):
        found[name].append(site_id)
    return found


def draws_of(session: Session, region: str, limit: int) -> list[InspectionDraw]:
    """The newest draws within a region subtree; ``*`` is every region."""
    query = select(InspectionDraw).order_by(InspectionDraw.prepared_us.desc(), InspectionDraw.id).limit(limit)
    if region != "*":
        below = InspectionDraw.region.startswith(f"{region}/", autoescape=True)
        query = query.where(or_(InspectionDraw.region == region, below))
    return list(session.scalars(query))


def inspections_of(session: Session, draw_id: str) -> list[Inspection]:
    return list(session.scalars(select(Inspection).where(Inspection.draw_id == draw_id).order_by(Inspection.number)))


def credit_entries(session: Session, site_id: str) -> list[CreditEntryRow]:
    """Every entry of a site's credit file, the newest first."""
    query = select(CreditEntryRow).where(CreditEntryRow.site_id == site_id)
    return list(
        session.scalars(query.order_by(CreditEntryRow.day.desc(), CreditEntryRow.entered_us.desc(), CreditEntryRow.id))
    )


def objections_to(session: Session, entry_ids: Sequence[str]) -> dict[str, list[CreditObjection]]:
    """By entry, in the order in which they were raised."""
    query = select(CreditObjection).where(CreditObjection.entry_id.in_(entry_ids))
    found: dict[str, list[CreditObjection]] = defaultdict(list)
    for row in session.scalars(query.order_by(CreditObjection.raised_us, CreditObjection.id)):
        found[row.entry_id].append(row)
    return found


def banned_staff(session: Session, site_id: str) -> set[str]:
    """Whom an entry of the credit file bars for life, unless an objection to it was upheld."""
    struck = select(CreditObjection.entry_id).where(CreditObjection.upheld.is_(True))
    query = select(CreditEntryRow.staff_id).where(
        CreditEntryRow.site_id == site_id, CreditEntryRow.kind == "ban", CreditEntryRow.id.not_in(struck)
    )
    return {staff_id for staff_id in session.scalars(query) if staff_id is not None}


def every_site(session: Session) -> list[Site]:
    """In order of their ids."""
    return list(session.scalars(select(Site).order_by(Site.id)))


def levels_drawn(session: Session, region: str, since_day: str) -> int:
    """On how many levels of the tree inspections of a region, of what holds it or of what it holds were drawn since a day."""
    since_us = int(datetime.fromisoformat(f"{since_day}T00:00:00+00:00").timestamp()) * 1_000_000
    query = select(InspectionDraw.region).where(InspectionDraw.drawn_us >= since_us).distinct()
    found = set()
    for path in session.scalars(query):
        inside = not region or path == region or path.startswith(f"{region}/")
        if inside or region.startswith(f"{path}/"):
            found.add(path.count("/"))
    return len(found)


def sites_with_results(session: Session, site_ids: Sequence[str]) -> set[str]:
    """Those at which an inspection has been entered."""
    query = (
        select(Inspection.site_id)
        .join(
            InspectionResult,
            (InspectionResult.draw_id == Inspection.draw_id) & (InspectionResult.number == Inspection.number),
        )
        .distinct()
    )
    return set(session.scalars(query)) & set(site_ids)
