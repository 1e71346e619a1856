"""What an agent's word of cameras that it found does to the database: the newest of each is kept for a console."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config.base.errors import InvalidInput
from config.wire.discovery import DiscoveredCamera
from server.domain.clock_trust import ClockRule
from server.services.intake.incoming import Effect, Incoming
from storage.database import models

CAMERAS_MAX = 256
"""Of one agent."""


def discovered(session: Session, incoming: Incoming, _rule: ClockRule) -> Effect:
    """Keeps a camera that was found. Raises InvalidInput (``too_many``)."""
    said: DiscoveredCamera = incoming.message
    row = session.get(models.DiscoveredCamera, (said.agent_id, said.discovery_id), with_for_update=True)
    if row is not None and row.message_id == said.message_id:
        return "duplicate", []
    if row is not None and row.at_us > said.at_us:
        return "stale", []
    if row is None:
        query = select(func.count()).where(models.DiscoveredCamera.agent_id == said.agent_id)
        if (session.scalar(query) or 0) >= CAMERAS_MAX:
            raise InvalidInput(f"more than {CAMERAS_MAX} discovered cameras of one agent", code="too_many")
        row = models.DiscoveredCamera(agent_id=said.agent_id, id=said.discovery_id)
        session.add(row)
    row.site_id, row.at_us, row.message_id = said.site_id, said.at_us, said.message_id
    row.received_us, row.envelope = incoming.received_us, incoming.envelope
    return "committed", []
