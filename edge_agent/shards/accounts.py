"""What shards say of segments, put into the spool: row before file, claim, chain and outbox as one transaction.

Invariants: a segment is claimed once, whoever writes it and however it ends, and only by the shard that opened it; what
a dead shard left is rescued before anything that its successor says of that camera is taken in.
"""

import threading
from collections.abc import Iterable
from dataclasses import replace

from config.base.errors import InvalidInput, NightlightError, ResourceExhausted
from config.base.logs import get_logger
from edge_agent.shards.messages import Finished, Opened, Restated
from edge_agent.spool.disk import DiskGuard
from edge_agent.spool.recovery import rescue
from edge_agent.spool.segments import OpenSegment, SegmentSpool
from edge_agent.timekeeping import Instant

log = get_logger("shards")


class SegmentAccounts:
    """Thread-safe; one for all shards. A shard is named by its keeper's name: its processes follow one another."""

    def __init__(self, spool: SegmentSpool, guard: DiskGuard) -> None:
        self._spool = spool
        self._guard = guard
        self._lock = threading.Lock()
        self._rescuing = threading.Lock()
        self._writing: dict[str, tuple[OpenSegment, str]] = {}
        """By id, with the shard that writes it."""
        self._leftovers: dict[str, object] = {}
        """Cameras of which open segments wait to be rescued, as far as is known; another object for each word of it."""
        self._until_us: dict[str, int] = {}
        """By id of a segment that waits to be rescued, until when it was written at most."""
        self._orphans: set[str] = set()
        """Cameras that no shard has any more."""
        self._finished: dict[str, Instant] = {}
        """Where the newest whole segment of each camera ends."""

    def expect_leftovers(self, camera_id: str) -> None:
        """The last process may have left something that its start had no room to recover."""
        with self._lock:
            self._orphans.discard(camera_id)
            self._leftovers[camera_id] = object()

    def orphaned(self, camera_id: str) -> None:
        """No shard has the camera any more; what it left is rescued all the same."""
        with self._lock:
            self._orphans.add(camera_id)

    def opening(self, segment: OpenSegment, shard: str) -> Opened:
        """Notes a segment that is about to be written: the answer to its shard. Raises InvalidInput."""
        with self._lock:
            if segment.segment_id in self._writing:
                raise InvalidInput("it opens a segment that is open already")
        try:
            self.rescue_leftovers(segment.camera_id)
            with self._lock:
                self._writing[segment.segment_id] = (segment, shard)
            self._spool.open(segment)
        except NightlightError as error:
            with self._lock:
                self._writing.pop(segment.segment_id, None)
            log.exception("segment_not_opened", camera=segment.camera_id, why=str(error))
            full = isinstance(error, ResourceExhausted)
            return Opened(segment.segment_id, str(error) or error.code, full)
        return Opened(segment.segment_id)

    def restated(self, said: Restated, shard: str) -> None:
        """Notes where a segment begins by what is known now: whoever must rescue it knows no better. Raises InvalidInput."""
        segment = said.segment
        with self._lock:
            writing = self._writing.get(segment.segment_id)
        if writing is None:  # it was refused
            return
        if writing != (segment, shard):
            raise InvalidInput("it speaks of a segment that it did not open")
        try:
            self._spool.restate(segment.segment_id, said.start_us)
        except NightlightError as error:
            log.exception("segment_not_restated", camera=segment.camera_id, why=str(error))

    def finished(self, said: Finished, shard: str) -> None:
        """Claims a whole segment; where that cannot be done now, it is rescued later. Raises InvalidInput."""
        segment = said.segment
        with self._lock:
            if self._writing.get(segment.segment_id) != (segment, shard):
                raise InvalidInput("it has finished a segment that it did not open")
            self._finished[segment.camera_id] = Instant(said.end_us, segment.timeline_id)
        try:
            self._spool.finalise(
                replace(segment, start_us=said.start_us),
                end_us=said.end_us,
                sha256=said.sha256,
                size_bytes=said.size_bytes,
                frames=said.frames,
            )
        except NightlightError as error:
            log.exception("segment_not_claimed_yet", camera=segment.camera_id, why=str(error))
            if isinstance(error, ResourceExhausted):
                self._guard.force_full()
            self._leave(segment, Instant(said.end_us, segment.timeline_id))
        else:
            with self._lock:
                del self._writing[segment.segment_id]
        self._guard.note_open(segment.camera_id, 0)

    def torn(self, segment: OpenSegment, shard: str, at: Instant | None = None) -> None:
        """A shard gave a segment up by ``at``; perhaps because it was not noted. Raises InvalidInput."""
        with self._lock:
            if self._writing.get(segment.segment_id, (segment, shard)) != (segment, shard):
                raise InvalidInput("it gives up a segment that it did not open")
        self._guard.note_open(segment.camera_id, 0)
        self._leave(segment, at)

    def written_by(self, shard: str) -> dict[str, OpenSegment]:
        """The newest segment that a shard has open of each camera, be it one that was taken from it meanwhile."""
        with self._lock:
            found = [segment for segment, writer in self._writing.values() if writer == shard]
        return {segment.camera_id: segment for segment in sorted(found, key=lambda one: one.start_us)}

    def abandoned(self, camera_id: str, shard: str, at: Instant | None = None) -> Instant | None:
        """The camera's shard is gone since ``at``: rescues what it was writing; where the last of that ends."""
        with self._lock:
            left = [s for s, writer in self._writing.values() if (s.camera_id, writer) == (camera_id, shard)]
        for segment in left:
            self._leave(segment, at)
        self._guard.note_open(camera_id, 0)
        try:
            self.rescue_leftovers(camera_id)
        except NightlightError as error:
            log.exception("rescue_postponed", camera=camera_id, why=str(error))
        if not left:  # between two segments
            return self._finished.get(camera_id)
        last = max(left, key=lambda one: one.start_us)
        end_us = self._spool.end_of(last.segment_id)
        return Instant(last.start_us if end_us is None else end_us, last.timeline_id)

    def rescue_leftovers(self, camera_id: str) -> None:
        """Rescues what nobody writes any more. Raises NightlightError where the disk cannot take it now."""
        with self._lock:
            if camera_id not in self._leftovers:
                return
        with self._rescuing:
            with self._lock:
                word = self._leftovers.get(camera_id)
            if word is None:
                return  # somebody else was faster
            opened = self._spool.opened(camera_id)
            with self._lock:
                writing = set(self._writing)  # read later than the rows: who writes is known before there is a row
                until_us = dict(self._until_us)
            left = [segment for segment in opened if segment.segment_id not in writing]
            for segment in left:
                rescue(self._spool, segment, until_us.get(segment.segment_id))
            with self._lock:
                for segment in left:
                    self._until_us.pop(segment.segment_id, None)
                if self._leftovers.get(camera_id) is word:
                    del self._leftovers[camera_id]

    def try_leftovers(self, cameras: Iterable[str]) -> None:
        """Rescues what waits of these cameras, and of those that nobody has, if there is room."""
        with self._lock:
            waiting = self._leftovers.keys() & (self._orphans.union(cameras))
        if not waiting or not self._guard.has_room():
            return
        for camera_id in waiting:
            try:
                self.rescue_leftovers(camera_id)
            except NightlightError as error:
                log.exception("rescue_postponed", camera=camera_id, why=str(error))
                return

    def _leave(self, segment: OpenSegment, at: Instant | None) -> None:
        """Nobody writes it any more, since ``at`` where that is known."""
        with self._lock:
            if at is not None and at.timeline_id == segment.timeline_id and segment.segment_id in self._writing:
                self._until_us[segment.segment_id] = at.us
            self._writing.pop(segment.segment_id, None)
            self._leftovers[segment.camera_id] = object()
