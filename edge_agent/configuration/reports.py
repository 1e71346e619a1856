"""What became of a configuration, on its way into the durable outbox.

Invariant: none is lost while the process lives, even where the disk cannot take it at that moment.
"""

import threading
from collections import deque
from typing import Literal

from config.base.errors import NightlightError
from config.base.logs import get_logger
from config.wire.desired_state import CameraOutcome, ConfigurationReport
from config.wire.health import ConfigurationSource
from edge_agent.messages import SealedMessage, Sealer
from edge_agent.spool.database import SpoolDatabase
from edge_agent.spool.outbox import Outbox
from edge_agent.timekeeping import AgentClock

PENDING_MAX = 64

log = get_logger("configuration")


class ConfigurationReporter:
    """Thread-safe."""

    def __init__(self, database: SpoolDatabase, outbox: Outbox, sealer: Sealer, clock: AgentClock) -> None:
        self._database = database
        self._outbox = outbox
        self._sealer = sealer
        self._clock = clock
        self._lock = threading.Lock()
        self._pending: deque[SealedMessage] = deque()

    def tell(
        self,
        source: ConfigurationSource,
        version: int,
        outcome: Literal["taken", "refused"],
        why: str,
        cameras: list[CameraOutcome],
    ) -> None:
        """Stores a report, now or as soon as the disk takes it."""
        at = self._clock.now()
        report = ConfigurationReport(
            **self._sealer.who(),
            timeline_id=at.timeline_id,
            at_us=max(0, at.us),
            source=source,
            version=version,
            outcome=outcome,
            why=why,
            cameras=cameras,
        )
        sealed = self._sealer.sealed(report, report.at_us)
        with self._lock:
            if len(self._pending) >= PENDING_MAX:
                self._pending.popleft()
                log.error("configuration_report_lost", kept=PENDING_MAX)
            self._pending.append(sealed)
        self.flush()

    def flush(self) -> None:
        """Stores what waits; what cannot be stored now waits on."""
        with self._lock:
            while self._pending:
                try:
                    with self._database.transaction() as connection:
                        self._outbox.put(connection, self._pending[0])
                except NightlightError as error:
                    log.exception("configuration_report_waits", why=str(error), waiting=len(self._pending))
                    return
                self._pending.popleft()
                self._outbox.wake.set()
