"""Which instants weekly hours ask for: of a camera's coverage, of an alarm partition's arming. Pure.

Invariant I1: where clocks go back an hour that comes twice is asked for twice, where they go forward what is left of it
is, and of an hour that never comes nothing: never less is asked for than the words can mean, and nothing else. (What is *allowed* by hours goes by the shorter reading:
``weekly_hours.window_at``.)
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from config.base.clock import from_datetime, to_datetime
from config.base.timespan import Span, SpanSet
from server.domain.weekly_hours import DAY_MIN, parse


def required(hours: str, window: Span, timezone: str) -> SpanSet:
    """The part of a window that the hours hold; all of it where ``hours`` is empty. Raises InvalidInput for no hours."""
    if not hours:
        return SpanSet.of(window)
    lines, zone = parse(hours).lines, ZoneInfo(timezone)
    first = to_datetime(window.start_us).astimezone(zone).date() - timedelta(days=1)
    last = to_datetime(window.end_us).astimezone(zone).date()
    found = []
    for step in range((last - first).days + 1):
        day = first + timedelta(days=step)
        found += [_widest(day, start, end, timezone) for weekday, start, end in lines if weekday == day.weekday()]
    return SpanSet(span for span in found if span[0] < span[1]).clip(window.start_us, window.end_us)


@lru_cache(maxsize=4_096)
def _widest(day: date, start_min: int, end_min: int, timezone: str) -> tuple[int, int]:
    return min(_readings(day, start_min, timezone)), max(_readings(day, end_min, timezone))


def _readings(day: date, minute: int, timezone: str) -> tuple[int, int]:
    """Both instants at which clocks show it; where they never do, the one at which they go past it."""
    moment = datetime.combine(day + timedelta(days=minute // DAY_MIN), time()) + timedelta(minutes=minute % DAY_MIN)
    zone = ZoneInfo(timezone)
    first, second = (from_datetime(moment.replace(tzinfo=zone, fold=fold).astimezone(UTC)) for fold in (0, 1))
    if first <= second:
        return first, second
    # By the offset before the step it is later than by the one after it (PEP 495): the step lies between them.
    before_us, after_us, offset = second, first, to_datetime(first).astimezone(zone).utcoffset()
    while after_us - before_us > 1:
        middle_us = (before_us + after_us) // 2
        if to_datetime(middle_us).astimezone(zone).utcoffset() == offset:
            after_us = middle_us
        else:
            before_us = middle_us
    return after_us, after_us
