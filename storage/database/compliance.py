"""Rows of the verdicts by rule: entries, marks, and what is sampled for them as it goes by."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from config.base.timespan import Span, SpanSet
from storage.database.models import (
    AlarmArea,
    AlarmEventRow,
    Camera,
    CameraZone,
    ClockReadingDay,
    ComplianceEntry,
    ComplianceMark,
    LedgerEntry,
    PanelHeard,
    Segment,
    Site,
    Zone,
)


def newest(session: Session, kind: str, subject_id: str, period: str, site_id: str | None) -> ComplianceEntry | None:
    """The entry in force; ``site_id`` None for a region."""
    return session.scalars(
        select(ComplianceEntry)
        .where(
            ComplianceEntry.kind == kind,
            ComplianceEntry.subject_id == subject_id,
            ComplianceEntry.period == period,
            ComplianceEntry.site_id.is_not_distinct_from(site_id),
        )
        .order_by(ComplianceEntry.id.desc())
        .limit(1)
    ).first()


def history_of(session: Session, site_id: str, period: str, limit: int) -> list[ComplianceEntry]:
    """Every entry on a site itself for one period, the newest first."""
    query = select(ComplianceEntry).where(
        ComplianceEntry.site_id == site_id,
        ComplianceEntry.kind == "site",
        ComplianceEntry.subject_id == site_id,
        ComplianceEntry.period == period,
    )
    return list(session.scalars(query.order_by(ComplianceEntry.id.desc()).limit(limit)))


class Standing(NamedTuple):
    """What the entry in force says, without its outcomes."""

    id: int
    site_id: str | None
    subject_id: str
    period: str
    status: str
    final: bool
    book: str
    assessed_us: int


def standings(
    session: Session, kind: str, first: str, last: str, *, site_ids: Sequence[str] = (), subjects: Sequence[str] = ()
) -> list[Standing]:
    """The entries in force of the periods from ``first`` to ``last`` that are as long as these, by subject and period."""
    in_force: Select[int] = (
        select(func.max(ComplianceEntry.id))
        .where(
            ComplianceEntry.kind == kind,
            ComplianceEntry.period >= first,
            ComplianceEntry.period <= last,
            func.length(ComplianceEntry.period) == len(first),
        )
        .group_by(ComplianceEntry.site_id, ComplianceEntry.subject_id, ComplianceEntry.period)
    )
    if site_ids:
        in_force = in_force.where(ComplianceEntry.site_id.in_(site_ids))
    if subjects:
        in_force = in_force.where(ComplianceEntry.subject_id.in_(subjects))
    columns = [getattr(ComplianceEntry, name) for name in Standing._fields]
    query = select(*columns).where(ComplianceEntry.id.in_(in_force))
    return [
        Standing(*row) for row in session.execute(query.order_by(ComplianceEntry.subject_id, ComplianceEntry.period))
    ]


def mark_of(session: Session, site_id: str) -> ComplianceMark | None:
    """How far a site has been looked through."""
    return session.get(ComplianceMark, site_id)


def looked_at(session: Session, site_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Site → when it was looked through last, and up to which entry of its cameras' days."""
    rows = session.execute(
        select(ComplianceMark.site_id, ComplianceMark.looked_us, ComplianceMark.verdict_id).where(
            ComplianceMark.site_id.in_(site_ids)
        )
    )
    return {site_id: (looked_us, verdict_id) for site_id, looked_us, verdict_id in rows}


def sites_due(session: Session, looked_before_us: int, limit: int) -> list[str]:
    """Sites that were not looked at since an instant, those first that have waited longest."""
    query = (
        select(Site.id)
        .outerjoin(ComplianceMark, ComplianceMark.site_id == Site.id)
        .where(or_(ComplianceMark.looked_us.is_(None), ComplianceMark.looked_us <= looked_before_us))
        .order_by(func.coalesce(ComplianceMark.looked_us, 0), Site.id)
    )
    return list(session.scalars(query.limit(limit)))


def zones_of(session: Session, site_id: str) -> list[Zone]:
    """The places of a site, by id."""
    return list(session.scalars(select(Zone).where(Zone.site_id == site_id).order_by(Zone.id)))


def cameras_of(session: Session, site_id: str) -> list[Camera]:
    """The cameras of a site, by id."""
    return list(session.scalars(select(Camera).where(Camera.site_id == site_id).order_by(Camera.id)))


def in_forbidden_places(session: Session, site_id: str, kinds: Iterable[str]) -> set[str]:
    """Cameras in service or not yet that see a place of one of these kinds now, by the register itself."""
    dark = Zone.kind.in_(sorted(kinds))
    own = select(Camera.id).join(Zone, (Zone.site_id == Camera.site_id) & (Zone.id == Camera.zone_id))
    besides = (
        select(Camera.id)
        .join(CameraZone, CameraZone.camera_id == Camera.id)
        .join(Zone, (Zone.site_id == CameraZone.site_id) & (Zone.id == CameraZone.zone_id))
    )
    there = (Camera.site_id == site_id, Camera.retired_us.is_(None), dark)
    return {*session.scalars(own.where(*there)), *session.scalars(besides.where(*there))}


def areas_of(session: Session, site_id: str) -> list[AlarmArea]:
    """The alarm partitions that the register declares."""
    query = select(AlarmArea).where(AlarmArea.site_id == site_id)
    return list(session.scalars(query.order_by(AlarmArea.panel, AlarmArea.partition)))


def said_of_panel(
    session: Session, site_id: str, panel: str, partitions: Iterable[str], kind: str, window: Span
) -> list[AlarmEventRow]:
    """What was said of some partitions of a panel within a window, with the last of each before it; oldest first."""
    about = (
        AlarmEventRow.site_id == site_id,
        AlarmEventRow.panel_id == panel,
        AlarmEventRow.partition.in_(list(partitions)),
        AlarmEventRow.kind == kind,
    )
    before = (
        select(AlarmEventRow)
        .where(*about, AlarmEventRow.at_us < window.start_us)
        .order_by(AlarmEventRow.at_us.desc())
        .limit(1)
    )
    within = select(AlarmEventRow).where(
        *about, AlarmEventRow.at_us >= window.start_us, AlarmEventRow.at_us < window.end_us
    )
    return [*session.scalars(before), *session.scalars(within.order_by(AlarmEventRow.at_us))]


def panels_known(session: Session, site_id: str) -> list[str]:
    """Every panel that the register declares or that was ever heard."""
    declared = select(AlarmArea.panel).where(AlarmArea.site_id == site_id)
    heard = select(PanelHeard.panel_id).where(PanelHeard.site_id == site_id)
    return sorted(session.scalars(declared.union(heard)))


def heard_of(session: Session, site_id: str, panel: str, window: Span) -> tuple[SpanSet, int]:
    """Where a panel was heard again and again within a window, and the longest gap within these stretches."""
    rows = session.scalars(
        select(PanelHeard).where(
            PanelHeard.site_id == site_id,
            PanelHeard.panel_id == panel,
            PanelHeard.end_us > window.start_us,
            PanelHeard.start_us < window.end_us,
        )
    ).all()
    spans = SpanSet((row.start_us, row.end_us) for row in rows if row.start_us < row.end_us)
    return spans.clip(window.start_us, window.end_us), max((row.longest_gap_us for row in rows), default=0)


def newest_heard(session: Session, site_id: str, panel: str) -> PanelHeard | None:
    """The newest stretch in which a panel was heard."""
    query = select(PanelHeard).where(PanelHeard.site_id == site_id, PanelHeard.panel_id == panel)
    return session.scalars(query.order_by(PanelHeard.start_us.desc()).limit(1)).first()


def clock_days(session: Session, site_id: str, kind: str, day: str) -> dict[str, ClockReadingDay]:
    """Subject → what was read of its clock on a day."""
    query = select(ClockReadingDay).where(
        ClockReadingDay.site_id == site_id, ClockReadingDay.kind == kind, ClockReadingDay.day == day
    )
    return {row.subject_id: row for row in session.scalars(query)}


def first_entry(session: Session, site_id: str) -> bytes | None:
    """The first entry of a site's ledger; None where nothing was put there yet."""
    query = select(LedgerEntry.body).where(LedgerEntry.site_id == site_id, LedgerEntry.number.is_not(None))
    return session.scalar(query.order_by(LedgerEntry.number).limit(1))


def has_recordings(session: Session, site_id: str) -> bool:
    """Whether a recording of the site was ever secured and is still there."""
    query = select(Segment.id).where(
        Segment.camera_id.in_(select(Camera.id).where(Camera.site_id == site_id)),
        Segment.retain_until_us.is_not(None),
        Segment.deleted_us.is_(None),
    )
    return session.scalar(query.limit(1)) is not None
