"""What an audit concludes from a version that was read back, and how much of the round is due. Pure.

Invariant I1: footage whose object is missing, changed or locked too briefly is not covered from the moment it is known.
"""

from dataclasses import dataclass
from enum import StrEnum

from config.base.clock import US_PER_MINUTE


class Drift(StrEnum):
    """What can be wrong with something that was secured, or lie where nothing should."""

    OBJECT_MISSING = "object_missing"
    OBJECT_CORRUPT = "object_corrupt"
    LOCK_SHORT = "lock_short"
    DELETE_MARKER = "delete_marker"
    """The version is whole; who asks the store by key alone is told that it is gone."""
    FOREIGN_VERSION = "foreign_version"
    """Another version of a key that is ours, with other bytes."""
    FOREIGN_OBJECT = "foreign_object"
    """A key that belongs to no recording."""


UNSOUND = frozenset({Drift.OBJECT_MISSING, Drift.OBJECT_CORRUPT, Drift.LOCK_SHORT})
"""Drifts that take the recording's time out of what is covered."""

ROUND_US = 20 * 60 * US_PER_MINUTE
"""A round is paced to end four hours early, so that a slow store does not break the promise of one in 24 h."""


@dataclass(frozen=True)
class Held:
    """What the database holds of a secured version; ``floor_us`` is the policy's today."""

    size_bytes: int
    sha256: str
    retain_until_us: int
    floor_us: int


@dataclass(frozen=True)
class Seen:
    """What the store says of it."""

    size_bytes: int
    sha256: str | None
    compliance_until_us: int | None
    """When a COMPLIANCE lock ends; None where there is none, or one that can be lifted."""


def drift_of(held: Held, seen: Seen | None) -> Drift | None:
    """What is wrong with a version; None where it is as it was secured."""
    if seen is None:
        return Drift.OBJECT_MISSING
    if (seen.size_bytes, seen.sha256) != (held.size_bytes, held.sha256):
        return Drift.OBJECT_CORRUPT
    if seen.compliance_until_us is None or seen.compliance_until_us < held.retain_until_us:
        return Drift.LOCK_SHORT
    return None


def lengthens(held: Held, seen: Seen) -> bool:
    """Whether the policy has grown since: the lock is what it was, and no longer enough."""
    return seen.compliance_until_us is not None and seen.compliance_until_us < held.floor_us


def due(total: int, elapsed_us: int) -> int:
    """How many of ``total`` versions should have been checked ``elapsed_us`` into a round."""
    return min(total, -(-total * max(0, elapsed_us) // ROUND_US))


@dataclass(frozen=True)
class Forecast:
    """When the store is full at today's rate, and whether the promise ends before."""

    bytes_a_day: int
    needed_bytes: int
    """What lies there once every recording of the floor's days is kept at that rate."""
    full_in_days: float | None
    """None where the capacity is not known, or never."""
    promise_holds: bool | None


def forecast(used_bytes: int, bytes_a_day: int, capacity_bytes: int, retain_days: int, oldest_days: float) -> Forecast:
    """From what was secured in the last 24 h; ``capacity_bytes`` 0 is unknown.

    Recordings go on their day, so a store that has been running for ``retain_days`` neither grows nor fills.
    """
    steady_bytes = bytes_a_day * (retain_days + 1)
    if capacity_bytes <= 0:
        return Forecast(bytes_a_day, steady_bytes, None, None)
    until_steady_days = max(0.0, retain_days + 1 - oldest_days)
    left_days = (capacity_bytes - used_bytes) / bytes_a_day if bytes_a_day else None
    fills = left_days is not None and left_days < until_steady_days
    return Forecast(
        bytes_a_day, steady_bytes, max(0.0, left_days) if fills and left_days is not None else None, not fills
    )
