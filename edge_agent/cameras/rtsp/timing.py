"""From RTP time stamps to presentation and decoding times. Pure.

RTP tells when a picture is shown; when it is decoded follows from the order: with pictures that refer forward
(B-frames), the n-th decoded picture gets the n-th smallest presentation time, late by as many as are ever reordered.

Source: RFC 3550 5.1 (wrap-around); ISO/IEC 14496-12 8.6.1.3 (composition offsets).
"""

import heapq
from dataclasses import dataclass, field

from config.base.clock import US_PER_S
from edge_agent.cameras.rtsp.assembling import AccessUnit

WRAP = 1 << 32
LOOK_AHEAD, LOOK_AHEAD_TICKS = 12, 45_000
"""So many pictures, or half a second of them, are looked at before the first is handed out."""
REORDER_MAX = 8
JUMP_S = 10
FRAME_TICKS = 3_600
NTP_EPOCH_S = 2_208_988_800


@dataclass
class Unwrapper:
    """32-bit time stamps as a number that does not wrap, in units of 1/90000 s from the first."""

    clock_hz: int
    _before: int | None = None
    _total: int = 0

    def ticks(self, timestamp: int) -> int:
        """May go back, where the camera's does."""
        if self._before is not None:
            step = (timestamp - self._before) % WRAP
            self._total += step - WRAP if step >= WRAP // 2 else step
        self._before = timestamp
        return self._total if self.clock_hz == 90_000 else self._total * 90_000 // self.clock_hz


def reordering(presented: list[int]) -> int:
    """How many pictures are decoded before one that is shown earlier, at most."""
    return max((sum(1 for before in presented[:i] if before > at) for i, at in enumerate(presented)), default=0)


@dataclass
class DecodingOrder:
    """Gives each picture its decoding time. Where a stream reorders more than was seen at first, it learns."""

    depth: int
    _waiting: list[int] = field(default_factory=list)
    _last: int | None = None

    def decoded(self, presented: int) -> int:
        """The decoding time of the next picture, in 1/90000 s; it goes back only where the camera's time does."""
        found = presented
        if self.depth:
            if self._waiting and abs(presented - self._waiting[0]) > JUMP_S * 90_000:
                self._waiting.clear()
            heapq.heappush(self._waiting, presented)
            if len(self._waiting) > self.depth:
                found = heapq.heappop(self._waiting)
            else:
                found = self._waiting[0] - (self.depth + 1 - len(self._waiting)) * FRAME_TICKS
        if self._last is not None and 0 <= self._last - found < 90_000 and self.depth < REORDER_MAX:
            self.depth += 1
        self._last = found
        return found


class Opening:
    """The first pictures of a session: held until their order is known, and merged where markers split them."""

    def __init__(self, clock_hz: int) -> None:
        self._clock_hz = clock_hz
        self._held: list[AccessUnit] = []
        self.split = False
        """The camera sets a marker in the middle of pictures."""

    def take(self, unit: AccessUnit) -> list[AccessUnit] | None:
        """All of them, once enough are there."""
        if self._held and self._held[-1].timestamp == unit.timestamp:
            before = self._held[-1]
            self._held[-1] = AccessUnit(before.data + unit.data, before.is_key or unit.is_key, unit.timestamp)
            self.split = True
        else:
            self._held.append(unit)
        shown = self._shown()
        return self._held if len(shown) > LOOK_AHEAD or max(shown) - min(shown) >= LOOK_AHEAD_TICKS else None

    def depth(self) -> int:
        """How many pictures the stream reorders."""
        return min(REORDER_MAX, reordering(self._shown()))

    def _shown(self) -> list[int]:
        unwrapper = Unwrapper(self._clock_hz)
        return [unwrapper.ticks(unit.timestamp) for unit in self._held]


@dataclass
class CameraClock:
    """The camera's clock against ours, from its RTCP sender reports.

    A report ties a time stamp to the camera's clock; the picture with that time stamp was on our timeline not later
    than it arrived. The difference is short by the time the picture took to come, and that is least for the quickest:
    the largest difference of the last minutes is the estimate. What even the quickest took is not known; cameras need
    up to ``ENCODING_US`` to encode and send, and the bound says so.

    Source: RFC 3550 6.4.1.
    """

    clock_hz: int
    _report: tuple[int, int] | None = None
    _seen: list[int] = field(default_factory=list)

    ENCODING_US = 150_000
    KEPT = 60

    def report(self, ntp: int, timestamp: int) -> None:
        """A sender report: NTP time, 64 bits, and the RTP time stamp of that instant."""
        seconds, fraction = ntp >> 32, ntp & 0xFFFF_FFFF
        if seconds:  # a camera that does not know the time says 0
            self._report = ((seconds - NTP_EPOCH_S) * US_PER_S + (fraction * US_PER_S >> 32), timestamp)

    def observe(self, timestamp: int, arrival_utc_us: int) -> None:
        """A picture with this time stamp arrived at this instant on the agent's timeline."""
        if self._report is None:
            return
        at_us, stamp = self._report
        step = (timestamp - stamp) % WRAP
        step -= WRAP if step >= WRAP // 2 else 0
        self._seen = [*self._seen[1 - self.KEPT :], at_us + step * US_PER_S // self.clock_hz - arrival_utc_us]

    def offset(self) -> tuple[int, int] | None:
        """Camera minus agent, and its bound, in microseconds; None before the first report."""
        if not self._seen:
            return None
        best = max(self._seen)
        spread = best - sorted(self._seen)[len(self._seen) // 2]
        return best + self.ENCODING_US // 2, self.ENCODING_US // 2 + spread
