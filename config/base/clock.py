"""Wall and monotonic time, injectable (invariant I5).

Instants are integer microseconds UTC since 1970-01-01; durations come from the monotonic clock alone, because a
wall clock may be set back or forward at any moment.
"""

import time
from datetime import UTC, datetime
from typing import Protocol

# CLOCK_MONOTONIC stands still while the machine is suspended; what was timed over a suspend would be hours behind.
_ELAPSED: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

US_PER_S = 1_000_000
US_PER_MINUTE = 60 * US_PER_S
US_PER_DAY = 86_400 * US_PER_S


class Clock(Protocol):
    """What every time-dependent part takes as an argument."""

    def utc_us(self) -> int:
        """Now, in microseconds UTC since the epoch; may jump."""
        ...

    def monotonic_us(self) -> int:
        """Microseconds since an arbitrary origin; never goes back, and goes on while the machine is suspended."""
        ...


class SystemClock:
    """The machine's own two clocks."""

    def utc_us(self) -> int:
        return time.time_ns() // 1_000

    def monotonic_us(self) -> int:
        return time.clock_gettime_ns(_ELAPSED) // 1_000


def to_datetime(instant_us: int) -> datetime:
    """Aware UTC datetime of an instant in microseconds; exact."""
    seconds, micros = divmod(instant_us, US_PER_S)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)


def from_datetime(moment: datetime) -> int:
    """Microseconds UTC of an aware datetime. Raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("a naive datetime has no place here: attach a time zone")
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * US_PER_S + delta.microseconds


def isoformat(instant_us: int) -> str:
    """RFC 3339 text in UTC with microseconds, for logs and exports."""
    return to_datetime(instant_us).isoformat(timespec="microseconds").replace("+00:00", "Z")
