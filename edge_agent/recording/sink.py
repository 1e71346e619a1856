"""A file that is hashed while it is written and made durable fragment by fragment.

Invariant: the digest is of the bytes as they were written, in order, once; nothing is ever overwritten.
"""

import errno
import hashlib
import io
import os
from pathlib import Path

from config.base.errors import NightlightError, ResourceExhausted, Unavailable

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class HashingSink:
    """What the MP4 muxer writes into; it offers no ``seek``, so the muxer can only append."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size_bytes = 0
        self.fault: OSError | None = None
        self._synced_bytes = 0
        self._digest = hashlib.sha256()
        self._file = _create(path)
        sync_folder(path.parent)  # else a power cut could take the name, and with it all fragments synced by then

    def write(self, data: bytes) -> int:
        view = memoryview(data)
        try:
            while view:
                written = self._file.write(view)
                self._digest.update(view[:written])
                self.size_bytes += written
                view = view[written:]
        except OSError as error:
            self.fault = error
            raise
        return len(data)

    def sync(self) -> None:
        """Makes what was written so far durable; cheap where nothing was."""
        if self.size_bytes != self._synced_bytes:
            os.fdatasync(self._file.fileno())
            self._synced_bytes = self.size_bytes

    def finish(self) -> str:
        """Makes everything durable and closes; the SHA-256."""
        os.fsync(self._file.fileno())
        self._file.close()
        return self._digest.hexdigest()

    def abandon(self) -> None:
        self._file.close()


def disk_fault(errno_: int | None, message: str) -> NightlightError:
    """A failure of the file system: ResourceExhausted for want of room, which is everybody's; else Unavailable."""
    return ResourceExhausted(message) if errno_ in NO_ROOM else Unavailable(message)


def _create(path: Path) -> io.FileIO:
    """The camera's folder is made again where somebody removed it; the one above it may be a disk that is away."""
    try:
        return path.open("xb", buffering=0)
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        sync_folder(path.parent.parent)
        return path.open("xb", buffering=0)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
