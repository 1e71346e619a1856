"""A clock that moves only when told."""

from config.base.clock import US_PER_S

NOON_US = 1_795_262_400_000_000
"""2026-11-21T12:00:00Z."""


class SimulatedClock:
    """Wall and monotonic time, moved separately: ``advance`` passes time, ``jump`` sets the wall clock."""

    def __init__(self, utc_us: int = NOON_US, monotonic_us: int = 5_000_000) -> None:
        self._utc_us = utc_us
        self._monotonic_us = monotonic_us

    def utc_us(self) -> int:
        return self._utc_us

    def monotonic_us(self) -> int:
        return self._monotonic_us

    def advance(self, seconds: float) -> None:
        self._utc_us += round(seconds * US_PER_S)
        self._monotonic_us += round(seconds * US_PER_S)

    def jump(self, seconds: float) -> None:
        self._utc_us += round(seconds * US_PER_S)
