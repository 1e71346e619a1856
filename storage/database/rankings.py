"""What the entries in force say of the cameras of many sites at once: of one day with their gaps, of a month in sums."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.database.models import Camera, ComplianceEntry, Verdict
from storage.database.verdicts import in_force, of_sites


class DayEntry(NamedTuple):
    """A camera's day; ``gaps`` as they are kept."""

    site_id: str
    camera_id: str
    status: str
    final: bool
    assessed_us: int
    gaps: bytes


class DaysEntry(NamedTuple):
    """A camera's days of one verdict."""

    site_id: str
    camera_id: str
    status: str
    days: int
    expected_us: int
    covered_us: int


class Serving(NamedTuple):
    """A camera that was ever in service: since when, until when where it is retired, and from which day it is to be judged."""

    site_id: str
    camera_id: str
    begin_us: int
    end_us: int | None
    due_from: str | None


def serving(session: Session, site_ids: Sequence[str]) -> list[Serving]:
    """The cameras of these sites that were ever in service."""
    query = select(Camera.site_id, Camera.id, Camera.activated_us, Camera.retired_us, Camera.assess_from_day)
    rows = session.execute(query.where(Camera.site_id.in_(site_ids), Camera.activated_us.is_not(None)))
    return [
        Serving(site_id, camera_id, int(begin_us or 0), end_us, due_from)
        for site_id, camera_id, begin_us, end_us, due_from in rows
    ]


def day_entries(session: Session, site_ids: Sequence[str], day: str) -> list[DayEntry]:
    """One for each camera of which there is an entry."""
    columns = (Camera.site_id, Verdict.camera_id, Verdict.status, Verdict.final, Verdict.assessed_us, Verdict.gaps)
    query = select(*columns).join(Camera, Camera.id == Verdict.camera_id)
    return [DayEntry(*row) for row in session.execute(in_force(query, of_sites(site_ids), day, day))]


def days_entries(session: Session, site_ids: Sequence[str], first_day: str, last_day: str) -> list[DaysEntry]:
    """For each camera as many as there are verdicts among its days from the first to the last."""
    sums = (func.count(), func.sum(Verdict.expected_us), func.sum(Verdict.covered_us))
    query = select(Camera.site_id, Verdict.camera_id, Verdict.status, *sums).join(
        Camera, Camera.id == Verdict.camera_id
    )
    query = in_force(query, of_sites(site_ids), first_day, last_day)
    rows = session.execute(query.group_by(Camera.site_id, Verdict.camera_id, Verdict.status))
    return [
        DaysEntry(site_id, camera_id, status, int(days), int(expected_us), int(covered_us))
        for site_id, camera_id, status, days, expected_us, covered_us in rows
    ]


def news_after(session: Session, verdict_id: int, first_day: str, last_day: str) -> dict[str, int]:
    """Site → its newest entry after ``verdict_id`` by which a camera's day is not compliant."""
    query = select(Camera.site_id, func.max(Verdict.id)).join(Camera, Camera.id == Verdict.camera_id)
    query = query.where(
        Verdict.id > verdict_id, Verdict.status != "COMPLIANT", Verdict.day >= first_day, Verdict.day <= last_day
    )
    return {site_id: int(newest) for site_id, newest in session.execute(query.group_by(Camera.site_id))}


def told_by(session: Session, entry_ids: Sequence[int]) -> dict[int, bytes]:
    """What compliance entries tell, as it is kept."""
    rows = session.execute(select(ComplianceEntry.id, ComplianceEntry.told).where(ComplianceEntry.id.in_(entry_ids)))
    return {row.id: row.told for row in rows}
