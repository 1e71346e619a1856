"""What an agent says became of its desired state: the newest word counts, in whatever order they come."""

from sqlalchemy.orm import Session

from config.wire.desired_state import ConfigurationReport
from config.wire.envelope import decode_payload, open_envelope
from server.domain.clock_trust import ClockRule
from server.services.cameras.configuration_versions import works_by
from server.services.intake.accept_status import note_time
from server.services.intake.incoming import Effect, Incoming
from storage.database.models import AgentConfiguration, Timeline


def report(session: Session, incoming: Incoming, rule: ClockRule) -> Effect:
    """Keeps the newest report of an agent."""
    said: ConfigurationReport = incoming.message
    timeline = note_time(session, said, (said.at_us, said.at_us), incoming.received_us, rule)
    configuration = session.get(AgentConfiguration, said.agent_id)
    if configuration is None:
        return "noted", []  # nobody has named cameras for it here
    if configuration.report == incoming.envelope:
        return "duplicate", []
    if not _is_newer(session, said, timeline, configuration.report):
        return "stale", []  # a broker lost it, and it was sent again after a later one
    configuration.report, configuration.reported_us = incoming.envelope, incoming.received_us
    if said.outcome == "taken":
        works_by(session, said.agent_id, said.version, incoming.received_us)
    return "committed", []


def _is_newer(session: Session, said: ConfigurationReport, timeline: Timeline, kept: bytes | None) -> bool:
    before = decode_payload(open_envelope(kept)) if kept is not None else None
    if not isinstance(before, ConfigurationReport):
        return True
    if before.timeline_id == said.timeline_id:
        return said.at_us >= before.at_us
    known = session.get(Timeline, before.timeline_id)
    return known is None or timeline.first_heard_us >= known.first_heard_us
