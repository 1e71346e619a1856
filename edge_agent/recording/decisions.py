"""Where segments are cut. Pure: instants are arguments.

Invariant: a cut falls on a keyframe, the one nearest to the wall-clock boundary as far as can be told from the
distance of the last two; no segment grows past what the wire contract allows.
"""

from dataclasses import dataclass
from typing import Literal

from config.base.clock import US_PER_S
from config.wire.segments import SEGMENT_SPAN_US_MAX

OVERRUN_US_MAX = 10 * US_PER_S
SEGMENT_BYTES_MAX = 2**31
SEGMENT_FRAMES_MAX = 90_000
BOUNDARY_SLACK_US = 1 * US_PER_S
RESTATED_US_MAX = 5 * US_PER_S
"""By how much the start of a run may be claimed earlier than it was stated when the run began."""
RESTATED_US_MIN = 50_000
"""A smaller correction waits for the segment's end."""
LEARNED_WITHIN_US = 10 * US_PER_S
"""So long a run is watched for frames that come sooner than its first; what goes on after it is no start seen late."""


@dataclass(frozen=True)
class SegmentState:
    """What the cut depends on; instants in microseconds UTC."""

    start_us: int
    size_bytes: int
    frames: int
    keyframe_distance_us: int
    """Between the last two keyframes; 0 where only one has been seen."""


def boundary_after(start_us: int, keyframe_distance_us: int, segment_us: int) -> int:
    """The wall-clock boundary at which a segment that starts at ``start_us`` should end.

    A segment that began just short of a boundary, because its keyframe was nearest to it, runs to the next one.
    """
    slack_us = min(segment_us // 2, max(BOUNDARY_SLACK_US, keyframe_distance_us))
    return ((start_us + slack_us) // segment_us + 1) * segment_us


def cut_at_keyframe(state: SegmentState, keyframe_us: int, segment_us: int) -> bool:
    """Whether a keyframe captured at ``keyframe_us`` opens the next segment."""
    if state.size_bytes >= SEGMENT_BYTES_MAX or state.frames >= SEGMENT_FRAMES_MAX:
        return True
    next_us = keyframe_us + state.keyframe_distance_us
    if next_us - state.start_us > span_us_max(segment_us):
        return True
    boundary_us = boundary_after(state.start_us, state.keyframe_distance_us, segment_us)
    return next_us > boundary_us and abs(keyframe_us - boundary_us) <= abs(next_us - boundary_us)


def overlong(elapsed_us: int, frames: int, segment_us: int) -> bool:
    """Whether a frame that is no keyframe is one too many: the camera sends keyframes too rarely to be cut."""
    return elapsed_us >= span_us_max(segment_us) or frames >= 100_000


def span_us_max(segment_us: int) -> int:
    """The longest that a segment may be."""
    return min(segment_us + OVERRUN_US_MAX, SEGMENT_SPAN_US_MAX - US_PER_S)


def seen_late_us(learned: list[tuple[int, int]]) -> int:
    """By how much a run was seen to begin too late.

    ``learned``: ``(since_us, sooner_us)``, how much sooner after its picture a frame came than the first, so long after
    it. What came late at first catches up and then stays; a camera whose time runs fast draws ahead for ever, and its
    first frame was captured when it came. So what was still gained later is taken off, at its rate (I1).
    """
    until_us, in_all_us = learned[-1]
    within_us = min(LEARNED_WITHIN_US, until_us * 2 // 3)
    first_us = max((sooner_us for since_us, sooner_us in learned if since_us <= within_us), default=0)
    return max(0, first_us - max(0, in_all_us - first_us) * within_us // max(1, until_us - within_us))


RunBreak = Literal["", "parameters", "timeline"]


def run_break(*, parameters_changed: bool, timeline_changed: bool) -> RunBreak:
    """Why an unbroken stream must still begin a new run at a keyframe."""
    if parameters_changed:
        return "parameters"
    return "timeline" if timeline_changed else ""
