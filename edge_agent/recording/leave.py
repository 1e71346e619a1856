"""A segment that waits for leave to be written: its row must be in the spool before its file is made.

Invariant: no byte is written before leave is given; until then frames wait in memory, at most ``FRAMES_MAX`` of them,
``BYTES_MAX`` in all and ``WAIT_US_MAX`` long, so that a slow disk under the spool's database stops no camera from being read.
"""

import threading
from collections.abc import Callable

from config.base.clock import US_PER_S
from config.base.errors import ResourceExhausted, Unavailable
from edge_agent.recording.continuity import Frame
from edge_agent.recording.writer import SegmentWriter, WrittenSegment

WAIT_US_MAX = 10 * US_PER_S
FRAMES_MAX = 1_000
BYTES_MAX = 16 << 20
"""Of one camera: what one of 12 Mbit/s sends in that time."""
LAST_WAIT_S = 1.5
"""How long the end of a segment waits for leave that was not needed before."""


class Leave:
    """The answer to one question; given once, by another thread."""

    def __init__(self) -> None:
        self._answered = threading.Event()
        self._error = ""
        self._full = False

    def give(self, error: str = "", *, full: bool = False) -> None:
        """``error``: why there is none; ``full``: that is for want of room."""
        self._error, self._full = error, full
        self._answered.set()

    @property
    def answered(self) -> bool:
        return self._answered.is_set()

    def given(self, wait_s: float = 0) -> bool:
        """Raises ResourceExhausted where it was refused for want of room, Unavailable where for another reason."""
        if not (self._answered.is_set() or (wait_s and self._answered.wait(wait_s))):
            return False
        if self._error:
            raise ResourceExhausted(self._error) if self._full else Unavailable(self._error)
        return True


class PatientWriter:
    """A segment's writer; like it, but for the waiting. Any failure raises a NightlightError; then ``abandon`` it."""

    def __init__(self, leave: Leave, make: Callable[[], SegmentWriter]) -> None:
        self._leave = leave
        self._make = make
        self._writer: SegmentWriter | None = None
        self._waiting: list[Frame] = []
        self._waiting_bytes = 0

    @property
    def size_bytes(self) -> int:
        return self._writer.size_bytes if self._writer else 0

    @property
    def frames(self) -> int:
        return self._writer.frames if self._writer else len(self._waiting)

    @property
    def waits(self) -> bool:
        """Nothing is written yet: it would be in vain to end it now."""
        return self._writer is None and not self._leave.answered

    def add(self, frame: Frame) -> None:
        """Appends a frame; a keyframe ends the fragment before it, which is durable on return."""
        writer = self._writer or self._begin(0)
        if writer is not None:
            writer.add(frame)
            return
        self._waiting.append(frame)
        self._waiting_bytes += frame.packet.size if frame.packet else 0
        waited_us = frame.captured_us - self._waiting[0].captured_us
        if waited_us > WAIT_US_MAX or len(self._waiting) > FRAMES_MAX or self._waiting_bytes > BYTES_MAX:
            raise Unavailable("the spool's database does not answer: is the disk in order?")

    def finish(self) -> WrittenSegment:
        """Ends the last fragment, makes the file durable and gives it its final name."""
        writer = self._writer or self._begin(LAST_WAIT_S)
        if writer is None:
            raise Unavailable("the spool's database does not answer: is the disk in order?")
        return writer.finish()

    def abandon(self) -> None:
        """Leaves the file as it is, for recovery to look at."""
        self._waiting.clear()
        if self._writer is not None:
            self._writer.abandon()

    def _begin(self, wait_s: float) -> SegmentWriter | None:
        if not self._leave.given(wait_s):
            return None
        self._writer = writer = self._make()
        waiting, self._waiting = self._waiting, []
        for frame in waiting:
            writer.add(frame)
        return writer
