"""What an agent says became of its desired state."""

from sqlalchemy.orm import Session

from config.wire.desired_state import ConfigurationReport
from server.domain.clock_trust import ClockRule
from server.services.accept_status import note_time
from server.services.configuration_versions import works_by
from server.services.incoming import Effect, Incoming
from storage.database.models import AgentConfiguration


def report(session: Session, incoming: Incoming, rule: ClockRule) -> Effect:
    """Keeps the newest report of an agent."""
    said: ConfigurationReport = incoming.message
    note_time(session, said, (said.at_us, said.at_us), incoming.received_us, rule)
    configuration = session.get(AgentConfiguration, said.agent_id)
    if configuration is None:
        return "noted", []  # nobody has named cameras for it here
    if configuration.report == incoming.envelope:
        return "duplicate", []
    configuration.report, configuration.reported_us = incoming.envelope, incoming.received_us
    if said.outcome == "taken":
        works_by(session, said.agent_id, said.version, incoming.received_us)
    return "committed", []
