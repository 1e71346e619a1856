"""Which agents are due their desired state, and what is to be sent to each.

Invariant: claimed before it is sent, so that several processes do not send it twice; what is lost on the way is due
again with the agent's next heartbeat, for that names the version the agent works by.
"""

from dataclasses import dataclass

from config.base.clock import Clock
from config.wire.desired_state import DesiredState
from server.services.cameras.configure_cameras import desired_state
from storage.database import inventory
from storage.database.unit_of_work import Database

AT_ONCE_MAX = 50


@dataclass(frozen=True)
class ConfigurationOutlet:
    """Thread-safe."""

    database: Database
    clock: Clock

    def due(self) -> list[DesiredState]:
        """What is to be sent now. Raises Unavailable where the database does not answer."""
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            waiting = inventory.agents_due(session, now_us, AT_ONCE_MAX)
        return [state for agent_id in waiting if (state := self._claim(agent_id, now_us)) is not None]

    def _claim(self, agent_id: str, now_us: int) -> DesiredState | None:
        with self.database.unit_of_work() as session:
            configuration = inventory.take_due(session, agent_id, now_us)
            return desired_state(session, configuration) if configuration is not None else None
