"""How much of a fragmented MP4 file is whole.

Invariant: what is kept after a power cut or ``kill -9`` ends with a complete ``moof`` + ``mdat`` pair, and decodes.

Source: ISO/IEC 14496-12, 4.2 (boxes) and 8.8 (movie fragments).
"""

import os
import struct
from typing import BinaryIO

HEADER_BYTES = 8
LARGE_HEADER_BYTES = 16
BOXES_MAX = 1_000_000


def whole_bytes(file: BinaryIO) -> int:
    """The length up to the end of the last complete fragment; 0 where not one is complete."""
    size = os.fstat(file.fileno()).st_size
    at = whole = 0
    before = b""
    seen_movie = False
    for _ in range(BOXES_MAX):
        box = _box(file, at, size)
        if box is None:
            break
        kind, length = box
        seen_movie = seen_movie or kind == b"moov"
        at += length
        fragment = kind == b"mdat" and before == b"moof" and seen_movie
        index = kind == b"mfra" and whole == at - length
        if fragment or index:
            whole = at
        before = kind
    return whole


def _box(file: BinaryIO, at: int, size: int) -> tuple[bytes, int] | None:
    """Type and length of the box at ``at``; None where none lies there completely."""
    if at + HEADER_BYTES > size:
        return None
    file.seek(at)
    header = file.read(LARGE_HEADER_BYTES)
    length, kind = struct.unpack(">I4s", header[:HEADER_BYTES])
    if length == 1 and len(header) == LARGE_HEADER_BYTES:
        (length,) = struct.unpack(">Q", header[HEADER_BYTES:])
    if length < HEADER_BYTES or at + length > size or not kind.isalnum():
        return None
    return kind, length
