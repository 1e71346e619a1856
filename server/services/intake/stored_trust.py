"""How far the time of fetched footage is believed, judged anew whenever what it hangs on changes.

Invariant I1: trust in fetched footage is never more than trust in the agent's clock at both of its readings. Where that is
withdrawn later, so is this; where it comes later, so does this.
"""

from collections.abc import Iterable

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from config.base.timespan import Span, SpanSet
from server.domain.clock_trust import ClockRule
from server.domain.stored_time import worst_error_us
from server.domain.verdict import day_of
from storage.database import evidence, spans
from storage.database.models import Camera, Site, StoredSpan, Timeline


def judge_hanging_on(session: Session, agent_timeline_id: str, changed: SpanSet, rule: ClockRule) -> None:
    """Judges the footage whose readings were made where trust in an agent's timeline has changed."""
    if not changed:
        return
    whole = list(changed)
    first_us, last_us = whole[0].start_us, whole[-1].end_us
    query = select(StoredSpan.timeline_id).where(
        or_(
            and_(
                StoredSpan.before_timeline_id == agent_timeline_id, StoredSpan.before_at_us.between(first_us, last_us)
            ),
            and_(StoredSpan.after_timeline_id == agent_timeline_id, StoredSpan.after_at_us.between(first_us, last_us)),
        )
    )
    for timeline_id in sorted(set(session.scalars(query))):
        judge_stored(session, timeline_id, rule)


def judge_stored(session: Session, timeline_id: str, rule: ClockRule) -> None:
    """Writes the trust in one timeline of fetched footage anew, and has the days judged again that it decides."""
    timeline = session.get_one(Timeline, timeline_id, with_for_update=True)
    rows = session.scalars(select(StoredSpan).where(StoredSpan.timeline_id == timeline_id)).all()
    believed = [row for row in rows if _is_believed(session, timeline.agent_id, row, rule)]
    trusted = SpanSet((row.start_us, row.end_us) for row in believed)
    before = spans.trusted_of(session, timeline_id)
    changed = (before - trusted) | (trusted - before)
    if not changed:
        return
    spans.replace_trusted(session, timeline_id, trusted)
    _judge_days_again(session, {row.camera_id for row in rows}, timeline, trusted, changed)


def _judge_days_again(
    session: Session, camera_ids: Iterable[str], timeline: Timeline, trusted: SpanSet, changed: SpanSet
) -> None:
    first_us = next(iter(changed)).start_us
    for camera_id in sorted(camera_ids):
        camera = session.get_one(Camera, camera_id)
        site = session.get_one(Site, camera.site_id)
        if camera.activated_us is not None:
            evidence.assess_again(session, [camera.id], day_of(first_us, site.timezone).isoformat())
        if camera.activated_us is None or camera.activated_us > first_us:
            activate_where_covered(session, camera, site, timeline, trusted)


def activate_where_covered(session: Session, camera: Camera, site: Site, timeline: Timeline, trusted: SpanSet) -> None:
    """Footage that was secured before its clock was trusted puts its camera into service now."""
    window = Span(timeline.started_us, timeline.last_us + 1)
    secured = spans.coverage_of(session, camera.id, window).get(spans.SECURED, {}).get(timeline.id, SpanSet())
    for start_us, _ in secured & trusted:
        evidence.activate(session, camera.id, start_us)
        evidence.assess_again(session, [camera.id], day_of(start_us, site.timezone).isoformat())
        return


def _is_believed(session: Session, agent_id: str, row: StoredSpan, rule: ClockRule) -> bool:
    readings = ((row.before_timeline_id, row.before_at_us), (row.after_timeline_id, row.after_at_us))
    if not all(_is_trusted(session, agent_id, timeline_id, at_us) for timeline_id, at_us in readings):
        return False
    error_us = worst_error_us(
        (row.before_at_us, row.before_offset_us, row.before_bound_us),
        (row.after_at_us, row.after_offset_us, row.after_bound_us),
        (row.start_us, row.end_us),
    )
    return error_us is not None and error_us <= rule.tolerance_us


def _is_trusted(session: Session, agent_id: str, timeline_id: str, at_us: int) -> bool:
    timeline = session.get(Timeline, timeline_id)
    # Footage vouches for no other footage: its trust hangs on an agent's clock itself.
    if timeline is None or timeline.agent_id != agent_id or timeline.stored:
        return False
    return at_us in spans.trusted_of(session, timeline.id)
