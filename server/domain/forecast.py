"""On which day a store runs out at today's rate, and so whether its recordings can be kept for as long as promised. Pure.

Nothing can be deleted before its day, so a full store takes no new recording: that is when the promise fails. Day by day,
as much comes in as came in the last 24 h, and what is there now goes when its lock ends.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Forecast:
    """``full_in_days`` is None where it never fills, and where the capacity is not known; the promise tells which."""

    used_bytes: int
    bytes_a_day: int
    needed_bytes: int
    """What lies there once every recording of the floor's days is kept at that rate."""
    capacity_bytes: int
    """0: not known."""
    full_in_days: float | None
    promise_holds: bool | None
    """None where the capacity is not known, or nothing has come in yet."""


def forecast(
    used_bytes: int, bytes_a_day: int, capacity_bytes: int, retain_days: int, leaving: Mapping[int, int]
) -> Forecast:
    """``leaving``: bytes whose lock ends within the day of that number, from 1; earlier ones may be under 0 or below."""
    needed_bytes = bytes_a_day * (retain_days + 1)
    if capacity_bytes <= 0 or not bytes_a_day:
        return Forecast(used_bytes, bytes_a_day, needed_bytes, max(0, capacity_bytes), None, None)
    full_in_days = _full_in_days(used_bytes, bytes_a_day, capacity_bytes, retain_days, leaving)
    return Forecast(used_bytes, bytes_a_day, needed_bytes, capacity_bytes, full_in_days, full_in_days is None)


def _full_in_days(used: int, rate: int, capacity: int, retain_days: int, leaving: Mapping[int, int]) -> float | None:
    if used > capacity:
        return 0.0
    horizon = max([retain_days + 1, *leaving])
    held = used - sum(size for day, size in leaving.items() if day < 1)
    for day in range(1, horizon + 1):
        # What came in from the first day on goes after retain_days + 1 days: from then on as much goes as comes.
        grown = rate - leaving.get(day, 0) if day <= retain_days + 1 else -leaving.get(day, 0)
        if held + grown > capacity:
            return day - 1 + (capacity - held) / grown
        held += grown
    return None
