"""What an audit concludes from a version that was read back, and how much of the round is due. Pure.

Invariant I1: footage whose object is missing, changed or locked too briefly is not covered from the moment it is known.
"""

from dataclasses import dataclass
from enum import StrEnum

from config.base.clock import US_PER_MINUTE, isoformat


class Drift(StrEnum):
    """What can be wrong with something that was secured, or lie where nothing should."""

    OBJECT_MISSING = "object_missing"
    OBJECT_CORRUPT = "object_corrupt"
    LOCK_SHORT = "lock_short"
    LOCK_WAS_SHORT = "lock_was_short"
    """Its lock had been shortened or taken off, and the audit has set it again: the store lets that happen."""
    DELETE_MARKER = "delete_marker"
    """The version is whole; who asks the store by key alone is told that it is gone."""
    FOREIGN_VERSION = "foreign_version"
    """Another version of a key that is ours, with other bytes."""
    FOREIGN_OBJECT = "foreign_object"
    """A key that belongs to no recording."""
    BYTES_CHANGED = "bytes_changed"
    """The bytes that came back are others than the store's own checksum says."""
    UNDECODABLE = "undecodable"
    """The bytes are the agent's, and no pictures can be got out of them."""
    PICTURE_FROZEN = "picture_frozen"
    PICTURE_TOO_DARK = "picture_too_dark"
    CLOCK_OFF = "clock_off"
    """It does not last as long as it claims, or claims a time that had not come."""


DEEP = frozenset(
    {Drift.BYTES_CHANGED, Drift.UNDECODABLE, Drift.PICTURE_FROZEN, Drift.PICTURE_TOO_DARK, Drift.CLOCK_OFF}
)
"""Drifts that only reading the bytes shows: looking at the store's word alone neither finds nor settles them."""
OF_THE_BYTES = frozenset({"undecodable", "picture_frozen", "picture_too_dark", "clock_off"})
"""Refusals that another upload of the same bytes cannot put right."""

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


def lock_of(seen: Seen | None) -> str:
    """A word on the lock."""
    until_us = seen.compliance_until_us if seen is not None else None
    return "no lock that holds" if until_us is None else f"locked until {isoformat(until_us)}"


def difference(held: Held, seen: Seen | None) -> str:
    """A word on what is other than it was secured."""
    if seen is None:
        return "the store has no such version"
    if seen.size_bytes != held.size_bytes:
        return f"{seen.size_bytes} bytes instead of {held.size_bytes}"
    return "the digest is another one"
