"""When a partition should be armed: weekly hours on the wall clocks of the site. Pure: the instant is an argument.

    >>> hours = parse(["mon-fri 19:00-07:00", "sat-sun 00:00-24:00"])
    >>> should_be_armed(hours, instant_us, ZoneInfo("Asia/Shanghai"))

Invariant: hours are those of the site's own day (I5): where clocks go forward an hour that does not exist asks for
nothing, where they go back an hour that comes twice asks twice.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from config.base.clock import US_PER_S, to_datetime
from config.base.errors import ConfigurationError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MIN = 24 * 60
WEEK_MIN = 7 * DAY_MIN
_HOURS = re.compile(r"(\w{3})(?:-(\w{3}))? (\d\d):(\d\d)-(\d\d):(\d\d)")


@dataclass(frozen=True)
class Weekly:
    """Half-open spans ``[start, end)`` in minutes of a week that begins on Monday."""

    spans: tuple[tuple[int, int], ...]

    def __contains__(self, minute: int) -> bool:
        return any(start <= minute < end for start, end in self.spans)


def parse(lines: Iterable[str], name: str = "armed") -> Weekly:
    """Raises ConfigurationError naming the setting. An end before its start is on the next day."""
    spans: list[tuple[int, int]] = []
    for line in lines:
        found = _HOURS.fullmatch(line.strip().lower())
        if found is None or found[1] not in DAYS or (found[2] or found[1]) not in DAYS:
            raise ConfigurationError(f"'{name}': {line!r} is no weekly hour: write it as \"mon-fri 19:00-07:00\"")
        start, end = int(found[3]) * 60 + int(found[4]), int(found[5]) * 60 + int(found[6])
        if start >= DAY_MIN or end > DAY_MIN or start == end or int(found[4]) > 59 or int(found[6]) > 59:
            raise ConfigurationError(f"'{name}': {line!r} names an hour that there is not, or nothing")
        for day in _days(DAYS.index(found[1]), DAYS.index(found[2] or found[1])):
            begin = day * DAY_MIN + start
            until = day * DAY_MIN + end + (DAY_MIN if end < start else 0)
            spans.append((begin, min(until, WEEK_MIN)))
            if until > WEEK_MIN:  # Sunday night goes on into Monday
                spans.append((0, until - WEEK_MIN))
    return Weekly(tuple(sorted(spans)))


def should_be_armed(hours: Weekly, instant_us: int, zone: ZoneInfo) -> bool:
    """Whether the hours ask for it at an instant."""
    local = to_datetime(instant_us).astimezone(zone)
    return local.weekday() * DAY_MIN + local.hour * 60 + local.minute in hours


def off_schedule(hours: Weekly, instant_us: int, grace_s: int, zone: ZoneInfo, *, armed: bool | None) -> str:
    """What is wrong at an instant: ``not_armed``, ``not_disarmed`` or nothing.

    ``armed``: what the panel last said, None where it never did: of that nothing can be said. Wrong is only what the
    hours have asked for during all of the grace.
    """
    if armed is None:
        return ""
    wanted = should_be_armed(hours, instant_us, zone)
    step_us = 60 * US_PER_S
    since = range(instant_us - grace_s * US_PER_S, instant_us, step_us)
    if wanted == armed or any(should_be_armed(hours, at_us, zone) != wanted for at_us in since):
        return ""
    return "not_armed" if wanted else "not_disarmed"


def _days(first: int, last: int) -> list[int]:
    return [(first + step) % 7 for step in range((last - first) % 7 + 1)]
