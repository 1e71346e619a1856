"""What one camera says of itself inside its shard: its condition, its floor, its meter.

Invariant: a change of condition is said once; it is said before the floor rises past the instant at which it began.
"""

import threading
from collections.abc import Callable

from config.wire.fields import CameraCondition
from edge_agent.cameras.figures import Meter
from edge_agent.timekeeping import Instant

DETAIL_CHARS_MAX = 200

Say = Callable[[str, CameraCondition, str, Instant], None]


class CameraReport:
    """Thread-safe."""

    def __init__(self, camera_id: str, now: Callable[[], Instant], meter: Meter, say: Say) -> None:
        self.camera_id = camera_id
        self.meter = meter
        self.floor_us: int | None = None
        """Frames from here on are being received and are not yet in the spool; None where nothing is."""
        self.open_bytes = 0
        """How large the segment being written has grown."""
        self._now = now
        self._say = say
        self._lock = threading.Lock()
        self._said: tuple[CameraCondition, str] | None = None

    def set(self, condition: CameraCondition, detail: str = "", at: Instant | None = None) -> None:
        """Notes a condition that began at ``at`` (now, where it is not given). The same again changes nothing."""
        detail = detail[:DETAIL_CHARS_MAX]
        with self._lock:
            if self._said == (condition, detail):
                return
            self._said = (condition, detail)
            self._say(self.camera_id, condition, detail, at or self._now())

    def set_floor(self, floor_us: int | None) -> None:
        self.floor_us = floor_us
