"""Rows of the sampled deep audits, the footage they are drawn from, and the store's conditions."""

from collections.abc import Iterator

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY
from config.base.timespan import Span
from storage.database import audits
from storage.database.models import AuditFinding, Camera, DeepAudit, DeepSample, Segment, StoreCondition

ROWS_AT_ONCE = 5_000


def footage(session: Session, site_id: str, now_us: int) -> Iterator[tuple[str, int, int]]:
    """(camera, start, end) of everything at a site that is secured and under retention or a hold; streamed, camera by camera."""
    cameras = session.scalars(select(Camera.id).where(Camera.site_id == site_id).order_by(Camera.id)).all()
    for camera_id in cameras:
        query = (
            select(Segment.start_us, Segment.end_us)
            .where(
                Segment.camera_id == camera_id,
                Segment.secured_us.is_not(None),
                audits.is_kept(now_us),
            )
            .order_by(Segment.end_us)
        )
        for start_us, end_us in session.execute(query, execution_options={"yield_per": ROWS_AT_ONCE}):
            yield camera_id, start_us, end_us


def has_recordings(session: Session, site_id: str) -> bool:
    """Whether there is anything at a site that an audit should look at."""
    query = select(Segment.id).where(
        Segment.site_id == site_id, Segment.deleted_us.is_(None), Segment.retain_until_us.is_not(None)
    )
    return session.scalar(query.limit(1)) is not None


def open_audits(session: Session, site_id: str, *, but_by: str) -> int:
    """How many of a site's audits are not finished, those that ``but_by`` asked for left out."""
    query = select(func.count()).where(
        DeepAudit.site_id == site_id, DeepAudit.finished_us.is_(None), DeepAudit.asked_by != but_by
    )
    return session.scalar(query) or 0


def take(session: Session, audit_id: str | None, now_us: int, lease_us: int) -> DeepAudit | None:
    """An audit that nobody works on, the oldest or the one named, now leased to the caller; its row is locked."""
    query = select(DeepAudit).where(DeepAudit.finished_us.is_(None), DeepAudit.leased_until_us <= now_us)
    if audit_id is not None:
        query = query.where(DeepAudit.id == audit_id)
    query = query.order_by(DeepAudit.asked_us, DeepAudit.id).limit(1).with_for_update(skip_locked=True)
    found = session.scalars(query).first()
    if found is not None:
        found.leased_until_us = now_us + lease_us
    return found


def next_sample(session: Session, audit_id: str) -> DeepSample | None:
    """The first sample in the order of the draw that is still to be looked at; those that failed come last."""
    query = select(DeepSample).where(DeepSample.audit_id == audit_id, DeepSample.outcome == "waiting")
    return session.scalars(query.order_by(DeepSample.tries, DeepSample.number).limit(1)).first()


def samples_of(session: Session, audit_id: str) -> list[DeepSample]:
    query = select(DeepSample).where(DeepSample.audit_id == audit_id)
    return list(session.scalars(query.order_by(DeepSample.number)))


def audits_of(session: Session, site_id: str, limit: int) -> list[DeepAudit]:
    """The newest deep audits of a site."""
    query = select(DeepAudit).where(DeepAudit.site_id == site_id)
    return list(session.scalars(query.order_by(DeepAudit.asked_us.desc(), DeepAudit.id).limit(limit)))


def sites_not_asked_for(session: Session, asked_by: str, since_us: int) -> list[str]:
    """Sites for which somebody has not asked since then and that have a camera; unfinished ones are left out."""
    asked = select(DeepAudit.site_id).where(
        DeepAudit.asked_by == asked_by, or_(DeepAudit.asked_us > since_us, DeepAudit.finished_us.is_(None))
    )
    query = select(Camera.site_id).where(Camera.activated_us.is_not(None), Camera.site_id.not_in(asked)).distinct()
    return list(session.scalars(query.order_by(Camera.site_id)))


def versions_within(session: Session, camera_id: str, span: Span, limit: int) -> list[Segment]:
    """Recordings that reach into a span and were secured once, those found unsound and those deleted since included."""
    query = select(Segment).where(
        Segment.camera_id == camera_id,
        Segment.end_us > span.start_us,
        Segment.start_us < span.end_us,
        Segment.retain_until_us.is_not(None),
        or_(Segment.secured_us.is_not(None), Segment.refusal.is_not(None), Segment.deleted_us.is_not(None)),
    )
    return list(session.scalars(query.order_by(Segment.start_us, Segment.id).limit(limit)))


def another_version(session: Session, site_id: str, segment_id: str, now_us: int) -> Segment | None:
    """A recording of a site that counts, and is another one."""
    query = select(Segment).where(
        Segment.site_id == site_id,
        Segment.id != segment_id,
        Segment.secured_us.is_not(None),
        Segment.deleted_us.is_(None),
        Segment.retain_until_us > now_us,
    )
    return session.scalars(query.order_by(Segment.end_us.desc()).limit(1)).first()


def open_findings_of_segment(session: Session, segment_id: str) -> list[AuditFinding]:
    query = select(AuditFinding).where(AuditFinding.segment_id == segment_id, AuditFinding.settled_us.is_(None))
    return list(session.scalars(query))


def stored(session: Session, now_us: int) -> tuple[int, int, dict[int, int]]:
    """Bytes that lie in the store, bytes secured in the last 24 h, and bytes by the day (from now) their lock ends."""
    here = (Segment.retain_until_us.is_not(None), Segment.deleted_us.is_(None))
    day = (Segment.retain_until_us - now_us) / US_PER_DAY
    leaving: dict[int, int] = {}
    for number, size in session.execute(
        select(func.floor(day), func.sum(Segment.size_bytes)).where(*here).group_by(func.floor(day))
    ):
        leaving[int(number) + 1] = int(size)
    recent = select(func.sum(Segment.size_bytes)).where(*here, Segment.secured_us > now_us - US_PER_DAY)
    return sum(leaving.values()), int(session.scalar(recent) or 0), leaving


def condition(session: Session, name: str) -> StoreCondition | None:
    return session.get(StoreCondition, name)


def set_condition(session: Session, name: str, *, good: bool, now_us: int, amount: int = 0, detail: str = "") -> bool:
    """Writes what was found; whether it is another state than before."""
    row = session.get(StoreCondition, name)
    if row is None:
        session.add(
            StoreCondition(
                name=name, good=good, since_us=now_us, checked_us=now_us, amount=amount, detail=detail[:1_000]
            )
        )
        return not good
    changed = row.good != good
    if changed:
        row.good, row.since_us = good, now_us
    row.checked_us, row.amount, row.detail = now_us, amount, detail[:1_000]
    return changed
