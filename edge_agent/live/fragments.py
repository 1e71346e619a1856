"""One MP4 fragment of one frame, so that a picture can be shown before the next one is taken; pure.

Invariant: times are the packet's own, exact; a fragment's bytes depend on nothing but its arguments.

FFmpeg's muxer ends a fragment only when the next frame comes, which costs a frame's time; hence these four boxes here.
Initialisation segments, and everything that is recorded, are FFmpeg's.
Source: ISO/IEC 14496-12, 8.8 (movie fragments); ISO/IEC 14496-15, 5.3.4 (length-prefixed NAL units); ITU-T H.264, annex B.
"""

import re
import struct

_START_CODE = re.compile(rb"\x00{2,3}\x01")
_UNIT_DELIMITER, _FILLER = 9, 12
_KEY_FLAGS, _OTHER_FLAGS = 0x02000000, 0x01010000
_DEFAULT_BASE_IS_MOOF = 0x020000
_RUN_FLAGS = 0x000F01
"""Data offset; duration, size, flags and composition offset of each sample."""
_HEADER_BYTES = 8


def length_prefixed(access_unit: bytes) -> bytes:
    """An Annex B access unit as MP4 stores it: each NAL unit after its length in four bytes."""
    parts: list[bytes] = []
    for unit in _START_CODE.split(access_unit):
        if unit and unit[0] & 31 not in (_UNIT_DELIMITER, _FILLER):
            parts += (len(unit).to_bytes(4, "big"), unit)
    return b"".join(parts)


def fragment(sequence: int, decoded: int, shown_after: int, duration: int, data: bytes, *, is_key: bool) -> bytes:
    """``moof`` and ``mdat`` of one sample; times in the track's time scale, ``shown_after`` = presented - decoded."""
    flags = _KEY_FLAGS if is_key else _OTHER_FLAGS
    header = _box(b"mfhd", struct.pack(">II", 0, sequence))
    track = _box(b"tfhd", struct.pack(">II", _DEFAULT_BASE_IS_MOOF, 1))
    track += _box(b"tfdt", struct.pack(">IQ", 0x01000000, decoded))
    run_bytes = _HEADER_BYTES + 12 + 16
    moof_bytes = _HEADER_BYTES + len(header) + _HEADER_BYTES + len(track) + run_bytes
    run = struct.pack(
        ">IIiIIIi", 0x01000000 | _RUN_FLAGS, 1, moof_bytes + _HEADER_BYTES, duration, len(data), flags, shown_after
    )
    moof = _box(b"moof", header + _box(b"traf", track + _box(b"trun", run)))
    return b"".join((moof, struct.pack(">I4s", _HEADER_BYTES + len(data), b"mdat"), data))


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", _HEADER_BYTES + len(body), kind) + body
