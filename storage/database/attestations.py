"""Rows of the daily attestations: what is to be looked at again, and what was attested."""

from collections.abc import Sequence

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import Session

from config.base.timespan import Span
from storage.database.models import (
    AttestationMark,
    AuditFinding,
    AuditRound,
    Camera,
    DayAttestation,
    Segment,
    Site,
    Verdict,
)


def sites_with_news(session: Session, overlap_us: int) -> list[str]:
    """Sites with verdicts, or findings of the audit, that were not looked through yet, or only ``overlap_us`` ago."""
    mark = AttestationMark
    since_us = mark.looked_us - overlap_us
    newest = (
        select(func.max(Verdict.id))
        .join(Camera, Camera.id == Verdict.camera_id)
        .where(Camera.site_id == Site.id)
        .scalar_subquery()
    )
    found = (
        select(AuditFinding.id)
        .where(
            AuditFinding.site_id == Site.id,
            or_(AuditFinding.found_us >= since_us, AuditFinding.settled_us >= since_us),
        )
        .exists()
    )
    query = select(Site.id).outerjoin(mark, mark.site_id == Site.id)
    behind = or_(and_(mark.verdict_id.is_(None), newest.is_not(None)), newest > mark.verdict_id, found)
    return list(session.scalars(query.where(behind).order_by(Site.id)))


def newest_verdict(session: Session, site_id: str) -> int:
    """The id of a site's newest verdict entry; 0 where there is none."""
    query = select(func.max(Verdict.id)).join(Camera, Camera.id == Verdict.camera_id).where(Camera.site_id == site_id)
    return session.scalar(query) or 0


def days_with_news(session: Session, site_id: str, verdict_id: int) -> list[str]:
    """Days of verdict entries after ``verdict_id``, oldest first."""
    query = (
        select(Verdict.day)
        .join(Camera, Camera.id == Verdict.camera_id)
        .where(Camera.site_id == site_id, Verdict.id > verdict_id)
        .distinct()
    )
    return sorted(session.scalars(query))


def findings_since(session: Session, site_id: str, since_us: int) -> list[int]:
    """When the recordings began of which an audit has found or settled something since."""
    query = (
        select(Segment.start_us)
        .join(AuditFinding, AuditFinding.segment_id == Segment.id)
        .where(
            AuditFinding.site_id == site_id,
            or_(AuditFinding.found_us >= since_us, AuditFinding.settled_us >= since_us),
        )
    )
    return list(session.scalars(query))


def newest_of_day(session: Session, site_id: str, day: str) -> DayAttestation | None:
    """The attestation in force of a day."""
    return session.scalars(
        select(DayAttestation)
        .where(DayAttestation.site_id == site_id, DayAttestation.day == day)
        .order_by(DayAttestation.revision.desc())
        .limit(1)
    ).first()


def newest_before(session: Session, site_id: str, day: str) -> DayAttestation | None:
    """The attestation in force of the newest attested day before one."""
    return session.scalars(
        select(DayAttestation)
        .where(DayAttestation.site_id == site_id, DayAttestation.day < day)
        .order_by(DayAttestation.day.desc(), DayAttestation.revision.desc())
        .limit(1)
    ).first()


def last_finished_round(session: Session) -> AuditRound | None:
    return session.scalars(
        select(AuditRound).where(AuditRound.finished_us.is_not(None)).order_by(AuditRound.id.desc()).limit(1)
    ).first()


def versions_of_day(
    session: Session, camera_ids: Sequence[str], day: Span, audit_us: int | None
) -> tuple[int, int, int]:
    """Of the recordings that began on a day and were ever secured: how many, audited since then, known to be unsound."""
    audited = case((Segment.received_us < (audit_us if audit_us is not None else 0), 1), else_=0)
    unsound = case((Segment.secured_us.is_(None), 1), else_=0)
    query = select(func.count(), func.sum(audited), func.sum(unsound)).where(
        Segment.camera_id.in_(camera_ids),
        Segment.end_us > day.start_us,
        Segment.start_us >= day.start_us,
        Segment.start_us < day.end_us,
        Segment.retain_until_us.is_not(None),
    )
    count, looked_at, wrong = session.execute(query).one()
    return int(count), int(looked_at or 0), int(wrong or 0)
