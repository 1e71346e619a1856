"""Run-length span rows: adding a span joins it with every row of the same series that it touches."""

from collections import defaultdict

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from config.base.timespan import Span, SpanSet
from storage.database.models import Camera, CoverageSpan, Segment, TrustedSpan

CLAIMED = "claimed"
SECURED = "secured"
BACKFILLED = "backfilled"
EVICTED = "evicted"
IN_CELL = "in_cell"
"""What was ever secured in a site's own store: it counts only while that goes on proving itself."""


def add_coverage(session: Session, camera_id: str, kind: str, timeline_id: str, span: Span) -> None:
    """Adds a span to one series of a camera: kind × timeline. Writers of one camera go one after another."""
    session.get(Camera, camera_id, with_for_update=True)
    touching = session.scalars(
        select(CoverageSpan).where(
            CoverageSpan.camera_id == camera_id,
            CoverageSpan.kind == kind,
            CoverageSpan.timeline_id == timeline_id,
            CoverageSpan.end_us >= span.start_us,
            CoverageSpan.start_us <= span.end_us,
        )
    ).all()
    start_us = min([span.start_us, *(row.start_us for row in touching)])
    end_us = max([span.end_us, *(row.end_us for row in touching)])
    if touching:
        touching[0].start_us, touching[0].end_us = start_us, end_us
        for row in touching[1:]:
            session.delete(row)
    else:
        session.add(
            CoverageSpan(camera_id=camera_id, kind=kind, timeline_id=timeline_id, start_us=start_us, end_us=end_us)
        )


def withdraw_secured(session: Session, segment: Segment) -> None:
    """Takes a segment's time out of what is secured, but for what other segments of its timeline secure as well."""
    session.get(Camera, segment.camera_id, with_for_update=True)
    span = Span(segment.start_us, segment.end_us)
    rows = session.scalars(
        select(CoverageSpan).where(
            CoverageSpan.camera_id == segment.camera_id,
            CoverageSpan.kind == SECURED,
            CoverageSpan.timeline_id == segment.timeline_id,
            CoverageSpan.end_us > span.start_us,
            CoverageSpan.start_us < span.end_us,
        )
    ).all()
    others = session.execute(
        select(Segment.start_us, Segment.end_us).where(
            Segment.camera_id == segment.camera_id,
            Segment.timeline_id == segment.timeline_id,
            Segment.id != segment.id,
            Segment.secured_us.is_not(None),
            Segment.end_us > span.start_us,
            Segment.start_us < span.end_us,
        )
    )
    before = SpanSet((row.start_us, row.end_us) for row in rows)
    after = (before - SpanSet.of(span)) | SpanSet((start, end) for start, end in others)
    for row in rows:
        session.delete(row)
    session.flush()
    session.add_all(
        CoverageSpan(
            camera_id=segment.camera_id, kind=SECURED, timeline_id=segment.timeline_id, start_us=start, end_us=end
        )
        for start, end in after
    )


def coverage_of(session: Session, camera_id: str, window: Span) -> dict[str, dict[str, SpanSet]]:
    """Kind → timeline id → spans that reach into the window, not clipped to it."""
    rows = session.execute(
        select(CoverageSpan.kind, CoverageSpan.timeline_id, CoverageSpan.start_us, CoverageSpan.end_us).where(
            CoverageSpan.camera_id == camera_id,
            CoverageSpan.end_us > window.start_us,
            CoverageSpan.start_us < window.end_us,
        )
    )
    found: dict[str, dict[str, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    for kind, timeline_id, start_us, end_us in rows:
        found[kind][timeline_id].append((start_us, end_us))
    return {kind: {key: SpanSet(spans) for key, spans in series.items()} for kind, series in found.items()}


def trusted_of(session: Session, timeline_id: str) -> SpanSet:
    """Where a timeline is trusted."""
    rows = session.execute(
        select(TrustedSpan.start_us, TrustedSpan.end_us).where(TrustedSpan.timeline_id == timeline_id)
    )
    return SpanSet((start, end) for start, end in rows)


def replace_trusted(session: Session, timeline_id: str, trusted: SpanSet) -> None:
    """Writes the trusted spans of a timeline anew; there are one or two of them."""
    session.execute(delete(TrustedSpan).where(TrustedSpan.timeline_id == timeline_id))
    session.add_all(TrustedSpan(timeline_id=timeline_id, start_us=start, end_us=end) for start, end in trusted)
