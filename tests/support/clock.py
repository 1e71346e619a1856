"""A clock that moves only when told."""

from config.base.clock import US_PER_DAY, US_PER_S, SystemClock

NOON_US = 1_795_262_400_000_000
"""2026-11-21T12:00:00Z."""
SHANGHAI_US = 8 * 3_600 * US_PER_S
NEAR_US = 180 * US_PER_S
"""Twice this is less than the quarter of an hour that S3 lets a signature be off."""


def present_us() -> int:
    """The real time, which real stores hold locks against; near midnight in Shanghai some minutes before it.

    What a test records around it is of one day then, whenever the test runs.
    """
    now_us = SystemClock().utc_us()
    past_us = (now_us + SHANGHAI_US + NEAR_US) % US_PER_DAY
    return now_us - past_us if past_us < 2 * NEAR_US else now_us


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
