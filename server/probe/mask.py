"""Starts the masking process, waits so long and no longer, and takes what it wrote, or nothing.

Invariant: what comes back was drawn by that process from decoded pictures; of the recording's own bytes none passes.
"""

from pathlib import Path
from threading import BoundedSemaphore
from typing import BinaryIO

from config.base.errors import InvalidInput, Unavailable
from server.probe.parent import run

CHILD = Path(__file__).with_name("mask_child.py")
WAIT_S = 300.0
PART_BYTES_MAX = 16 * 2**20
STILL_BYTES_MAX = 2**20
NO_OUTPUT = 3
AT_ONCE, PLACE_WAIT_S = 2, 3.0
"""Of pictures that somebody waits for: each process may take 2 GiB, and who waits for a place holds a thread of the server."""
_places = BoundedSemaphore(AT_ONCE)


def mask(file: BinaryIO, from_us: int, for_us: int, cells: str, *, wait_s: float = WAIT_S) -> bytes:
    """An MP4 of ``for_us`` of the recording from ``from_us`` on, masked but for ``cells``; ``file`` has a descriptor.

    Raises InvalidInput (``undecodable``) where the bytes give no such pictures, Unavailable (``not_decoded``) where that could
    not be found out.
    """
    return _run(file, ("mask", str(from_us), str(for_us), cells), PART_BYTES_MAX, wait_s)


def still(file: BinaryIO, from_us: int, *, wait_s: float = WAIT_S) -> bytes:
    """One picture as a JPEG, not masked. Raises as ``mask``."""
    if not _places.acquire(timeout=PLACE_WAIT_S):
        raise Unavailable("others wait for a picture at this moment", code="not_decoded")
    try:
        return _run(file, ("still", str(from_us)), STILL_BYTES_MAX, wait_s)
    finally:
        _places.release()


def _run(file: BinaryIO, words: tuple[str, ...], bytes_max: int, wait_s: float) -> bytes:
    ended = run(CHILD, words, file, bytes_max=bytes_max, wait_s=wait_s)
    if ended.code == NO_OUTPUT:
        raise InvalidInput(ended.output[:160].decode(errors="replace"), code="undecodable")
    if ended.code != 0 or not ended.output:
        raise Unavailable(f"the masking process ended with {ended.code}", code="not_decoded")
    return ended.output
