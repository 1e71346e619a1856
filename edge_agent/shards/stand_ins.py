"""What a recorder works with inside a shard: the clock, the room and the spool, as the main process last told.

Invariant: nothing here waits for the main process.
"""

import threading
from pathlib import Path

from config.base.clock import Clock
from edge_agent.recording.leave import Leave
from edge_agent.shards.messages import DiskRefused, Finished, Opened, Opening, Restated, Torn, Up
from edge_agent.shards.uplink import Uplink
from edge_agent.spool.segments import PART, WHOLE, OpenSegment
from edge_agent.timekeeping import Instant, Timeline


class ShardClock:
    """The agent's timeline over this process's own reading of the same monotonic clock."""

    def __init__(self, clock: Clock, timeline: Timeline) -> None:
        self.timeline = timeline
        self.monotonic_us = clock.monotonic_us
        """The clock's own: it is read for every packet."""

    def now(self) -> Instant:
        return self.timeline.instant(self.monotonic_us())


class ShardRoom:
    """Whether there is room to record, as the main process said; a write that failed says so at once."""

    def __init__(self, uplink: Uplink, *, room: bool) -> None:
        self._uplink = uplink
        self.room = room

    def has_room(self) -> bool:
        return self.room

    def force_full(self) -> None:
        self.room = False
        self._uplink.say(DiskRefused())


class ShardSegments:
    """Asks the main process to note segments, and tells it what became of them."""

    def __init__(self, uplink: Uplink, folder: Path) -> None:
        self._uplink = uplink
        self._folder = folder
        self._lock = threading.Lock()
        self._asked: dict[str, Leave] = {}

    def open(self, segment: OpenSegment) -> Leave:
        leave = Leave()
        with self._lock:
            self._asked[segment.segment_id] = leave
        self._uplink.say(Opening(segment))
        return leave

    def answer(self, said: Opened) -> None:
        """The main process's word on a segment."""
        with self._lock:
            leave = self._asked.pop(said.segment_id, None)
        if leave is not None:
            leave.give(said.error, full=said.full)

    def finished(
        self, segment: OpenSegment, *, start_us: int, end_us: int, sha256: str, size_bytes: int, frames: int
    ) -> None:
        self._say(
            Finished(
                segment=segment, start_us=start_us, end_us=end_us, sha256=sha256, size_bytes=size_bytes, frames=frames
            )
        )

    def restated(self, segment: OpenSegment, start_us: int) -> None:
        self._say(Restated(segment, start_us))

    def torn(self, segment: OpenSegment) -> None:
        with self._lock:
            self._asked.pop(segment.segment_id, None)
        self._say(Torn(segment))

    def part_path(self, camera_id: str, segment_id: str) -> Path:
        return self._folder / camera_id / f"{segment_id}{PART}"

    def path(self, camera_id: str, segment_id: str) -> Path:
        return self._folder / camera_id / f"{segment_id}{WHOLE}"

    def _say(self, message: Up) -> None:
        self._uplink.say(message)
