"""The board: what every camera's condition is now, since when, and how its frames flow.

Invariant: a change of condition is handed on (to be stored durably) exactly once and in order; instants of one camera
never go back while its timeline holds.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from config.base.clock import US_PER_S
from config.base.logs import get_logger
from config.wire.fields import CameraCondition
from edge_agent.timekeeping import AgentClock, Instant

DETAIL_CHARS_MAX = 200
RATE_WINDOW_US = 2 * US_PER_S

log = get_logger("cameras")


@dataclass(frozen=True)
class CameraStatus:
    """One camera as the heartbeat shows it."""

    camera_id: str
    condition: CameraCondition
    detail: str
    since_us: int
    timeline_id: str
    """Where ``since_us`` was read from."""
    last_frame_us: int | None = None
    floor_us: int | None = None
    """Frames from here on may still become a claim; None where nothing is being received."""
    frames_per_second: float = 0.0
    bits_per_second: int = 0
    reachable: bool = False
    """The camera answers: its connection stands."""
    codec: Literal["", "h264", "hevc"] = ""
    width: int = 0
    height: int = 0
    keyframe_interval_ms: int | None = None
    """Between the last two keyframes."""
    packet_age_ms: int | None = None
    """How long ago the last packet came."""
    rtp_lost: int = 0
    """RTP packets that never came, since the agent began with this camera."""
    clock_offset_us: int | None = None
    """The camera's clock minus the agent's, from RTCP sender reports; None where it sends none."""
    clock_bound_us: int | None = None
    """The true offset lies within ``clock_offset_us ± clock_bound_us``."""
    recording_lag_ms: int | None = None
    """How far the newest frame that is safe on the disk lies behind now; None where nothing is recorded."""


@dataclass
class _Meter:
    frames: int = 0
    bytes: int = 0
    since_us: int = 0
    frames_per_second: float = 0.0
    bits_per_second: int = 0
    last_arrival_us: int | None = None


class CameraBoard:
    """Thread-safe. ``on_change`` is called outside the lock of other cameras, in the thread that saw the change."""

    def __init__(self, camera_ids: Iterable[str], clock: AgentClock, on_change: Callable[[CameraStatus], None]) -> None:
        self._clock = clock
        self._on_change = on_change
        self._lock = threading.Lock()
        now = clock.now()
        self._status = {name: CameraStatus(name, "starting", "", *now) for name in camera_ids}
        self._meters = {name: _Meter(since_us=clock.monotonic_us()) for name in self._status}

    def announce(self) -> None:
        """Hands on the first condition of every camera, once, before any of them starts."""
        with self._lock:
            now = self._clock.now()
            for camera_id, status in self._status.items():
                self._status[camera_id] = replace(status, since_us=now.us, timeline_id=now.timeline_id)
                self._on_change(self._status[camera_id])

    def set(self, camera_id: str, condition: CameraCondition, detail: str = "", at: Instant | None = None) -> None:
        """Notes a condition that began at ``at`` (now, where it is not given). The same again changes nothing."""
        with self._lock:
            before = self._status[camera_id]
            if (before.condition, before.detail) == (condition, detail[:DETAIL_CHARS_MAX]):
                return
            since_us, timeline_id = at or self._clock.now()
            after = replace(
                before,
                condition=condition,
                detail=detail[:DETAIL_CHARS_MAX],
                since_us=since_us,
                timeline_id=timeline_id,
            )
            self._status[camera_id] = after
            self._on_change(after)
        write = log.info if condition in ("recording", "stopped") else log.warning
        write("camera_condition", camera=camera_id, condition=condition, detail=detail, before=before.condition)

    def condition(self, camera_id: str) -> CameraCondition:
        return self._status[camera_id].condition

    def set_floor(self, camera_id: str, floor_us: int | None) -> None:
        """Frames from ``floor_us`` on are being received and are not yet in the spool."""
        with self._lock:
            self._status[camera_id] = replace(self._status[camera_id], floor_us=floor_us)

    def count_frame(self, camera_id: str, size_bytes: int, arrival_us: int) -> None:
        """Called by the one thread that reads this camera; ``arrival_us`` is monotonic."""
        meter = self._meters[camera_id]
        meter.frames += 1
        meter.bytes += size_bytes
        meter.last_arrival_us = arrival_us

    def snapshot(self) -> list[CameraStatus]:
        """Every camera now; rates are those of the last two seconds or more."""
        with self._lock:
            found = list(self._status.values())
        return [self._with_rates(status) for status in found]

    def _with_rates(self, status: CameraStatus) -> CameraStatus:
        meter = self._meters[status.camera_id]
        now_us = self._clock.monotonic_us()
        elapsed_us = now_us - meter.since_us
        if elapsed_us >= RATE_WINDOW_US:
            meter.frames_per_second = round(meter.frames * US_PER_S / elapsed_us, 2)
            meter.bits_per_second = meter.bytes * 8 * US_PER_S // elapsed_us
            meter.frames, meter.bytes, meter.since_us = 0, 0, now_us
        last_us = meter.last_arrival_us
        return replace(
            status,
            last_frame_us=None if last_us is None else self._clock.timeline.utc_us(last_us),
            frames_per_second=meter.frames_per_second,
            bits_per_second=meter.bits_per_second,
        )
