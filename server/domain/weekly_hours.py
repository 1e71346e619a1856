"""Weekly hours on the wall clocks of a site: which instants they hold, when they end, when they begin again. Pure.

    >>> hours = parse("mon-fri 08:00-17:30; sat 09:00-12:00")
    >>> window_at(hours, instant_us, ZoneInfo("Europe/Berlin"))

Invariant (I6): where clocks go back and a time comes twice, or go forward and it never comes, the shorter of the possible
windows counts, so that nobody sees a minute longer than was meant.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from config.base.clock import from_datetime, to_datetime
from config.base.errors import InvalidInput
from config.base.timespan import Span

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MIN = 24 * 60
LINES_MAX = 16
LOOK_AHEAD_DAYS = 8
_LINE = re.compile(r"(\w{3})(?:-(\w{3}))? (\d\d):(\d\d)-(\d\d):(\d\d)")


@dataclass(frozen=True)
class Hours:
    """``(weekday, start, end)``: minutes after that day's midnight; an end past 24 h is on the next day."""

    lines: tuple[tuple[int, int, int], ...]


def parse(text: str) -> Hours:
    """Reads ``mon-fri 08:00-17:30; sat 09:00-12:00``; an end before its start is on the next day. Raises InvalidInput."""
    found: set[tuple[int, int, int]] = set()
    parts = [part.strip().lower() for part in text.split(";") if part.strip()]
    if not parts or len(parts) > LINES_MAX:
        raise InvalidInput("write weekly hours such as mon-fri 08:00-17:30; several with semicolons", code="not_hours")
    for part in parts:
        matched = _LINE.fullmatch(part)
        if matched is None or matched[1] not in DAYS or (matched[2] or matched[1]) not in DAYS:
            raise InvalidInput(f"{part!r} is no weekly hour: write mon-fri 08:00-17:30", code="not_hours")
        start, end = (int(matched[at]) * 60 + int(matched[at + 1]) for at in (3, 5))
        if start >= DAY_MIN or end > DAY_MIN or start == end or int(matched[4]) > 59 or int(matched[6]) > 59:
            raise InvalidInput(f"{part!r} names an hour that there is not, or nothing", code="not_hours")
        first, last = DAYS.index(matched[1]), DAYS.index(matched[2] or matched[1])
        for step in range((last - first) % 7 + 1):
            found.add(((first + step) % 7, start, end + (DAY_MIN if end < start else 0)))
    return Hours(tuple(sorted(found)))


def window_at(hours: Hours, at_us: int, zone: ZoneInfo) -> Span | None:
    """The window that holds the instant: where several do, up to the latest end. None outside all of them."""
    holding = [span for span in _windows(hours, at_us, zone, -2, 1) if span.start_us <= at_us < span.end_us]
    if not holding:
        return None
    return Span(min(span.start_us for span in holding), max(span.end_us for span in holding))


def next_start_us(hours: Hours, at_us: int, zone: ZoneInfo) -> int | None:
    """When the next window begins after the instant; None where none does within eight days."""
    return min(
        (s.start_us for s in _windows(hours, at_us, zone, 0, LOOK_AHEAD_DAYS) if s.start_us > at_us), default=None
    )


def day_of(at_us: int, zone: ZoneInfo) -> str:
    """The site's own date at an instant, as ISO text."""
    return to_datetime(at_us).astimezone(zone).date().isoformat()


def _windows(hours: Hours, at_us: int, zone: ZoneInfo, first: int, last: int) -> Iterator[Span]:
    today = to_datetime(at_us).astimezone(zone).date()
    for step in range(first, last + 1):
        day = today + timedelta(days=step)
        for weekday, start, end in hours.lines:
            if weekday == day.weekday():
                start_us, end_us = max(_instants(day, start, zone)), min(_instants(day, end, zone))
                if start_us < end_us:
                    yield Span(start_us, end_us)


def _instants(day: date, minute: int, zone: ZoneInfo) -> tuple[int, int]:
    """Both readings of a local time; they differ only where clocks change."""
    moment = datetime.combine(day + timedelta(days=minute // DAY_MIN), time.min) + timedelta(minutes=minute % DAY_MIN)
    early, late = (from_datetime(moment.replace(tzinfo=zone, fold=fold).astimezone(UTC)) for fold in (0, 1))
    return early, late
