"""The board: what every camera's condition is now, since when, and how its frames flow.

Invariant: a change of condition is handed on (to be stored durably) exactly once and in order; instants of one camera
never go back while its timeline holds.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from config.base.logs import get_logger
from config.wire.fields import CameraCondition
from edge_agent.cameras.figures import CameraFigures
from edge_agent.timekeeping import AgentClock, Instant

DETAIL_CHARS_MAX = 200
ASKED_CLOCK_US_MAX = 3_600 * 1_000_000
"""How long an answer of the camera's is shown; a crystal is off by 0.2 s by then."""

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
    """RTP packets that never came, since the process that reads this camera began."""
    clock_offset_us: int | None = None
    """The camera's clock minus the agent's, by ONVIF, else from RTCP sender reports; None where neither tells."""
    clock_bound_us: int | None = None
    """The true offset lies within ``clock_offset_us ± clock_bound_us``."""
    recording_lag_ms: int | None = None
    """How far the newest frame that is safe on the disk lies behind now; None where nothing is recorded."""


class CameraBoard:
    """Thread-safe. ``on_change`` is called under the board's lock, so that changes are handed on in order."""

    def __init__(self, camera_ids: Iterable[str], clock: AgentClock, on_change: Callable[[CameraStatus], None]) -> None:
        self._clock = clock
        self._on_change = on_change
        self._lock = threading.Lock()
        self._status = {name: self._fresh(name, "") for name in camera_ids}
        self._figures: dict[str, CameraFigures] = {}
        self._asked_clocks: dict[str, tuple[int, int, int]] = {}
        """Offset, bound, and when it was asked (monotonic)."""

    def announce(self) -> None:
        """Hands on the first condition of every camera, once, before any of them starts."""
        with self._lock:
            for camera_id in self._status:
                self._status[camera_id] = self._fresh(camera_id, "")
                self._on_change(self._status[camera_id])

    def add(self, camera_id: str, detail: str = "") -> None:
        """A camera that was not there before: it is starting."""
        with self._lock:
            if camera_id not in self._status:
                self._status[camera_id] = self._fresh(camera_id, detail)
                self._on_change(self._status[camera_id])

    def remove(self, camera_id: str) -> None:
        """It is no longer shown; its last condition should have been ``stopped``."""
        with self._lock:
            self._status.pop(camera_id, None)
            self._figures.pop(camera_id, None)
            self._asked_clocks.pop(camera_id, None)

    def set(self, camera_id: str, condition: CameraCondition, detail: str = "", at: Instant | None = None) -> None:
        """Notes a condition that began at ``at`` (now, where it is not given). The same again changes nothing."""
        with self._lock:
            before = self._status.get(camera_id)
            if before is None or (before.condition, before.detail) == (condition, detail[:DETAIL_CHARS_MAX]):
                return
            since_us, timeline_id = at or self._clock.now()
            if timeline_id == before.timeline_id and since_us <= before.since_us:
                # A recording ends with its last frame, up to a frame's length ahead of now: what follows must not
                # seem to have come before it. One that kept nothing ends where it began, lest a microsecond of it be
                # missing for no reason: of two words of one instant, ``recording`` is the one that gives way.
                since_us = before.since_us + (before.condition != "recording")
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

    def condition(self, camera_id: str) -> CameraCondition | None:
        """None of a camera that was removed."""
        with self._lock:
            status = self._status.get(camera_id)
        return status.condition if status else None

    def told(self, camera_id: str) -> tuple[CameraCondition | None, Instant]:
        """The condition and when it began; None and now, of a camera that was removed."""
        with self._lock:
            status = self._status.get(camera_id)
        if status is None:
            return None, self._clock.now()
        return status.condition, Instant(status.since_us, status.timeline_id)

    def set_floor(self, camera_id: str, floor_us: int | None) -> None:
        """Frames from ``floor_us`` on may be received and are not yet in the spool."""
        with self._lock:
            if camera_id in self._status:
                self._status[camera_id] = replace(self._status[camera_id], floor_us=floor_us)

    def note(self, camera_id: str, floor_us: int | None, figures: CameraFigures) -> None:
        """What the camera's shard said last."""
        with self._lock:
            if camera_id in self._status:
                self._status[camera_id] = replace(self._status[camera_id], floor_us=floor_us)
                self._figures[camera_id] = figures

    def clock_is(self, camera_id: str, offset_us: int, bound_us: int) -> None:
        """The camera's clock minus the agent's, asked over ONVIF just now: counts before what RTCP lets us guess."""
        with self._lock:
            if camera_id in self._status:
                self._asked_clocks[camera_id] = (offset_us, bound_us, self._clock.monotonic_us())

    def silent(self, camera_id: str) -> None:
        """Nobody reads the camera now: its figures mean nothing any more."""
        with self._lock:
            figures = self._figures.get(camera_id)
            if figures is not None:
                self._figures[camera_id] = CameraFigures(
                    last_packet_us=figures.last_packet_us, rtp_lost=figures.rtp_lost
                )

    def snapshot(self) -> list[CameraStatus]:
        """Every camera now."""
        with self._lock:
            found = [(status, self._figures.get(status.camera_id)) for status in self._status.values()]
            asked = dict(self._asked_clocks)
        shown = [status if figures is None else self._with(status, figures) for status, figures in found]
        return [self._with_clock(status, asked.get(status.camera_id)) for status in shown]

    def _fresh(self, camera_id: str, detail: str) -> CameraStatus:
        now = self._clock.now()
        return CameraStatus(camera_id, "starting", detail, *now, floor_us=now.us)

    def _with_clock(self, status: CameraStatus, asked: tuple[int, int, int] | None) -> CameraStatus:
        if asked is None or self._clock.monotonic_us() - asked[2] > ASKED_CLOCK_US_MAX:
            return status
        return replace(status, clock_offset_us=asked[0], clock_bound_us=asked[1])

    def _with(self, status: CameraStatus, figures: CameraFigures) -> CameraStatus:
        now_us, last_us = self._clock.monotonic_us(), figures.last_packet_us
        return replace(
            status,
            last_frame_us=None if last_us is None else self._clock.timeline.utc_us(last_us),
            frames_per_second=figures.frames_per_second,
            bits_per_second=figures.bits_per_second,
            reachable=figures.reachable,
            codec=figures.codec,
            width=figures.width,
            height=figures.height,
            keyframe_interval_ms=max(0, figures.keyframe_interval_us) // 1_000 or None,
            packet_age_ms=_ms_since(last_us, now_us),
            rtp_lost=figures.rtp_lost,
            clock_offset_us=figures.clock_offset_us,
            clock_bound_us=figures.clock_bound_us,
            recording_lag_ms=_ms_since(figures.durable_us, now_us),
        )


def _ms_since(then_us: int | None, now_us: int) -> int | None:
    return None if then_us is None else max(0, now_us - then_us) // 1_000
