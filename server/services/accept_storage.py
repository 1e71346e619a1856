"""What a camera recorded by itself and its agent fetched later: when it is, how far that is believed, and reports.

Invariant I1: such footage counts only where the camera's clock was compared with a trusted clock before it and after it,
both comparisons agree, and together they leave an error within the policy's tolerance. A camera whose clock was set in
between, or never compared, proves nothing: what it recorded is kept, locked and not counted.
"""

from sqlalchemy.orm import Session

from config.base.errors import InvalidInput
from config.base.timespan import Span, SpanSet
from config.wire.replay import CameraClockReading, ReplayReport
from config.wire.segments import SegmentRecorded
from server.domain.clock_trust import ClockRule
from server.domain.stored_time import Reading, worst_error_us
from server.services.accept_status import note_time
from server.services.incoming import Effect, Incoming
from storage.database import evidence, models, spans
from storage.database.models import Timeline


def note_stored_time(session: Session, manifest: SegmentRecorded, received_us: int, rule: ClockRule) -> None:
    """Trusts the time of fetched footage as far as its readings allow.

    Raises InvalidInput: ``bad_span`` for footage from the future, ``foreign_timeline`` where it uses a stretch of the
    agent's own clock.
    """
    if manifest.end_us > received_us + rule.tolerance_us:
        raise InvalidInput("a camera's memory holds nothing from the future", code="bad_span")
    ran = (manifest.start_us, manifest.end_us)
    timeline = evidence.touch_timeline(session, manifest.timeline_id, manifest.agent_id, ran, received_us)
    if timeline.compared_us is not None:
        raise InvalidInput("fetched footage must not use a stretch of the agent's own clock", code="foreign_timeline")
    if len(manifest.camera_clock) != 2:  # one before, one after
        return
    if not all(_is_trusted(session, manifest.agent_id, reading) for reading in manifest.camera_clock):
        return
    before, after = map(_plain, manifest.camera_clock)
    error_us = worst_error_us(before, after, ran)
    if error_us is None or error_us > rule.tolerance_us:
        return
    trusted = spans.trusted_of(session, timeline.id) | SpanSet.of(Span(*ran))
    spans.replace_trusted(session, timeline.id, trusted)


def replay_report(session: Session, incoming: Incoming, rule: ClockRule) -> Effect:
    """Keeps what became of asking. Raises InvalidInput (``bad_span``)."""
    said: ReplayReport = incoming.message
    within = all(said.start_us <= start < end <= said.end_us for start, end in said.had_none)
    if said.end_us <= said.start_us or not within:
        raise InvalidInput("a report about no time, or about other time than was asked for", code="bad_span")
    if session.get(models.ReplayReport, said.message_id) is not None:
        return "duplicate", []
    note_time(session, said, (said.at_us, said.at_us), incoming.received_us, rule)
    session.add(
        models.ReplayReport(
            message_id=said.message_id,
            camera_id=said.camera_id,
            timeline_id=said.timeline_id,
            at_us=said.at_us,
            start_us=said.start_us,
            end_us=said.end_us,
            outcome=said.outcome,
            detail=said.detail,
            received_us=incoming.received_us,
            envelope=incoming.envelope,
        )
    )
    return "committed", []


def _plain(reading: CameraClockReading) -> Reading:
    return reading.at_us, reading.offset_us, reading.bound_us


def _is_trusted(session: Session, agent_id: str, reading: CameraClockReading) -> bool:
    timeline = session.get(Timeline, reading.timeline_id)
    if timeline is None or timeline.agent_id != agent_id:
        return False
    return reading.at_us in spans.trusted_of(session, timeline.id)
