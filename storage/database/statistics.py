"""Figures of many sites at once: camera-days of a month, and what is open."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, func, not_, or_, select
from sqlalchemy.orm import Session

from storage.database.docket import OPEN
from storage.database.models import (
    Camera,
    Complaint,
    DocketCase,
    RectificationActRow,
    RectificationOrder,
    Site,
    Verdict,
)
from storage.database.verdicts import in_force, of_sites

DayRow = tuple[str, bool, int, int, int]
CLOSED = "passed"
UNVERIFIED = "UNVERIFIED"


class OpenCounts(NamedTuple):
    """``overdue``: of the cases of the docket."""

    cases: int = 0
    overdue: int = 0
    complaints: int = 0
    orders: int = 0


def service_of(session: Session, site_ids: Sequence[str]) -> dict[str, list[tuple[int, int | None]]]:
    """By site, of each camera that was ever in service: since when, and until when where it is retired."""
    query = select(Camera.site_id, Camera.activated_us, Camera.retired_us).where(Camera.site_id.in_(site_ids))
    found: dict[str, list[tuple[int, int | None]]] = defaultdict(list)
    for site_id, begin_us, end_us in session.execute(query.where(Camera.activated_us.is_not(None))):
        found[site_id].append((int(begin_us or 0), end_us))
    return found


def stands() -> ColumnElement[bool]:
    """Whether an entry is final and its day is not to be judged again."""
    return and_(Verdict.final, or_(Camera.assess_from_day.is_(None), Verdict.day < Camera.assess_from_day))


def day_sums(session: Session, site_ids: Sequence[str], first_day: str, last_day: str) -> dict[str, list[DayRow]]:
    """By site: (status, final, camera-days, expected, covered) of the entries in force of the days from first to last."""
    sums = (func.count(), func.sum(Verdict.expected_us), func.sum(Verdict.covered_us))
    query = select(Camera.site_id, Verdict.status, stands(), *sums).join(Camera, Camera.id == Verdict.camera_id)
    query = in_force(query, of_sites(site_ids), first_day, last_day)
    found: dict[str, list[DayRow]] = defaultdict(list)
    for row in session.execute(query.group_by(Camera.site_id, Verdict.status, stands())):
        site_id, status, final, days, expected_us, covered_us = row
        found[site_id].append((status, final, int(days), int(expected_us), int(covered_us)))
    return found


def open_counts(session: Session, site_ids: Sequence[str], now_us: int) -> dict[str, OpenCounts]:
    """By site; one that has nothing open is left out."""
    cases = select(DocketCase.site_id, func.count()).where(
        DocketCase.site_id.in_(site_ids), DocketCase.status.in_(OPEN)
    )
    complaints = select(Complaint.site_id, func.count()).where(
        Complaint.site_id.in_(site_ids), Complaint.answer.is_(None)
    )
    closed = select(RectificationActRow.order_id).where(RectificationActRow.kind == CLOSED)
    orders = select(RectificationOrder.site_id, func.count()).where(
        RectificationOrder.site_id.in_(site_ids), RectificationOrder.id.not_in(closed)
    )
    queries = {
        "cases": cases.group_by(DocketCase.site_id),
        "overdue": cases.where(DocketCase.due_us < now_us).group_by(DocketCase.site_id),
        "complaints": complaints.group_by(Complaint.site_id),
        "orders": orders.group_by(RectificationOrder.site_id),
    }
    found: dict[str, OpenCounts] = defaultdict(OpenCounts)
    for name, query in queries.items():
        for site_id, count in session.execute(query):
            found[site_id] = found[site_id]._replace(**{name: int(count)})
    return found


def lost_days(
    session: Session, site_ids: Sequence[str], late: Collection[str], first_day: str, last_day: str
) -> list[tuple[Verdict, bool]]:
    """The entries in force of days on which something is missing or unknown, by camera and day; and whether each still says so.

    ``late``: sites that nobody judges now. Of these an entry that is not final, or is to be made anew, says nothing any more.
    """
    says = or_(stands(), Camera.site_id.not_in(late))
    query = select(Verdict, says).join(Camera, Camera.id == Verdict.camera_id)
    query = in_force(query, of_sites(site_ids), first_day, last_day)
    query = query.where(or_(Verdict.covered_us < Verdict.expected_us, Verdict.status == UNVERIFIED, not_(says)))
    rows = session.execute(query.order_by(Verdict.camera_id, Verdict.day))
    return [(row, bool(known)) for row, known in rows]


def entries_a_day(
    session: Session, site_ids: Sequence[str], first_day: str, last_day: str
) -> dict[tuple[str, str], int]:
    """(site, day) → how many cameras have an entry."""
    query = (
        select(Camera.site_id, Verdict.day, func.count(Verdict.camera_id.distinct()))
        .join(Camera, Camera.id == Verdict.camera_id)
        .where(Camera.site_id.in_(site_ids), Verdict.day >= first_day, Verdict.day <= last_day)
        .group_by(Camera.site_id, Verdict.day)
    )
    return {(site_id, day): int(count) for site_id, day, count in session.execute(query)}


def timezones_of(session: Session, site_ids: Sequence[str]) -> dict[str, str]:
    """By site."""
    rows = session.execute(select(Site.id, Site.timezone).where(Site.id.in_(site_ids)))
    return {site_id: timezone for site_id, timezone in rows}  # noqa: C416 - a row is no pair to mypy


def order_acts(session: Session, site_ids: Sequence[str]) -> dict[str, list[RectificationActRow]]:
    """By order of any of the sites, its acts in their order."""
    query = (
        select(RectificationActRow)
        .join(RectificationOrder, RectificationOrder.id == RectificationActRow.order_id)
        .where(RectificationOrder.site_id.in_(site_ids))
        .order_by(RectificationActRow.order_id, RectificationActRow.place)
    )
    found: dict[str, list[RectificationActRow]] = defaultdict(list)
    for row in session.scalars(query):
        found[row.order_id].append(row)
    return found
