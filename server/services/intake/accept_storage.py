"""What a camera recorded by itself and its agent fetched later: when it is, how far that is believed, and reports.

Invariant I1: such footage counts only where the camera's clock was compared with a trusted clock before it and after it,
both comparisons agree, and together they leave an error within the policy's tolerance. A camera whose clock was set in
between, or never compared, proves nothing: what it recorded is kept, locked and not counted. The readings are kept with it, and judged again whenever
trust in the clock they were made with changes.
"""

from sqlalchemy.orm import Session

from config.base.errors import InvalidInput
from config.wire.replay import ReplayReport
from config.wire.segments import SegmentRecorded
from server.domain.clock_trust import ClockRule
from server.services.intake.accept_status import note_time
from server.services.intake.incoming import Effect, Incoming
from server.services.intake.stored_trust import judge_stored
from storage.database import evidence, models
from storage.database.models import Timeline


def note_stored_time(session: Session, manifest: SegmentRecorded, received_us: int, rule: ClockRule) -> None:
    """Keeps the readings of fetched footage and trusts its time as far as they allow.

    Raises InvalidInput: ``bad_span`` for footage from the future, ``foreign_timeline`` where it uses a stretch of the
    agent's own clock.
    """
    if manifest.end_us > received_us + rule.tolerance_us:
        raise InvalidInput("a camera's memory holds nothing from the future", code="bad_span")
    known = session.get(Timeline, manifest.timeline_id)
    if known is not None and not known.stored:
        raise InvalidInput("fetched footage must not use a stretch of the agent's own clock", code="foreign_timeline")
    # The clock that the readings hang on stays as it is until this footage is known to hang on it.
    for reading_on in sorted({reading.timeline_id for reading in manifest.camera_clock}):
        session.get(Timeline, reading_on, with_for_update=True)
    ran = (manifest.start_us, manifest.end_us)
    timeline = evidence.touch_timeline(session, manifest.timeline_id, manifest.agent_id, ran, received_us)
    timeline.stored = True
    if len(manifest.camera_clock) != 2:  # one before, one after
        return
    before, after = manifest.camera_clock
    session.add(
        models.StoredSpan(
            segment_id=manifest.segment_id,
            timeline_id=timeline.id,
            camera_id=manifest.camera_id,
            start_us=manifest.start_us,
            end_us=manifest.end_us,
            before_timeline_id=before.timeline_id,
            before_at_us=before.at_us,
            before_offset_us=before.offset_us,
            before_bound_us=before.bound_us,
            after_timeline_id=after.timeline_id,
            after_at_us=after.at_us,
            after_offset_us=after.offset_us,
            after_bound_us=after.bound_us,
        )
    )
    session.flush()
    judge_stored(session, timeline.id, rule)


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
