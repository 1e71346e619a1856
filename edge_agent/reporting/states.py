"""Changes of a camera's condition, on their way into the durable outbox.

Invariant: none is lost while the process lives, even where the disk cannot take it at that moment.
"""

import threading
from collections import deque
from collections.abc import Callable

from config.base.errors import NightlightError
from config.base.logs import get_logger
from edge_agent.cameras.board import CameraStatus
from edge_agent.messages import Sealer
from edge_agent.spool.outbox import Outbox

PENDING_MAX = 4_096

log = get_logger("cameras")


class StateReporter:
    """Thread-safe; ``report`` is the board's ``on_change``."""

    def __init__(self, outbox: Outbox, sealer: Sealer, on_report: Callable[[], None]) -> None:
        self._outbox = outbox
        self._sealer = sealer
        self._on_report = on_report
        self._lock = threading.Lock()
        self._pending: deque[CameraStatus] = deque()

    def report(self, status: CameraStatus) -> None:
        with self._lock:
            if len(self._pending) >= PENDING_MAX:
                lost = self._pending.popleft()
                log.error("camera_state_lost", camera=lost.camera_id, condition=lost.condition)
            self._pending.append(status)
        self.flush()
        self._on_report()

    def flush(self) -> None:
        """Stores what waits; what cannot be stored now waits on."""
        with self._lock:
            while self._pending:
                status = self._pending[0]
                sealed = self._sealer.camera_state(
                    status.camera_id, status.timeline_id, max(0, status.since_us), status.condition, status.detail
                )
                try:
                    self._outbox.put_state(sealed, status.condition)
                except NightlightError as error:
                    log.exception(
                        "camera_state_waits", camera=status.camera_id, why=str(error), waiting=len(self._pending)
                    )
                    return
                self._pending.popleft()
