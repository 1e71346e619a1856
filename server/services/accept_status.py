"""What heartbeats, presence and camera conditions do to the database."""

from typing import Any

from sqlalchemy.orm import Session

from config.base.timespan import SpanSet
from config.wire.status import CameraState, ClockReading, Heartbeat, Presence
from server.domain.clock_trust import ClockRule, is_from_the_future, trusted_span
from server.services.incoming import Effect, Incoming
from storage.database import evidence, spans
from storage.database.models import AgentStatus, Camera, ConditionChange, Timeline


def note_time(session: Session, message: Any, ran: tuple[int, int], received_us: int, rule: ClockRule) -> Timeline:
    """Records that the agent ran over ``ran`` on its timeline; a time from the future ends all trust in it."""
    timeline = evidence.touch_timeline(session, message.timeline_id, message.agent_id, ran, received_us)
    if is_from_the_future(ran[1], received_us, rule):
        timeline.ahead_us = max(timeline.ahead_us or 0, ran[1] - received_us)
        spans.replace_trusted(session, timeline.id, SpanSet())
    return timeline


def camera_state(session: Session, incoming: Incoming, rule: ClockRule) -> Effect:
    """Keeps a change of a camera's condition."""
    state: CameraState = incoming.message
    if session.get(ConditionChange, state.message_id) is not None:
        return "duplicate", []
    note_time(session, state, (state.at_us, state.at_us), incoming.received_us, rule)
    session.add(
        ConditionChange(
            message_id=state.message_id,
            camera_id=state.camera_id,
            timeline_id=state.timeline_id,
            at_us=state.at_us,
            condition=state.condition,
            detail=state.detail,
        )
    )
    return "committed", []


def heartbeat(session: Session, incoming: Incoming, rule: ClockRule) -> Effect:
    """Takes the live state in: alive, clock, and how far each camera is settled."""
    beat: Heartbeat = incoming.message
    timeline = note_time(session, beat, (beat.timeline_started_us, beat.sent_us), incoming.received_us, rule)
    if beat.clock is not None and timeline.ahead_us is None:
        _compare_clock(session, timeline, beat.clock, rule)
    status = session.get(AgentStatus, beat.agent_id)
    if status is not None and not _is_newer(session, timeline, beat, status):
        return "stale", []
    if status is None:
        status = AgentStatus(agent_id=beat.agent_id)
        session.add(status)
    # A heartbeat that waited somewhere must not make a dead agent look alive: it is as old as it says.
    status.heard_us = min(incoming.received_us, beat.sent_us + rule.tolerance_us)
    status.sent_us = beat.sent_us
    status.timeline_id = beat.timeline_id
    status.gone = False
    status.heartbeat = incoming.envelope
    for health in beat.cameras:
        camera = session.get_one(Camera, health.camera_id)
        camera.settled_until_us = min(health.settled_until_us, incoming.received_us)
    return "committed", []


def presence(session: Session, incoming: Incoming, _rule: ClockRule) -> Effect:
    """Takes a last will or a farewell in: the agent is gone until its next heartbeat."""
    said: Presence = incoming.message
    status = session.get(AgentStatus, said.agent_id)
    if status is None or said.state == "online" or said.timeline_id != status.timeline_id:
        return "noted", []
    status.gone = True
    return "committed", []


def _compare_clock(session: Session, timeline: Timeline, reading: ClockReading, rule: ClockRule) -> None:
    if reading.observed_us == timeline.compared_us:
        return
    vouched = trusted_span(timeline.started_us, reading.observed_us, reading.offset_us, reading.bound_us, rule)
    trusted = spans.trusted_of(session, timeline.id)
    if vouched is None:
        # The clock went wrong at some moment after the last good comparison: trust ends there.
        wanted = trusted.clip(0, timeline.compared_us or 0)
    else:
        wanted = trusted | SpanSet.of(vouched)
        timeline.compared_us = reading.observed_us
    if wanted != trusted:
        spans.replace_trusted(session, timeline.id, wanted)


def _is_newer(session: Session, timeline: Timeline, beat: Heartbeat, status: AgentStatus) -> bool:
    if timeline.id == status.timeline_id:
        return beat.sent_us > status.sent_us
    known = session.get(Timeline, status.timeline_id)
    return known is None or timeline.first_heard_us >= known.first_heard_us
