"""How far a camera's clock is off, with a bound, from answers that know whole seconds only. Pure.

One answer ``t`` says: when it was given, between asking and answering, the camera's clock read within ``[t, t + 1 s)``.
So each gives an interval for camera minus agent; answers at different phases of the second narrow it down together.

Source: ONVIF Core Specification 8.2.3 (GetSystemDateAndTime); Marzullo (intersection of intervals).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from config.base.clock import US_PER_MINUTE, US_PER_S, from_datetime

QUARTER_US = 15 * US_PER_MINUTE
ZONE_SLACK_US = 2 * US_PER_MINUTE
ZONE_US_MAX = 14 * 60 * US_PER_MINUTE
YEARS = range(1970, 2200)
_POSIX_ZONE = re.compile(r"(?:[A-Za-z]{3,}|<[^>]{1,16}>)([+-]?)(\d{1,2})(?::(\d{2}))?(?::(\d{2}))?")


@dataclass(frozen=True)
class CameraTime:
    """What a camera answered; ``utc_us`` to the second."""

    utc_us: int
    zone: str = ""
    """POSIX TZ, as the camera says it."""
    from_local: bool = False
    """It gave no UTC: this was made from its local time and its zone."""


@dataclass(frozen=True)
class ClockOffset:
    """Camera minus agent lies within ``offset_us ± bound_us``, seen at ``observed_us`` (the agent's own time)."""

    offset_us: int
    bound_us: int
    observed_us: int

    @property
    def looks_like_a_zone(self) -> bool:
        """Off by whole quarters of an hour: local time given as UTC, or a wrong zone."""
        quarters = round(self.offset_us / QUARTER_US)
        near = abs(self.offset_us - quarters * QUARTER_US) <= ZONE_SLACK_US
        return quarters != 0 and near and abs(self.offset_us) <= ZONE_US_MAX + ZONE_SLACK_US


@dataclass(frozen=True)
class Sample:
    """One answer: the agent's time when it asked and when it had the answer."""

    camera_us: int
    asked_us: int
    answered_us: int

    @property
    def interval(self) -> tuple[int, int]:
        return self.camera_us - self.answered_us, self.camera_us + US_PER_S - self.asked_us


def narrowed(samples: Iterable[Sample]) -> ClockOffset | None:
    """What all samples together say; the newest alone where the clock was set between them; None without any."""
    given = list(samples)
    if not given:
        return None
    low, high = given[-1].interval
    for sample in reversed(given[:-1]):
        nearer = max(low, sample.interval[0]), min(high, sample.interval[1])
        if nearer[0] > nearer[1]:
            break
        low, high = nearer
    return ClockOffset((low + high) // 2, (high - low + 1) // 2, given[-1].answered_us)


def instant(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int | None:
    """Microseconds UTC; None for what is no date. A leap second counts as the second before it."""
    if year not in YEARS:
        return None
    try:
        return from_datetime(datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC))
    except ValueError:
        return None


def zone_offset_us(zone: str) -> int | None:
    """How far local time is ahead of UTC by a POSIX TZ text (``CST-8`` is eight hours ahead); None where unclear.

    Summer time is left out: its rule would have to be trusted from a clock that may be wrong.
    """
    found = _POSIX_ZONE.match(zone.strip())
    if found is None:
        return None
    sign, hours, minutes, seconds = found.groups()
    total = (int(hours) * 3_600 + int(minutes or 0) * 60 + int(seconds or 0)) * US_PER_S
    return total if sign == "-" else -total
