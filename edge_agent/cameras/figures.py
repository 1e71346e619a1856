"""How a camera's stream flows: what is counted while it is read, and the figures made of it twice a second.

Instants are monotonic (CLOCK_BOOTTIME), so that whoever reads them later can tell how old they are.
"""

from typing import Literal

import msgspec

from config.base.clock import US_PER_S

RATE_WINDOW_US = 2 * US_PER_S


class CameraFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One camera's figures at one moment."""

    reachable: bool = False
    codec: Literal["", "h264", "hevc"] = ""
    width: int = 0
    height: int = 0
    frames_per_second: float = 0.0
    bits_per_second: int = 0
    keyframe_interval_us: int = 0
    """Between the last two keyframes; 0 where only one has been seen."""
    last_packet_us: int | None = None
    durable_us: int | None = None
    """When the newest frame was captured that is safe on the disk; None while nothing is recorded."""
    rtp_lost: int = 0
    clock_offset_us: int | None = None
    clock_bound_us: int | None = None


class Meter:
    """Counted by the one thread that reads the stream; read by any, for whom a packet more or less is no matter."""

    __slots__ = (
        "_counted",
        "_rates",
        "_since_us",
        "bytes",
        "clock_bound_us",
        "clock_offset_us",
        "codec",
        "durable_us",
        "frames",
        "height",
        "keyframe_interval_us",
        "last_packet_us",
        "reachable",
        "rtp_lost",
        "width",
    )

    def __init__(self, now_us: int) -> None:
        self.frames = 0
        self.bytes = 0
        self.last_packet_us: int | None = None
        self.reachable = False
        self.codec: Literal["", "h264", "hevc"] = ""
        self.width = self.height = 0
        self.keyframe_interval_us = 0
        self.durable_us: int | None = None
        self.rtp_lost = 0
        self.clock_offset_us: int | None = None
        self.clock_bound_us: int | None = None
        self._since_us = now_us
        self._counted = (0, 0)
        self._rates = (0.0, 0)

    def figures(self, now_us: int) -> CameraFigures:
        """The figures now; rates are those of the last two seconds or more. Call it from one thread."""
        elapsed_us = now_us - self._since_us
        if elapsed_us >= RATE_WINDOW_US:
            frames, size = self.frames, self.bytes
            self._rates = (
                round((frames - self._counted[0]) * US_PER_S / elapsed_us, 2),
                (size - self._counted[1]) * 8 * US_PER_S // elapsed_us,
            )
            self._counted, self._since_us = (frames, size), now_us
        return CameraFigures(
            reachable=self.reachable,
            codec=self.codec,
            width=self.width,
            height=self.height,
            frames_per_second=self._rates[0],
            bits_per_second=self._rates[1],
            keyframe_interval_us=self.keyframe_interval_us,
            last_packet_us=self.last_packet_us,
            durable_us=self.durable_us,
            rtp_lost=self.rtp_lost,
            clock_offset_us=self.clock_offset_us,
            clock_bound_us=self.clock_bound_us,
        )
