"""Queries of the docket and of planned maintenance; ``case_act`` is only ever added to (I4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from config.base.timespan import Span
from storage.database.models import AuditFinding, CaseAct, DocketCase, MaintenanceWindow, PictureFindingRow
from storage.database.scope import Scope, visible_sites

OPEN = ("unexplained", "explained", "repaired")
ESCALATED = "escalated"
REFERENCES_MAX = 3
WINDOWS_MAX = 200
INCIDENTS_A_PAGE = 50
CASES_MAX = 20_000


@dataclass(frozen=True)
class Wanted:
    """Which cases; an empty word is every one. ``status``: one of the five, or ``open``. ``overdue_us``: due before it."""

    status: str = ""
    cause: str = ""
    owner: str = ""
    overdue_us: int | None = None
    site_id: str = ""


def cases_touching(session: Session, site_id: str, from_us: int) -> list[DocketCase]:
    """The cases of a site that are open or signed off and reach past ``from_us``."""
    query = select(DocketCase).where(
        DocketCase.site_id == site_id,
        DocketCase.status.in_((*OPEN, "signed_off")),
        or_(DocketCase.end_us.is_(None), DocketCase.end_us >= from_us),
    )
    return list(session.scalars(query.order_by(DocketCase.id)))


def cases_of_incident(session: Session, site_id: str, incident_id: str) -> list[DocketCase]:
    """In order of their cameras."""
    return list(
        session.scalars(
            select(DocketCase)
            .where(DocketCase.incident_id == incident_id, DocketCase.site_id == site_id)
            .order_by(DocketCase.camera_id, DocketCase.id)
        )
    )


def acts_of(session: Session, case_ids: Sequence[int], limit: int) -> list[CaseAct]:
    """What was done about cases, oldest first."""
    rows = select(CaseAct).where(CaseAct.case_id.in_(case_ids)).order_by(CaseAct.at_us, CaseAct.id).limit(limit)
    return list(session.scalars(rows))


def passed_on(session: Session, case_ids: Sequence[int]) -> set[int]:
    """Those of which somebody above was told that nobody had answered."""
    told = select(CaseAct.case_id).where(CaseAct.case_id.in_(case_ids), CaseAct.act == ESCALATED)
    return set(session.scalars(told))


def note_order(session: Session, cases: Sequence[DocketCase], order_id: str, by: str, told: str, at_us: int) -> None:
    """Into the history of an incident's cases that are still worked on: an authority has ordered that it be put right."""
    session.add_all(
        CaseAct(
            case_id=case.id, site_id=case.site_id, at_us=at_us, act="ordered", account_name=by, text=told,
            evidence=f"order:{order_id}",
        )
        for case in cases
        if case.status in OPEN
    )  # fmt: skip


def _conditions(scope: Scope, wanted: Wanted) -> list[ColumnElement[bool]]:
    sites = visible_sites(scope).order_by(None).subquery()
    found: list[ColumnElement[bool]] = [DocketCase.site_id.in_(select(sites.c.id))]
    if wanted.site_id:
        found.append(DocketCase.site_id == wanted.site_id)
    if wanted.status == "open":
        found.append(DocketCase.status.in_(OPEN))
    elif wanted.status:
        found.append(DocketCase.status == wanted.status)
    if wanted.cause:
        found.append(DocketCase.cause == wanted.cause)
    if wanted.owner:
        found.append(DocketCase.owner == ("" if wanted.owner == "-" else wanted.owner))
    if wanted.overdue_us is not None:
        found += [DocketCase.status.in_(OPEN), DocketCase.due_us < wanted.overdue_us]
    return found


def incidents(session: Session, scope: Scope, wanted: Wanted, page: int) -> tuple[list[str], int]:
    """Incidents with a case that is wanted, those due first: one page of them, and how many there are."""
    which = _conditions(scope, wanted)
    open_first = func.min(func.coalesce(DocketCase.closed_us, 0))
    query: Select[Any] = (
        select(DocketCase.incident_id)
        .where(*which)
        .group_by(DocketCase.incident_id)
        .order_by(open_first, func.min(DocketCase.due_us), func.min(DocketCase.id))
        .offset((page - 1) * INCIDENTS_A_PAGE)
        .limit(INCIDENTS_A_PAGE)
    )
    total = session.scalar(select(func.count(func.distinct(DocketCase.incident_id))).where(*which)) or 0
    return list(session.scalars(query)), total


def cases_in(session: Session, incident_ids: Sequence[str]) -> list[DocketCase]:
    """Every case of these incidents."""
    rows = select(DocketCase).where(DocketCase.incident_id.in_(incident_ids)).order_by(DocketCase.id)
    return list(session.scalars(rows))


def cases_wanted(session: Session, scope: Scope, wanted: Wanted) -> list[DocketCase]:
    """Case by case, the oldest first, at most ``CASES_MAX``."""
    rows = select(DocketCase).where(*_conditions(scope, wanted)).order_by(DocketCase.id).limit(CASES_MAX)
    return list(session.scalars(rows))


def owners(session: Session, scope: Scope, site_id: str) -> list[str]:
    """Who has open cases within reach."""
    which = _conditions(scope, Wanted(status="open", site_id=site_id))
    return list(session.scalars(select(DocketCase.owner).where(*which).distinct().order_by(DocketCase.owner)))


class Coming(NamedTuple):
    """What of one incident is due at one instant."""

    site_id: str
    incident_id: str
    cause: str
    due_us: int


def coming_due(session: Session, window: Span, limit: int) -> list[Coming]:
    """What of the open cases is due within a window, the first due first."""
    columns = (DocketCase.site_id, DocketCase.incident_id, DocketCase.cause, DocketCase.due_us)
    query = (
        select(*columns)
        .where(DocketCase.status.in_(OPEN), DocketCase.due_us >= window.start_us, DocketCase.due_us < window.end_us)
        .distinct()
        .order_by(DocketCase.due_us, DocketCase.incident_id)
        .limit(limit)
    )
    return [Coming(*row) for row in session.execute(query)]


def maintenance_in(session: Session, site_id: str, window: Span) -> list[MaintenanceWindow]:
    """Whatever was declared for a window, called off or not."""
    query = select(MaintenanceWindow).where(
        MaintenanceWindow.site_id == site_id,
        MaintenanceWindow.start_us < window.end_us,
        MaintenanceWindow.end_us > window.start_us,
    )
    return list(session.scalars(query.order_by(MaintenanceWindow.id)))


def newest_maintenance(session: Session, site_id: str) -> list[MaintenanceWindow]:
    """The latest beginning first."""
    query = select(MaintenanceWindow).where(MaintenanceWindow.site_id == site_id)
    return list(session.scalars(query.order_by(MaintenanceWindow.start_us.desc()).limit(WINDOWS_MAX)))


def findings_over(session: Session, camera_id: str, finding: str, window: Span) -> list[str]:
    """Ids of the picture findings of one name that lie over a window."""
    query = select(PictureFindingRow.id).where(
        PictureFindingRow.camera_id == camera_id,
        PictureFindingRow.finding == finding,
        PictureFindingRow.since_us < window.end_us,
        or_(PictureFindingRow.until_us.is_(None), PictureFindingRow.until_us > window.start_us),
    )
    return list(session.scalars(query.order_by(PictureFindingRow.since_us).limit(REFERENCES_MAX)))


def drifts_of(session: Session, site_id: str, camera_id: str) -> list[int]:
    """The newest open audit findings of a camera."""
    query = select(AuditFinding.id).where(
        AuditFinding.site_id == site_id, AuditFinding.camera_id == camera_id, AuditFinding.settled_us.is_(None)
    )
    return list(session.scalars(query.order_by(AuditFinding.id.desc()).limit(REFERENCES_MAX)))
