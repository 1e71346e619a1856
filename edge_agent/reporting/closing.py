"""The last word on a timeline that turned out wrong: the heartbeat with the comparison that disproves it.

Invariant: it is sent ahead of everything that speaks of a later timeline, on every connection and after a crash, until
the broker has accepted it. Nothing else would tell the server that claims of that timeline are not to be counted.
"""

import threading
from collections.abc import Callable

from config.base.errors import NightlightError
from config.base.logs import get_logger
from edge_agent.spool.database import SpoolDatabase

KEPT_MAX = 64

log = get_logger("timekeeping")

Delivery = Callable[[], bool | None]
"""Whether the broker has accepted what was sent; None while it has not said."""
Send = Callable[[str, bytes], Delivery | None]


class ClosingHeartbeats:
    """Thread-safe."""

    def __init__(self, database: SpoolDatabase) -> None:
        self._database = database
        self._lock = threading.Lock()
        rows = database.all("SELECT timeline_id, body FROM closing_heartbeats ORDER BY rowid LIMIT ?", KEPT_MAX)
        self._waiting = {str(row["timeline_id"]): bytes(row["body"]) for row in rows}
        self._out: dict[str, Delivery] = {}

    def keep(self, timeline_id: str, body: bytes) -> None:
        """Keeps it in memory at least, where the disk is full."""
        with self._lock:
            while len(self._waiting) >= KEPT_MAX:
                oldest = next(iter(self._waiting))
                log.error("closing_heartbeat_lost", timeline=oldest, kept=KEPT_MAX)
                self._drop(oldest)
            self._waiting[timeline_id] = body
            try:
                with self._database.transaction() as connection:
                    connection.execute("INSERT OR REPLACE INTO closing_heartbeats VALUES (?, ?)", (timeline_id, body))
            except NightlightError as error:
                log.exception("closing_heartbeat_only_in_memory", why=str(error))

    def send(self, send: Send) -> None:
        """Sends what waits; touches no disk."""
        with self._lock:
            sent = {timeline_id: send("heartbeat", body) for timeline_id, body in self._waiting.items()}
            self._out = {timeline_id: delivery for timeline_id, delivery in sent.items() if delivery}

    def look(self) -> bool:
        """Lets go of what the broker has accepted; True where it took something from us in vain."""
        with self._lock:
            said = {timeline_id: accepted() for timeline_id, accepted in self._out.items()}
            for timeline_id in [key for key, accepted in said.items() if accepted]:
                try:
                    self._drop(timeline_id)
                except NightlightError as error:
                    log.exception("closing_heartbeat_stays", why=str(error))
        return any(accepted is False for accepted in said.values())

    def _drop(self, timeline_id: str) -> None:
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM closing_heartbeats WHERE timeline_id = ?", (timeline_id,))
        self._waiting.pop(timeline_id, None)
        self._out.pop(timeline_id, None)
