"""What is left to be done once a shard's process has ended: its torn segments rescued, its cameras' conditions told.

Invariant: where nothing of the process can write any more, what it left is dated to no later than its end (I1).
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from edge_agent.shards.parts import Parts
from edge_agent.timekeeping import Instant


@dataclass(frozen=True)
class Death:
    """The end of a process of which something is left to be done."""

    how: str
    asked: bool
    """It ended because it was told to."""
    certain: bool
    """Nothing of it can write any more."""
    answers: list[threading.Event]
    """Who waits for its word on a camera."""
    at: Instant
    """By then it wrote no more."""


def settle(death: Death, shard: str, cameras: Iterable[str], parts: Parts) -> None:
    """Rescues what it was writing of ``cameras``, tells what became of them, and lets go whoever waits for its word."""
    for camera_id in left_behind(shard, cameras, parts) if death.certain else []:
        end = parts.accounts.abandoned(camera_id, shard, death.at)
        parts.board.silent(camera_id)
        condition, began = parts.board.told(camera_id)
        if death.asked or condition not in ("recording", "disk_full"):
            continue
        if end is None or end.timeline_id != began.timeline_id:
            end = began  # whatever was kept before is not of this recording
        detail = f"the process that reads this camera ended ({death.how}) and is begun again"
        parts.board.set(camera_id, "stalled", detail, end if condition == "recording" else None)
    for answer in death.answers:
        answer.set()


def left_behind(shard: str, cameras: Iterable[str], parts: Parts) -> list[str]:
    """Its cameras, and those that were dropped while it was still writing them."""
    return list({*cameras, *parts.accounts.written_by(shard)})
