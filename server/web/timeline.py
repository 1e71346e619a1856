"""The drawing of a camera's day: one path per state, whole numbers, nothing smaller than a step of its grid.

Gaps are rounded outward and drawn last, with a stroke that keeps its width at any scale: rounding and zooming may make
a gap look longer, never shorter or hidden (invariant I1). States differ by height and by pattern as well as by colour;
patterns are horizontal, because the drawing is stretched sideways.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from config.base.clock import US_PER_S
from config.base.timespan import Span, SpanSet
from server.domain.coverage import Cause
from server.services.coverage.read_day import CameraDay, GapView

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
    "unsound": (2, 30),
    "missing": (0, 32),
}
"""State → (top, height) of its band; drawn in this order."""
SHOWN_STATES = ("covered", "backfilled", "in_flight", "unsound", "unverified", "missing", "idle", "ahead")
"""As a legend tells them."""
GAPS = frozenset({"missing", "unsound", "unverified"})
UNSOUND = frozenset(cause for cause in Cause if cause.startswith("picture_")) | {Cause.CLOCK_ERROR}
"""Causes of a gap of which there is a recording that is known to be no good."""


@dataclass(frozen=True)
class Band:
    """Everything of one state in one window."""

    state: str
    path: str


@dataclass(frozen=True)
class Axis:
    """The rules of a window, one path of the longer and one of the others, and words: (per cent of the width, text, anchor)."""

    major: str
    minor: str
    words: list[tuple[str, str, str]]


@dataclass(frozen=True)
class Drawing:
    """A window of time, ready to be drawn; ``now`` is None where it lies outside."""

    width: int
    bands: list[Band]
    now: str | None


def steady(now_us: int) -> int:
    """Now, rounded down to the grid: a drawing changes with what is known, not with every second."""
    return now_us // STEP_US * STEP_US


def states_of(camera: CameraDay, day: Span, now_us: int) -> dict[str, SpanSet]:
    """State → its time within the day. Every instant has exactly one; what no evidence names is idle, or ahead."""
    past = SpanSet.of((day.start_us, max(day.start_us, min(day.end_us, now_us))))
    told = _gap_spans(camera, now_us)
    missing = told["missing"] & past
    unsound = (told["unsound"] & past) - missing
    unverified = (told["unverified"] & past) - missing - unsound
    gaps = missing | unsound | unverified
    backfilled = (SpanSet(camera.backfilled) & past) - gaps
    covered = (SpanSet(camera.covered) & past) - gaps - backfilled
    in_flight = (SpanSet(camera.in_flight) & past) - gaps - backfilled - covered
    named = (gaps, backfilled, covered, in_flight)
    # They lie within the past and apart from one another: where they are as long as it is, nothing of it is left.
    idle = SpanSet()
    if sum(one.total_us for one in named) < past.total_us:
        idle = past - gaps - backfilled - covered - in_flight
    return {
        "ahead": SpanSet.of(day) - past,
        "idle": idle,
        "covered": covered,
        "backfilled": backfilled,
        "in_flight": in_flight,
        "unverified": unverified,
        "unsound": unsound,
        "missing": missing,
    }


def draw(states: dict[str, SpanSet], window: Span, now_us: int, step_us: int = STEP_US) -> Drawing:
    """The bands of one window, on a grid of ``step_us``."""
    bands = [Band(state, _path(state, states[state].clip(*window), window, step_us)) for state in BANDS]
    width = -(-window.duration_us // step_us)
    now = percent(now_us, window) if window.start_us <= now_us <= window.end_us else None
    return Drawing(width, [band for band in bands if band.path], now)


def rule(window: Span, instants_us: Iterable[int], top: int, bottom: int) -> str:
    """Upright lines on the grid of a drawing of ``window``."""
    return "".join(f"M{(at_us - window.start_us) // STEP_US} {top}V{bottom}" for at_us in instants_us)


def percent(instant_us: int, window: Span) -> str:
    """Where an instant lies in a window."""
    return f"{100 * (instant_us - window.start_us) / window.duration_us:.3f}%"


def hours(day: Span) -> Iterable[int]:
    """The whole hours of a day as they pass: 23, 24 or 25 of them, and its end."""
    return range(day.start_us, day.end_us + 1, HOUR_US)


def state_of(gap: GapView) -> str:
    """``missing``, ``unsound`` or ``unverified``."""
    return "unsound" if gap.status == "missing" and gap.cause in UNSOUND else gap.status


def _gap_spans(camera: CameraDay, now_us: int) -> dict[str, SpanSet]:
    """By state, each of ``GAPS``."""
    found: dict[str, list[tuple[int, int]]] = {state: [] for state in GAPS}
    for gap in camera.gaps:
        end_us = gap.end_us if gap.end_us is not None else now_us
        found[state_of(gap)].append((gap.start_us, max(gap.start_us, end_us)))
    return {state: SpanSet(parts) for state, parts in found.items()}


def _path(state: str, spans: SpanSet, window: Span, step_us: int) -> str:
    """Each number is told once, from where the last piece began or ended: a day of drops is thousands of them."""
    top, height = BANDS[state]
    outward = state in GAPS
    runs: list[list[int]] = []
    for start_us, end_us in spans:
        since, until = start_us - window.start_us, end_us - window.start_us
        left = since // step_us if outward else round(since / step_us)
        right = -(-until // step_us) if outward else round(until / step_us)
        if runs and left <= runs[-1][1]:
            runs[-1][1] = right
        elif right > left:
            runs.append([left, right])
    if not runs:
        return ""
    parts: list[str] = []
    at = 0
    if outward:
        # A rectangle each: the line around it is what keeps a short one visible.
        for left, right in runs:
            parts.append(f"m{left - at} {0 if parts else top}v{height}h{right - left}v-{height}z")
            at = left
        return "".join(parts)
    # Without a line around it, one outline: along the bottom to a piece, over it and down.
    for left, right in runs:
        along = f"h{left - at}" if parts else f"M{left} {top + height}"
        parts.append(f"{along}v-{height}h{right - left}v{height}")
        at = right
    return "".join(parts)
