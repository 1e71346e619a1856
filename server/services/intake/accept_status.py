"""What heartbeats, presence and camera conditions do to the database."""

from typing import Any

from sqlalchemy.orm import Session

from config.base.errors import InvalidInput
from config.wire.health import Heartbeat
from config.wire.status import CameraState, Presence
from server.domain.clock_trust import ClockRecord, ClockRule, Comparison, compare, distrust, is_from_the_future
from server.domain.verdict import day_of
from server.services.cameras.configuration_versions import works_by
from server.services.intake.incoming import Effect, Incoming
from server.services.intake.stored_trust import activate_where_covered, judge_hanging_on
from storage.database import evidence, spans
from storage.database.models import AgentStatus, ConditionChange, Site, Timeline


def note_time(session: Session, message: Any, ran: tuple[int, int], received_us: int, rule: ClockRule) -> Timeline:
    """Records that the agent ran over ``ran`` on its timeline; a time from the future ends all trust in it. Raises InvalidInput."""
    timeline = evidence.touch_timeline(session, message.timeline_id, message.agent_id, ran, received_us)
    if timeline.stored:
        raise InvalidInput("the agent's own clock must not use a timeline of fetched footage", code="foreign_timeline")
    if is_from_the_future(ran[1], received_us, rule):
        _keep(session, timeline, distrust(_record(session, timeline), timeline.started_us), rule)
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
    if beat.clock is not None:
        seen = Comparison(beat.clock.observed_us, beat.clock.offset_us, beat.clock.bound_us)
        _keep(session, timeline, compare(_record(session, timeline), seen, rule), rule)
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
    works_by(session, beat.agent_id, beat.configuration_version, incoming.received_us)
    # A camera that is not registered yet is left out: it must not silence the others.
    registered = {camera.id: camera for camera in evidence.cameras_of_agent(session, beat.agent_id)}
    for health in beat.cameras:
        if health.camera_id in registered:
            registered[health.camera_id].settled_until_us = min(beat.settled_until_us(health), incoming.received_us)
    return "committed", []


def presence(session: Session, incoming: Incoming, _rule: ClockRule) -> Effect:
    """Takes a last will or a farewell in: the agent is gone until its next heartbeat."""
    said: Presence = incoming.message
    status = session.get(AgentStatus, said.agent_id)
    if status is None or said.state == "online" or said.timeline_id != status.timeline_id:
        return "noted", []
    status.gone = True
    return "committed", []


def _record(session: Session, timeline: Timeline) -> ClockRecord:
    return ClockRecord(
        started_us=timeline.started_us,
        trusted=spans.trusted_of(session, timeline.id),
        compared_us=timeline.compared_us,
        vouched_until_us=timeline.vouched_until_us,
        distrusted_from_us=timeline.distrusted_from_us,
    )


def _keep(session: Session, timeline: Timeline, record: ClockRecord, rule: ClockRule) -> None:
    """Writes a clock's record back, and sees to it that what its trust decides is judged again."""
    before = spans.trusted_of(session, timeline.id)
    timeline.compared_us, timeline.vouched_until_us = record.compared_us, record.vouched_until_us
    timeline.distrusted_from_us = record.distrusted_from_us
    changed = (before - record.trusted) | (record.trusted - before)
    if not changed:
        return
    spans.replace_trusted(session, timeline.id, record.trusted)
    judge_hanging_on(session, timeline.id, changed, rule)
    cameras = evidence.cameras_of_agent(session, timeline.agent_id)
    if not cameras:
        return
    site = session.get_one(Site, cameras[0].site_id)
    first_us = next(iter(changed)).start_us
    in_service = [camera.id for camera in cameras if camera.activated_us is not None]
    evidence.assess_again(session, in_service, day_of(first_us, site.timezone).isoformat())
    for camera in cameras:
        if camera.activated_us is None or camera.activated_us > first_us:
            activate_where_covered(session, camera, site, timeline, record.trusted)


def _is_newer(session: Session, timeline: Timeline, beat: Heartbeat, status: AgentStatus) -> bool:
    if timeline.id == status.timeline_id:
        return beat.sent_us > status.sent_us
    known = session.get(Timeline, status.timeline_id)
    return known is None or timeline.first_heard_us >= known.first_heard_us
