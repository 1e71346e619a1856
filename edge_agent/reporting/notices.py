"""What the agent has to say of its own box, on its way into the durable outbox.

Invariant: a notice is told when it is raised and when it is cleared, once each, over restarts and crashes.
"""

import threading

from config.base.logs import get_logger
from edge_agent.messages import Sealer
from edge_agent.spool.database import SpoolDatabase
from edge_agent.spool.outbox import Outbox
from edge_agent.timekeeping import AgentClock

log = get_logger("notices")


class NoticeBook:
    """Thread-safe."""

    def __init__(self, database: SpoolDatabase, outbox: Outbox, sealer: Sealer, clock: AgentClock) -> None:
        self._database = database
        self._outbox = outbox
        self._sealer = sealer
        self._clock = clock
        self._lock = threading.Lock()
        rows = database.all("SELECT notice FROM notices WHERE raised = 1")
        self._raised = {str(row["notice"]) for row in rows}

    def is_raised(self, notice: str) -> bool:
        return notice in self._raised

    def tell(self, notice: str, *, raised: bool, hours_left: float | None = None, detail: str = "") -> bool:
        """Stores a change for the server; False where it says nothing new. Raises NightlightError."""
        with self._lock:
            if raised == (notice in self._raised):
                return False
            rounded = None if hours_left is None else round(hours_left, 1)
            sealed = self._sealer.box_notice(self._clock.now(), notice, raised=raised, hours=rounded, detail=detail)
            with self._database.transaction() as connection:
                self._outbox.put(connection, sealed)
                connection.execute(
                    "INSERT INTO notices (notice, raised) VALUES (?, ?)"
                    " ON CONFLICT (notice) DO UPDATE SET raised = excluded.raised",
                    (notice, int(raised)),
                )
            self._raised.symmetric_difference_update({notice})
        self._outbox.wake.set()
        write = log.warning if raised else log.info
        write("box_notice", notice=notice, raised=raised, hours_left=rounded, detail=detail)
        return True
