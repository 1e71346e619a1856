"""What an agent's word of its own box, and of recordings that it gave up, do to the database.

Invariant: neither makes any time covered, and an eviction takes nothing away that was secured (I1).
"""

from sqlalchemy.orm import Session

from config.base.errors import InvalidInput
from config.base.timespan import Span
from config.wire.evictions import SegmentEvicted
from config.wire.notices import BoxNotice
from config.wire.segments import SEGMENT_SPAN_US_MAX
from server.domain.clock_trust import ClockRule
from server.domain.verdict import day_of
from server.services.intake.accept_status import note_time
from server.services.intake.incoming import Effect, Incoming
from storage.database import evidence, models, spans
from storage.database.models import Camera, Segment, SegmentEviction, Site


def notice(session: Session, incoming: Incoming, rule: ClockRule) -> Effect:
    """Keeps a notice."""
    said: BoxNotice = incoming.message
    if session.get(models.BoxNotice, said.message_id) is not None:
        return "duplicate", []
    note_time(session, said, (said.at_us, said.at_us), incoming.received_us, rule)
    session.add(
        models.BoxNotice(
            message_id=said.message_id,
            agent_id=said.agent_id,
            timeline_id=said.timeline_id,
            at_us=said.at_us,
            notice=said.notice,
            raised=said.raised,
            hours_left=said.hours_left,
            detail=said.detail,
            received_us=incoming.received_us,
            envelope=incoming.envelope,
        )
    )
    return "committed", []


def evicted(session: Session, incoming: Incoming, _rule: ClockRule) -> Effect:
    """The span is lost, unless it is or will be secured. Raises InvalidInput (``bad_span``, ``foreign_segment``)."""
    said: SegmentEvicted = incoming.message
    if not 0 < said.end_us - said.start_us <= SEGMENT_SPAN_US_MAX:
        raise InvalidInput("a segment lasts more than 0 s and at most 310 s", code="bad_span")
    if session.get(SegmentEviction, said.message_id) is not None:
        return "duplicate", []
    segment = session.get(Segment, said.segment_id)
    if segment is not None:
        known = (segment.camera_id, segment.agent_id, segment.sha256, segment.start_us, segment.end_us)
        if known != (said.camera_id, said.agent_id, said.sha256, said.start_us, said.end_us):
            raise InvalidInput("the eviction does not match the segment's manifest", code="foreign_segment")
    session.add(
        SegmentEviction(
            message_id=said.message_id,
            segment_id=said.segment_id,
            camera_id=said.camera_id,
            timeline_id=said.timeline_id,
            start_us=said.start_us,
            end_us=said.end_us,
            sha256=said.sha256,
            evicted_us=said.evicted_us,
            received_us=incoming.received_us,
            envelope=incoming.envelope,
        )
    )
    lost = Span(said.start_us, said.end_us)
    spans.add_coverage(session, said.camera_id, spans.EVICTED, said.timeline_id, lost)
    if session.get_one(Camera, said.camera_id).activated_us is not None:
        site = session.get_one(Site, said.site_id)
        evidence.assess_again(session, [said.camera_id], day_of(said.start_us, site.timezone).isoformat())
    return "committed", []
