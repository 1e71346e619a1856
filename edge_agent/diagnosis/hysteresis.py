"""When scores become a finding: raised after n of the last m pictures, cleared after k good ones in a row. Pure.

Invariant: what cannot be told changes nothing, in either direction. A finding reaches back to the first of the pictures
that raised it, and ends at the first of those that cleared it: from the last bad picture to the first good one nothing
is known, so it counts as bad.
"""

from dataclasses import dataclass, replace
from typing import Literal

State = Literal["unknown", "clear", "open"]


@dataclass(frozen=True)
class Rule:
    """``raise_of`` is at most 64; ``threshold`` is in the finding's own unit."""

    threshold: float
    raise_after: int
    raise_of: int
    clear_after: int


@dataclass(frozen=True)
class Watch:
    """One finding of one camera. ``unknown`` until it is either raised or enough good pictures were seen."""

    state: State = "unknown"
    since_us: int = 0
    """While open: when the picture was no good for the first time."""
    recent: tuple[tuple[int, bool], ...] = ()
    """When the last ``raise_of`` pictures that told anything were taken, and whether each was bad; oldest first."""
    good_since_us: int = 0
    good: int = 0
    """Good pictures in a row."""


@dataclass(frozen=True)
class Change:
    """``until_us`` is None where the finding was raised."""

    raised: bool
    since_us: int
    until_us: int | None


def step(watch: Watch, score: float | None, at_us: int, rule: Rule) -> tuple[Watch, Change | None]:
    """The state after one more picture, and what there is to tell."""
    if score is None:
        return watch, None
    is_bad = score >= rule.threshold
    recent = (*watch.recent, (at_us, is_bad))[-rule.raise_of :]
    if is_bad:
        bad_us = [moment for moment, bad in recent if bad]
        after = replace(watch, recent=recent, good=0)
        if watch.state != "open" and len(bad_us) >= rule.raise_after:
            since_us = min(bad_us[0], at_us)  # a clock that was set back must not begin it after its end
            return replace(after, state="open", since_us=since_us), Change(
                raised=True, since_us=since_us, until_us=None
            )
        return after, None
    good_since_us = watch.good_since_us if watch.good else at_us
    after = replace(watch, recent=recent, good=min(watch.good + 1, rule.clear_after), good_since_us=good_since_us)
    if watch.state == "clear" or after.good < rule.clear_after:
        return after, None
    since_us = watch.since_us if watch.state == "open" else good_since_us
    cleared = replace(after, state="clear", since_us=0, recent=tuple((moment, False) for moment, _ in recent))
    return cleared, Change(raised=False, since_us=since_us, until_us=max(good_since_us, since_us))


def on_new_clock(watch: Watch, started_us: int) -> Watch:
    """The same on a timeline that began at ``started_us``: what was seen on earlier ones was seen before it.

    A clock that was ahead would else name instants that the new one has yet to come to.
    """
    last_us = started_us - 1
    return replace(
        watch,
        since_us=min(watch.since_us, last_us),
        good_since_us=min(watch.good_since_us, last_us),
        recent=tuple((min(moment, last_us), bad) for moment, bad in watch.recent),
    )
