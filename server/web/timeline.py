"""The drawing of a camera's day: one path per state, whole numbers, nothing smaller than ten seconds.

Gaps are rounded outward and drawn last, with a stroke that keeps its width at any scale: rounding and zooming may make
a gap look longer, never shorter or hidden (invariant I1). States differ by height and by pattern as well as by colour;
patterns are horizontal, because the drawing is stretched sideways.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from config.base.clock import US_PER_S
from config.base.timespan import Span, SpanSet
from server.services.coverage.read_day import CameraDay

STEP_US = 10 * US_PER_S
HOUR_US = 3_600 * US_PER_S
HEIGHT = 36
BANDS = {
    "ahead": (31, 1),
    "idle": (30, 2),
    "covered": (8, 24),
    "backfilled": (8, 24),
    "in_flight": (24, 8),
    "unverified": (4, 28),
    "missing": (0, 32),
}
"""State → (top, height) of its band; drawn in this order."""
GAPS = frozenset({"missing", "unverified"})


@dataclass(frozen=True)
class Band:
    """Everything of one state in one window."""

    state: str
    path: str


@dataclass(frozen=True)
class Tick:
    """A mark on the axis, ``at`` in per cent of the width."""

    at: str
    label: str
    major: bool
    anchor: str = "middle"


@dataclass(frozen=True)
class Drawing:
    """A window of time, ready to be drawn; ``now`` is None where it lies outside."""

    width: int
    bands: list[Band]
    ticks: list[Tick]
    now: str | None


def steady(now_us: int) -> int:
    """Now, rounded down to the grid: a drawing changes with what is known, not with every second."""
    return now_us // STEP_US * STEP_US


def states_of(camera: CameraDay, day: Span, now_us: int) -> dict[str, SpanSet]:
    """State → its time within the day. Every instant has exactly one; what no evidence names is idle, or ahead."""
    past = SpanSet.of((day.start_us, max(day.start_us, min(day.end_us, now_us))))
    missing = _gap_spans(camera, "missing", now_us) & past
    unverified = (_gap_spans(camera, "unverified", now_us) & past) - missing
    gaps = missing | unverified
    backfilled = (SpanSet(camera.backfilled) & past) - gaps
    covered = (SpanSet(camera.covered) & past) - gaps - backfilled
    in_flight = (SpanSet(camera.in_flight) & past) - gaps - backfilled - covered
    return {
        "ahead": SpanSet.of(day) - past,
        "idle": past - gaps - backfilled - covered - in_flight,
        "covered": covered,
        "backfilled": backfilled,
        "in_flight": in_flight,
        "unverified": unverified,
        "missing": missing,
    }


def draw(states: dict[str, SpanSet], window: Span, now_us: int, ticks: list[Tick]) -> Drawing:
    """The bands of one window."""
    bands = [Band(state, _path(state, states[state].clip(*window), window)) for state in BANDS]
    width = -(-window.duration_us // STEP_US)
    now = percent(now_us, window) if window.start_us <= now_us <= window.end_us else None
    return Drawing(width, [band for band in bands if band.path], ticks, now)


def percent(instant_us: int, window: Span) -> str:
    """Where an instant lies in a window."""
    return f"{100 * (instant_us - window.start_us) / window.duration_us:.3f}%"


def hours(day: Span) -> Iterable[int]:
    """The whole hours of a day as they pass: 23, 24 or 25 of them, and its end."""
    return range(day.start_us, day.end_us + 1, HOUR_US)


def _gap_spans(camera: CameraDay, status: str, now_us: int) -> SpanSet:
    return SpanSet(
        (gap.start_us, max(gap.start_us, gap.end_us if gap.end_us is not None else now_us))
        for gap in camera.gaps
        if gap.status == status
    )


def _path(state: str, spans: SpanSet, window: Span) -> str:
    top, height = BANDS[state]
    outward = state in GAPS
    parts: list[str] = []
    for start_us, end_us in spans:
        since, until = start_us - window.start_us, end_us - window.start_us
        left = since // STEP_US if outward else round(since / STEP_US)
        right = -(-until // STEP_US) if outward else round(until / STEP_US)
        if right > left:
            parts.append(f"M{left} {top}h{right - left}v{height}h{left - right}z")
    return "".join(parts)
