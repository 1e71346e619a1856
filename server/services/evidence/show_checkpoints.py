"""Shows each site's newest checkpoint to its agents, with the proof that it continues what they keep.

Invariant: claimed before it is sent, so that several processes do not send it twice; what is lost on the way is shown
again. What an agent says to it is taken in by ``accept_witness``.
"""

from dataclasses import dataclass

from config.base.clock import US_PER_MINUTE, US_PER_S, Clock
from config.base.ids import fresh_id
from config.evidence import merkle
from config.wire.witness import LedgerCheckpoint
from storage.database import ledger, witnesses
from storage.database.models import Agent
from storage.database.unit_of_work import Database

AT_ONCE_MAX = 50
HEARD_WITHIN_US = 90 * US_PER_S
AGAIN_US = 10 * US_PER_MINUTE


@dataclass(frozen=True)
class CheckpointOutlet:
    """Thread-safe."""

    database: Database
    clock: Clock

    def due(self) -> list[LedgerCheckpoint]:
        """What is to be sent now. Raises Unavailable where the database does not answer."""
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            agents = witnesses.due(session, now_us, now_us - HEARD_WITHIN_US, AT_ONCE_MAX)
        return [shown for agent_id in agents if (shown := self._claim(agent_id, now_us)) is not None]

    def _claim(self, agent_id: str, now_us: int) -> LedgerCheckpoint | None:
        with self.database.unit_of_work() as session:
            row, agent = witnesses.of_agent(session, agent_id), session.get_one(Agent, agent_id)
            newest = ledger.latest_checkpoint(session, agent.site_id)
            if newest is None or row.cosigned_size >= newest.size or row.due_us > now_us:
                return None
            row.due_us = now_us + AGAIN_US
            older = min(row.size, newest.size)
            proof = merkle.consistency_proof(older, newest.size, ledger.Tiles(session, agent.site_id).node)
            return LedgerCheckpoint(
                message_id=fresh_id(),
                site_id=agent.site_id,
                agent_id=agent_id,
                note=newest.note.decode(),
                older_size=older,
                consistency=[step.hex() for step in proof],
            )
