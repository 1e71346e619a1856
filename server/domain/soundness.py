"""When a camera's picture was no good: what open findings take out of the time that is covered.

Invariant I1: a finding spoils the time from its first bad picture until the first good one that cleared it, and for ever
where none did, whatever became of the agent. An instant that a finding names counts as said only where the clock that it
was read from is trusted there; where it is not, the order in which timelines were first heard of decides: a finding of a
wrong clock spoils every later timeline, until one after that which cleared it.

Footage from a camera's own memory is heard of last and is of earlier time, so that order says nothing of it: there an
untrusted beginning counts as 0 and an untrusted end as never. Nobody looks at its pictures: whatever was found wrong when
the agent lost the camera holds for it until a good picture was seen, and beyond that it is not examined at all.

A finding whose first bad picture was taken before the timeline it names (the agent's clock was begun anew while it made up
its mind) spoils the earlier timelines from that instant on as well.
"""

from collections.abc import Sequence
from typing import NamedTuple

from config.base.timespan import Span, SpanSet

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
    "unexamined",
)
"""Where several hold at once the first explains the gap: what hides the most comes first."""


class Moment(NamedTuple):
    """An instant of an agent's timeline; ``heard_us`` is when the server first heard of that timeline."""

    at_us: int
    timeline_id: str
    heard_us: int
    trusted: bool
    started_us: int = 0
    """When that timeline began: an instant before that was read from an earlier one."""


class PictureFinding(NamedTuple):
    """``until`` is None while the finding is open."""

    name: str
    since: Moment
    until: Moment | None
    over_us: int | None = None
    """When both its end had been and the word of it had come: whatever its clock says, no later day is spoiled."""


def spoiled(finding: PictureFinding, timeline_id: str, heard_us: int, *, stored: bool = False) -> SpanSet:
    """The time on one timeline in which the finding held; ``stored``: of footage from a camera's own memory."""
    if stored:
        start_us = finding.since.at_us if finding.since.trusted else 0
        end_us = finding.until.at_us if finding.until is not None and finding.until.trusted else FAR_US
    else:
        start_us = _begin(finding.since, timeline_id, heard_us)
        end_us = FAR_US if finding.until is None else _end(finding.until, timeline_id, heard_us)
    return SpanSet.of((start_us, end_us)) if start_us < end_us else SpanSet()


def spoilable_until_us(finding: PictureFinding, days: Sequence[Span]) -> int:
    """Where the first of ``days`` begins (they ascend) by which the finding was over; FAR_US where none does."""
    over_us = finding.over_us
    return FAR_US if over_us is None else next((day.start_us for day in days if day.start_us >= over_us), FAR_US)


def _begin(since: Moment, timeline_id: str, heard_us: int) -> int:
    if since.trusted or since.timeline_id == timeline_id:
        return since.at_us
    if heard_us >= since.heard_us:
        return 0
    return since.at_us if since.at_us < since.started_us else FAR_US


def _end(until: Moment, timeline_id: str, heard_us: int) -> int:
    if until.trusted or until.timeline_id == timeline_id:
        return until.at_us
    return 0 if heard_us > until.heard_us else FAR_US
