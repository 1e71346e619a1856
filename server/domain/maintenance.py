"""Planned maintenance: a cause of its own for time that nobody recorded, declared before it began. Pure.

Invariants: maintenance covers nothing and excuses nothing that was recorded and lost; it changes what a gap is put down to,
never how long it is or how sure that is. Nobody declares it afterwards, and what has begun can only be cut short.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import NamedTuple

from config.base.clock import US_PER_DAY, US_PER_S
from config.base.errors import Conflict, InvalidInput
from config.base.timespan import Span, SpanSet
from server.domain.verdict import day_of, day_span

US_PER_HOUR = 3_600 * US_PER_S
AHEAD_US_MAX = 400 * US_PER_DAY


class Window(NamedTuple):
    """As declared; ``cut_us`` is where it ended after all. ``camera_id`` None is every camera of the site."""

    camera_id: str | None
    start_us: int
    end_us: int
    declared_us: int
    cut_us: int | None = None

    @property
    def until_us(self) -> int:
        """Where it ends as things stand."""
        return self.end_us if self.cut_us is None else min(self.end_us, self.cut_us)


class MaintenanceLimits(NamedTuple):
    """How long before it maintenance is declared, and how many hours of a calendar month a camera may have of it."""

    notice_hours: float
    hours_a_month: float


def windows_of(camera_id: str, windows: Iterable[Window]) -> SpanSet:
    """When a camera was under maintenance that had been declared before it began."""
    return SpanSet(
        (window.start_us, window.until_us)
        for window in windows
        if window.camera_id in (None, camera_id) and window.declared_us < window.start_us < window.until_us
    )


def check_declared(
    wanted: Window, known: Sequence[Window], cameras: Sequence[str], timezone: str, limits: MaintenanceLimits
) -> None:
    """Raises InvalidInput where the policy does not allow ``wanted``, which is declared at its ``declared_us``."""
    if not wanted.start_us < wanted.end_us:
        raise InvalidInput("maintenance ends after it begins: correct the times", code="maintenance_empty")
    if (
        wanted.start_us - wanted.declared_us < limits.notice_hours * US_PER_HOUR
        or wanted.start_us <= wanted.declared_us
    ):
        raise InvalidInput(
            f"maintenance is declared {limits.notice_hours:g} h before it begins: choose a later time",
            code="maintenance_too_soon",
        )
    if wanted.end_us - wanted.declared_us > AHEAD_US_MAX:
        raise InvalidInput("maintenance is declared at most 400 days ahead", code="maintenance_too_far")
    for camera_id in cameras:
        planned = windows_of(camera_id, [*known, wanted])
        for month in _months(wanted, timezone):
            if planned.clip(month.start_us, month.end_us).total_us > limits.hours_a_month * US_PER_HOUR:
                raise InvalidInput(
                    f"a camera has at most {limits.hours_a_month:g} h of maintenance in a month: shorten it, or move it",
                    code="maintenance_too_long",
                )


def cut_at(window: Window, now_us: int) -> int:
    """Where a window ends that is ended now: where it began, if it has not. Raises Conflict where it is over."""
    if window.until_us <= max(now_us, window.start_us):
        raise Conflict("this maintenance is over: it stays as it was", code="maintenance_over")
    return max(now_us, window.start_us)


def _months(window: Window, timezone: str) -> list[Span]:
    """The site's own calendar months that a window reaches into."""
    found: list[Span] = []
    first = day_of(window.start_us, timezone).replace(day=1)
    while not found or found[-1].end_us < window.end_us:
        following = (first + timedelta(days=32)).replace(day=1)
        found.append(Span(day_span(first, timezone).start_us, day_span(following, timezone).start_us))
        first = following
    return found
