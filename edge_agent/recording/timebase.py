"""When a frame was captured, from its presentation time and when it arrived.

Invariant: a frame is never placed later than it arrived. Presentation times are exact relative to each other and know
no origin; arrivals know the origin and are late by a varying delay. The smallest ``arrival - presentation`` seen is
the origin with the least delay in it.

Source: the minimum filter of RFC 5905, section 10, over a sliding window, so that a camera's oscillator that runs slow
cannot pin the estimate for ever.
"""

WINDOW_US = 30_000_000


class ArrivalFilter:
    """The smallest ``arrival - presentation`` of the last one to two windows; all times monotonic microseconds."""

    def __init__(self, window_us: int = WINDOW_US) -> None:
        self._window_us = window_us
        self._window_began_us: int | None = None
        self._before: int | None = None
        self._current: int | None = None
        self._origin_us: int | None = None

    def observe(self, arrival_us: int, presented_us: int) -> int:
        """Takes one frame in; the origin to add to a presentation time to get a monotonic instant of capture."""
        offset_us = arrival_us - presented_us
        if self._window_began_us is None or arrival_us - self._window_began_us >= self._window_us:
            self._before, self._current, self._window_began_us = self._current, None, arrival_us
        if self._current is None or offset_us < self._current:
            self._current = offset_us
            self._origin_us = offset_us if self._before is None else min(self._before, offset_us)
        return self.origin_us

    @property
    def origin_us(self) -> int:
        """Raises ValueError before the first frame."""
        if self._origin_us is None:
            raise ValueError("no frame has been observed")
        return self._origin_us
