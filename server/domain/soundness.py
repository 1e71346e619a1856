"""When a camera's picture was no good: what open findings take out of the time that is covered.

Invariant I1: a finding spoils the time from its first bad picture until the first good one that cleared it, and for ever
where none did, whatever became of the agent. An instant that a finding names counts as said only where the clock that it
was read from is trusted there; where it is not, the order in which timelines were first heard of decides: a finding of a
wrong clock spoils every later timeline, until one after that which cleared it.
"""

from typing import NamedTuple

from config.base.timespan import SpanSet

FAR_US = 2**53
PRECEDENCE = (
    "signal_loss",
    "too_dark",
    "too_bright",
    "occluded",
    "blurred",
    "frozen",
    "scene_moved",
    "streaks",
    "noise",
    "colour_cast",
)
"""Where several hold at once the first explains the gap: what hides the most comes first."""


class Moment(NamedTuple):
    """An instant of an agent's timeline; ``heard_us`` is when the server first heard of that timeline."""

    at_us: int
    timeline_id: str
    heard_us: int
    trusted: bool


class PictureFinding(NamedTuple):
    """``until`` is None while the finding is open."""

    name: str
    since: Moment
    until: Moment | None


def spoiled(finding: PictureFinding, timeline_id: str, heard_us: int) -> SpanSet:
    """The time on one timeline in which the finding held."""
    start_us = _begin(finding.since, timeline_id, heard_us)
    end_us = FAR_US if finding.until is None else _end(finding.until, timeline_id, heard_us)
    return SpanSet.of((start_us, end_us)) if start_us < end_us else SpanSet()


def _begin(since: Moment, timeline_id: str, heard_us: int) -> int:
    if since.trusted or since.timeline_id == timeline_id:
        return since.at_us
    return 0 if heard_us >= since.heard_us else FAR_US


def _end(until: Moment, timeline_id: str, heard_us: int) -> int:
    if until.trusted or until.timeline_id == timeline_id:
        return until.at_us
    return 0 if heard_us > until.heard_us else FAR_US
