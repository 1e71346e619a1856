"""How full the spool is and how long it lasts. Pure: figures and time are arguments.

Invariant: ``hours_left`` is never kinder than the link: it counts as if nothing could be sent from now on.
"""

from dataclasses import dataclass

from config.base.clock import US_PER_S
from config.settings.edge import SpoolSettings
from edge_agent.spool.disk import RESUME_MARGIN_BYTES, DiskUse

SMOOTHED_OVER_US = 600 * US_PER_S
CLEARED_BELOW = 0.05
"""The alarm is cleared once so much less of the room is used than raised it: it does not flutter."""
SECONDS_PER_HOUR = 3_600


@dataclass(frozen=True)
class SpoolForecast:
    """``used``: of the room that recordings may take, 0 to 1; ``hours_left``: None where nothing is being recorded."""

    used: float
    left_bytes: int
    hours_left: float | None


@dataclass
class RecordingRate:
    """What the cameras send together, smoothed over ten minutes, in bytes per second."""

    bytes_per_second: float = 0.0
    _at_us: int | None = None

    def note(self, bits_per_second: int, now_us: int) -> None:
        """What it is at a monotonic instant. The first figure is believed at once."""
        now = bits_per_second / 8
        if self._at_us is None or not self.bytes_per_second:
            self.bytes_per_second = now
        else:
            share = min(1.0, max(0, now_us - self._at_us) / SMOOTHED_OVER_US)
            self.bytes_per_second += (now - self.bytes_per_second) * share
        self._at_us = now_us


def left_bytes(use: DiskUse, settings: SpoolSettings) -> int:
    """How much may still be recorded before the disk, or what the agent may take of it, is full."""
    left = use.free_bytes - settings.free_bytes_min
    if settings.bytes_max:
        left = min(left, settings.bytes_max - use.spooled_bytes)
    return max(0, left)


def forecast(use: DiskUse, settings: SpoolSettings, bytes_per_second: float) -> SpoolForecast:
    """How full, and how long it lasts at this rate."""
    left = left_bytes(use, settings)
    hours = left / bytes_per_second / SECONDS_PER_HOUR if bytes_per_second > 1 else None
    return SpoolForecast(1.0 if not left else use.spooled_bytes / (use.spooled_bytes + left), left, hours)


def is_filling(used: float, threshold: float, *, was_filling: bool) -> bool:
    """Whether the alarm stands."""
    return used >= (threshold - CLEARED_BELOW if was_filling else threshold)


def lacking_bytes(use: DiskUse, settings: SpoolSettings) -> int:
    """How much has to go so that recording never has to stop: twice the room with which it would begin again."""
    lacking = settings.free_bytes_min + 2 * RESUME_MARGIN_BYTES - use.free_bytes
    if settings.bytes_max:
        margin = min(RESUME_MARGIN_BYTES, settings.bytes_max // 10)
        lacking = max(lacking, use.spooled_bytes + 2 * margin - settings.bytes_max)
    return max(0, lacking)
