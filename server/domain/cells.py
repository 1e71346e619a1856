"""Challenges to a store that the centre cannot reach: when one is due, what an answer proves, and how much. Pure.

Invariant I1: a recording in a cell counts only after its agent read it back whole and locked, *and* a leaf drawn at random
among everything that waited, after that, was answered rightly. What a challenge finds wrong does not count from then on.

A challenge proves that one leaf is there; of the rest it says: where a fraction ``f`` of all kept leaves was lost or
changed, ``k`` leaves drawn evenly and answered rightly would have missed all of it with probability ``(1 - f)**k``.

Source: RFC 6962 (the tree); G. Ateniese et al., Provable Data Possession (CCS 2007), 5.1 (detection by spot checking).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from config.base.clock import US_PER_MINUTE, US_PER_S
from config.base.timespan import Span
from config.evidence.leaves import is_leaf_of
from server.domain.audit import Drift

SHARE = 0.0002
"""Of the bytes recorded, what challenges may cost on the line to the centre: with manifests, tickets, receipts and
heartbeats beside them a camera of 2 Mbit/s then stays below a thousandth."""
COST_BYTES = 75_000
"""Of a challenge and its answer; measured 74,388 with TLS and TCP around them."""
BYTES_A_DRAW = round(2 * COST_BYTES / SHARE)
"""So much newly recorded footage pays for two challenges: one among what is new, one among all that is kept."""
WAIT_US_MAX = 45 * US_PER_MINUTE
"""Where less is recorded, this long."""
PROVING_US = WAIT_US_MAX + 5 * US_PER_MINUTE
"""How long a recording may wait for its challenge before that shows as unverified."""
ANSWER_US = 60 * US_PER_MINUTE
ASK_AGAIN_US = 120 * US_PER_S
PROOF_US_MAX = 26 * 60 * US_PER_MINUTE
"""How long after the last evenly drawn leaf that was answered rightly the recordings of an agent count: a day, so that a site
without power for a night does not unsettle a quarter, and the two hours that a draw and its answer may take."""
BYTES_A_S_MAX = 6_250_000
"""Of a recording: 50 Mbit/s. Cameras of such sites send 2 to 8 Mbit/s, 4K at most 25. Who claims more, of leaves that are easily
made up, would have most draws fall on them."""
BURST_BYTES = 4 * 2**20
"""Beyond that, however short the recording is: one key frame of 4K has up to 2 MB, and there may be two."""
OVERLAP_US_MAX = 6 * US_PER_S
"""How long the recordings of one timeline may run over each other. One run ends before the next begins; a start that was
seen late is claimed up to 5 s earlier."""
DEPTH_MAX = 4
"""How many recordings of a camera may be of one instant: an agent's clock that was set right, and a camera's own memory that
was read more than once, have it recorded again on another timeline."""
AROUND_US = US_PER_MINUTE
NEIGHBOURS_MAX = 5_000


def draw_is_due(waiting_bytes: int, oldest_us: int | None, last_us: int | None, now_us: int) -> bool:
    """Whether the next pair of leaves is to be drawn: for what waits, or because the last draw is long ago."""
    if waiting_bytes >= BYTES_A_DRAW:
        return True
    since_us = oldest_us if oldest_us is not None else last_us
    return since_us is None or now_us - since_us >= WAIT_US_MAX


def is_too_dense(size_bytes: int, span_us: int) -> bool:
    """Whether a recording claims more bytes than a camera sends in that time."""
    return size_bytes > BURST_BYTES + BYTES_A_S_MAX * span_us // US_PER_S


@dataclass(frozen=True)
class Neighbour:
    """A recording of the same camera that lies in the cell already, about the same time."""

    span: Span
    timeline_id: str
    size_bytes: int


def is_too_many(span: Span, timeline_id: str, size_bytes: int, neighbours: Sequence[Neighbour]) -> bool:
    """Whether a recording comes on top of others of its camera as no camera's does.

    Leaves are drawn evenly by bytes: who may claim the same minute again and again, or in a thousand splinters, has most
    draws fall on what is easily made up. ``neighbours``: those of which any part is within ``AROUND_US``.
    """
    around_us = span.duration_us + 2 * AROUND_US
    whole_bytes = size_bytes + sum(near.size_bytes for near in neighbours)
    if len(neighbours) >= NEIGHBOURS_MAX or whole_bytes > DEPTH_MAX * (
        BURST_BYTES + BYTES_A_S_MAX * around_us // US_PER_S
    ):
        return True
    over = [near for near in neighbours if near.span.start_us < span.end_us and span.start_us < near.span.end_us]
    same_us = sum(
        min(near.span.end_us, span.end_us) - max(near.span.start_us, span.start_us)
        for near in over
        if near.timeline_id == timeline_id
    )
    begins = (max(near.span.start_us, span.start_us) for near in over)
    deepest = max((sum(n.span.start_us <= at_us < n.span.end_us for n in over) for at_us in begins), default=0)
    return same_us > OVERLAP_US_MAX or deepest >= DEPTH_MAX


def unproven_from_us(proven_us: int | None, locked_until_us: int, retain_us: int, now_us: int) -> int | None:
    """From which time on an agent's recordings do not count, because nobody has answered for them; None: all count.

    ``proven_us``: when the last evenly drawn leaf was drawn that was answered rightly. ``locked_until_us``: when the last
    of its locks ends; from then on only what is held is asked for, and counts by itself. What was kept long enough by ``proven_us`` stays proven.
    """
    if proven_us is None:
        return 0
    if min(now_us, locked_until_us) - proven_us <= PROOF_US_MAX:
        return None
    return max(0, proven_us - retain_us)


@dataclass(frozen=True)
class Asked:
    """What the database holds of the recording that was drawn; ``floor_us`` is when its lock may end at the earliest."""

    root: bytes
    size_bytes: int
    sha256: str
    version_id: str
    floor_us: int
    leaf: int


@dataclass(frozen=True)
class Read:
    """What the agent says it read, and the leaf with its path."""

    version_id: str
    size_bytes: int
    sha256: str
    compliance_until_us: int | None
    leaf: bytes
    path: list[bytes]


def judge(asked: Asked, read: Read | None) -> tuple[Drift | None, str]:
    """What an answer shows to be wrong, with a word on it; None where the leaf is right and the lock stands."""
    if read is None or read.version_id != asked.version_id:
        return Drift.OBJECT_MISSING, "the cell has no such version"
    if not is_leaf_of(asked.root, asked.size_bytes, asked.leaf, read.leaf, read.path):
        return Drift.OBJECT_CORRUPT, f"leaf {asked.leaf} does not lead to the root in the manifest"
    if (read.size_bytes, read.sha256) != (asked.size_bytes, asked.sha256):
        return Drift.OBJECT_CORRUPT, "the agent read other bytes than it recorded"
    if read.compliance_until_us is None or read.compliance_until_us < asked.floor_us:
        return Drift.LOCK_SHORT, "the lock is shorter than it was, or can be lifted"
    return None, ""


def chance_to_miss(lost_fraction: float, samples: int) -> float:
    """``(1 - f)**k``: how likely so many right answers are although that fraction was lost."""
    return (1.0 - lost_fraction) ** samples


def lost_at_most(samples: int, confidence: float = 0.95) -> float:
    """The fraction of leaves that can be lost at most, with that confidence, after so many right answers and no wrong one."""
    return 1.0 if samples <= 0 else 1.0 - (1.0 - confidence) ** (1.0 / samples)
