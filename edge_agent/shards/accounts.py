"""What shards say of segments, put into the spool: row before file, claim, chain and outbox as one transaction.

Invariants: a segment is claimed once, whoever writes it and however it ends; what a dead shard left is rescued before
anything that its successor says of that camera is taken in.
"""

import threading
from collections.abc import Iterable

from config.base.errors import NightlightError, ResourceExhausted
from config.base.logs import get_logger
from edge_agent.shards.messages import Finished, Opened
from edge_agent.spool.disk import DiskGuard
from edge_agent.spool.recovery import rescue
from edge_agent.spool.segments import OpenSegment, SegmentSpool
from edge_agent.timekeeping import Instant

log = get_logger("shards")


class SegmentAccounts:
    """Thread-safe; one for all shards."""

    def __init__(self, spool: SegmentSpool, guard: DiskGuard) -> None:
        self._spool = spool
        self._guard = guard
        self._lock = threading.Lock()
        self._writing: dict[str, OpenSegment] = {}
        self._leftovers: set[str] = set()
        """Cameras of which open segments wait to be rescued, as far as is known."""
        self._finished: dict[str, Instant] = {}
        """Where the newest whole segment of each camera ends."""

    def expect_leftovers(self, camera_id: str) -> None:
        """The last process may have left something that its start had no room to recover."""
        with self._lock:
            self._leftovers.add(camera_id)

    def opening(self, segment: OpenSegment) -> Opened:
        """Notes a segment that is about to be written: the answer to its shard."""
        try:
            self.rescue_leftovers(segment.camera_id)
            with self._lock:
                self._writing[segment.segment_id] = segment
            self._spool.open(segment)
        except NightlightError as error:
            with self._lock:
                self._writing.pop(segment.segment_id, None)
            log.exception("segment_not_opened", camera=segment.camera_id, why=str(error))
            full = isinstance(error, ResourceExhausted)
            return Opened(segment.segment_id, str(error) or error.code, full)
        return Opened(segment.segment_id)

    def finished(self, said: Finished) -> None:
        """Claims a whole segment; where the disk cannot take that now, it is rescued later."""
        segment = said.segment
        with self._lock:
            self._writing.pop(segment.segment_id, None)
            self._finished[segment.camera_id] = Instant(said.end_us, segment.timeline_id)
        try:
            self._spool.finalise(
                segment, end_us=said.end_us, sha256=said.sha256, size_bytes=said.size_bytes, frames=said.frames
            )
        except NightlightError as error:
            log.exception("segment_not_claimed_yet", camera=segment.camera_id, why=str(error))
            if isinstance(error, ResourceExhausted):
                self._guard.force_full()
            self._leave(segment.camera_id)
        self._guard.note_open(segment.camera_id, 0)

    def torn(self, segment: OpenSegment) -> None:
        """A shard gave a segment up."""
        with self._lock:
            self._writing.pop(segment.segment_id, None)
        self._guard.note_open(segment.camera_id, 0)
        self._leave(segment.camera_id)

    def abandoned(self, camera_id: str) -> Instant | None:
        """The camera's shard is gone: rescues what it was writing; where the last of that ends."""
        with self._lock:
            last: OpenSegment | None = None
            for segment in [s for s in self._writing.values() if s.camera_id == camera_id]:
                del self._writing[segment.segment_id]
                last = segment if last is None or segment.start_us > last.start_us else last
        self._guard.note_open(camera_id, 0)
        self._leave(camera_id)
        try:
            self.rescue_leftovers(camera_id)
        except NightlightError as error:
            log.exception("rescue_postponed", camera=camera_id, why=str(error))
        if last is None:  # between two segments
            return self._finished.get(camera_id)
        end_us = self._spool.end_of(last.segment_id)
        return Instant(last.start_us if end_us is None else end_us, last.timeline_id)

    def rescue_leftovers(self, camera_id: str) -> None:
        """Rescues what nobody writes any more. Raises NightlightError where the disk cannot take it now."""
        with self._lock:
            if camera_id not in self._leftovers:
                return
            writing = set(self._writing)
        for segment in self._spool.opened(camera_id):
            if segment.segment_id not in writing:
                rescue(self._spool, segment)
        with self._lock:
            self._leftovers.discard(camera_id)

    def try_leftovers(self, cameras: Iterable[str]) -> None:
        """Rescues what waits of these cameras, if there is room. One thread alone calls this for a camera."""
        with self._lock:
            waiting = self._leftovers.intersection(cameras)
        if not waiting or not self._guard.has_room():
            return
        for camera_id in waiting:
            try:
                self.rescue_leftovers(camera_id)
            except NightlightError as error:
                log.exception("rescue_postponed", camera=camera_id, why=str(error))
                return

    def _leave(self, camera_id: str) -> None:
        with self._lock:
            self._leftovers.add(camera_id)
