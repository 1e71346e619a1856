"""What a deep audit concludes from footage that was read back and decoded. Pure.

Invariant I1: what cannot be decoded, shows nothing, stands still or does not last as long as it claims is no footage of
its minute. What could not be found out is *unknown*, and counts as a fault in the bound.

The figures are those of the agent's diagnosis (``edge_agent/diagnosis``): the share of places in which nothing changed
from one keyframe to the next, and how dark the brightest twentieth of the picture is. The decisions are over one segment
instead of a running window. Too few pictures decide nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from server.domain.audit import Drift

PAIRS_MIN = 9
"""Of keyframes; fewer decide nothing about standing still."""
PICTURES_MIN = 5
FROZEN_OF_PAIRS = 0.9
"""18 of 20, as in the agent's rule."""
DARK_OF_PICTURES = 0.8
"""8 of 10, as in the agent's rule."""


class Outcome(StrEnum):
    """What became of a sample."""

    WAITING = "waiting"
    SOUND = "sound"
    FAULT = "fault"
    UNKNOWN = "unknown"
    """It could not be found out; counted as a fault in the bound."""
    GONE = "gone"
    """Deleted on its day since it was drawn, which only a repeated audit meets; not counted."""


@dataclass(frozen=True)
class Rules:
    """From the settings."""

    frozen_share: float
    dark_share: float
    clock_tolerance_us: int
    unsound: frozenset[str]
    """Names of the picture findings whose time is not covered by policy."""

    def spoils(self, drift: Drift) -> bool:
        """Whether a drift takes its minutes out of what is covered."""
        name = {Drift.PICTURE_FROZEN: "frozen", Drift.PICTURE_TOO_DARK: "too_dark"}.get(drift)
        return name is None or name in self.unsound


@dataclass(frozen=True)
class Footage:
    """What decoding one segment said. ``dark`` and ``unchanged`` are from 0 to 1."""

    duration_us: int
    frames: int
    pictures: int
    """Keyframes that were decoded."""
    dark: Sequence[float] = field(default_factory=tuple)
    unchanged: Sequence[float] = field(default_factory=tuple)
    """Of pairs of keyframes that can tell; black and clipped places cannot."""


@dataclass(frozen=True)
class Claim:
    """What the manifest says of it, and when the server got the manifest."""

    duration_us: int
    end_us: int
    received_us: int


def fault_of(footage: Footage, claim: Claim, rules: Rules) -> tuple[Drift, str] | None:
    """What is wrong with a segment that could be decoded, and a word on it."""
    off_us = footage.duration_us - claim.duration_us
    if abs(off_us) > rules.clock_tolerance_us:
        return Drift.CLOCK_OFF, f"lasts {footage.duration_us / 1e6:.1f} s and claims {claim.duration_us / 1e6:.1f} s"
    if claim.end_us - claim.received_us > rules.clock_tolerance_us:
        ahead_s = (claim.end_us - claim.received_us) / 1e6
        return Drift.CLOCK_OFF, f"ends {ahead_s:.1f} s after the server had heard of it"
    dark = _share(footage.dark, rules.dark_share)
    if len(footage.dark) >= PICTURES_MIN and dark >= DARK_OF_PICTURES:
        return Drift.PICTURE_TOO_DARK, f"{dark:.0%} of {len(footage.dark)} pictures are black"
    still = _share(footage.unchanged, rules.frozen_share)
    if len(footage.unchanged) >= PAIRS_MIN and still >= FROZEN_OF_PAIRS:
        return Drift.PICTURE_FROZEN, f"{still:.0%} of {len(footage.unchanged)} pictures are the one before"
    return None


def _share(values: Sequence[float], threshold: float) -> float:
    return sum(value >= threshold for value in values) / len(values) if values else 0.0
