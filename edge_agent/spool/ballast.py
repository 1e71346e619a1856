"""A file that takes up room for nothing, so that a full disk can be got going again by removing it.

Invariant: it holds no data, and it is made only where there is plenty of room.
"""

import os
from pathlib import Path

from config.base.errors import ResourceExhausted
from config.base.logs import get_logger

BALLAST_BYTES = 16 * 1024 * 1024
PLENTY_BYTES = 4 * BALLAST_BYTES

log = get_logger("spool")


def full_disk(folder: Path) -> ResourceExhausted:
    """What to say of a disk on which nothing can be written."""
    missing = max(1, (BALLAST_BYTES - free_bytes(folder)) >> 20)
    return ResourceExhausted(f"the disk of {folder} is full: free {missing} MB; nothing recorded is lost")


def free_bytes(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


class Ballast:
    """One file beside the spool's database."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "ballast"

    def take_on(self, keep_free_bytes: int) -> None:
        """Makes it where it is not there and ``keep_free_bytes`` are to be had besides."""
        folder = self._path.parent
        if self._path.exists() or free_bytes(folder) < max(PLENTY_BYTES, keep_free_bytes + BALLAST_BYTES):
            return
        fresh = self._path.with_suffix(".new")
        try:
            with fresh.open("wb") as opened:
                os.posix_fallocate(opened.fileno(), 0, BALLAST_BYTES)
            fresh.rename(self._path)
        except OSError as error:
            log.warning("ballast_not_made", why=error.strerror)
            fresh.unlink(missing_ok=True)

    def drop(self) -> bool:
        """Removes it; False where it was not there."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        log.warning("ballast_dropped", why="the disk is full", bytes=BALLAST_BYTES)
        return True
