"""Whether there is room to record.

Invariant: nothing that the server has not receipted is ever removed to make room; where there is none, nothing new is
written until there is (a ``disk_full`` gap with its cause beats a gap that nobody can explain).
"""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from config.base.clock import Clock
from config.settings.edge import SpoolSettings

LOOK_EVERY_US = 500_000
RESUME_MARGIN_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True)
class DiskUse:
    """What lies in the spool and what is free on its disk, in bytes."""

    spooled_bytes: int
    free_bytes: int


def has_room(use: DiskUse, settings: SpoolSettings, *, was_full: bool) -> bool:
    """Whether recording may go on; once it stopped, only with a margin, so that it does not flutter."""
    margin = RESUME_MARGIN_BYTES if was_full else 0
    if use.free_bytes < settings.free_bytes_min + margin:
        return False
    if not settings.bytes_max:
        return True
    return use.spooled_bytes + (min(margin, settings.bytes_max // 10)) < settings.bytes_max


class DiskGuard:
    """Answers from a look at the disk that is at most half a second old. Thread-safe."""

    def __init__(self, folder: Path, settings: SpoolSettings, clock: Clock, finalised_bytes: Callable[[], int]) -> None:
        self._folder = folder
        self._settings = settings
        self._clock = clock
        self._finalised_bytes = finalised_bytes
        self._lock = threading.Lock()
        self._open_bytes: dict[str, int] = {}
        self._looked_us: int | None = None
        self._room = True
        self.make_room: Callable[[], None] = lambda: None
        """Asked where there is none left, before anybody stops recording."""

    def note_open(self, camera_id: str, size_bytes: int) -> None:
        """How large the segment that a camera is writing has grown; 0 when it is closed."""
        self._open_bytes[camera_id] = size_bytes

    def has_room(self) -> bool:
        with self._lock:
            now_us, was_full = self._clock.monotonic_us(), not self._room
            if self._looked_us is not None and now_us - self._looked_us < LOOK_EVERY_US:
                return self._room
            self._looked_us = now_us
            self._room = has_room(self.use(), self._settings, was_full=was_full)
            if self._room:
                return True
        self.make_room()
        with self._lock:
            self._room = has_room(self.use(), self._settings, was_full=was_full)
            return self._room

    def force_full(self) -> None:
        """A write failed for want of room, whatever the figures say."""
        with self._lock:
            self._room, self._looked_us = False, self._clock.monotonic_us()

    def total_bytes(self) -> int:
        """The size of the disk."""
        found = os.statvfs(self._folder)
        return found.f_blocks * found.f_frsize

    def use(self) -> DiskUse:
        found = os.statvfs(self._folder)
        spooled = self._finalised_bytes() + sum(list(self._open_bytes.values()))
        return DiskUse(spooled, found.f_bavail * found.f_frsize)
