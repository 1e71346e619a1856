"""What the keepers of all shards share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from config.settings.edge import EdgeSettings
from edge_agent.cameras.board import CameraBoard
from edge_agent.shards.accounts import SegmentAccounts
from edge_agent.shards.birth import Nursery
from edge_agent.spool.disk import DiskGuard
from edge_agent.timekeeping import AgentClock

if TYPE_CHECKING:
    from edge_agent.shards.keeper import ShardKeeper


@dataclass(frozen=True)
class Parts:
    """What every keeper works with."""

    settings: EdgeSettings
    """Without cameras."""
    folder: Path
    clock: AgentClock
    board: CameraBoard
    guard: DiskGuard
    accounts: SegmentAccounts
    nursery: Nursery
    handlers: Mapping[str, Callable[[str, bytes], None]]
    """Who takes in what companions tell, by kind: ``(camera_id, body)``."""
    scatter: Callable[["ShardKeeper"], None]
    """Called while the process of a shard that dies again and again is down: gives each of its cameras its own."""
