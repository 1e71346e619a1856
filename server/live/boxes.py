"""What is read out of the agent's initialisation segments and fragments: codec, and when a frame is decoded; pure.

Source: ISO/IEC 14496-12, 8.8.12 (tfdt); ISO/IEC 14496-15, 5.3.3 (avcC); RFC 6381, 3.3 (avc1.PPCCLL).
"""

import struct

from config.base.errors import InvalidInput

INIT_BYTES_MAX = 16_384


def codec_of(initialisation: bytes) -> str:
    """``avc1.PPCCLL``. Raises InvalidInput where it is no initialisation segment of H.264."""
    at = initialisation.find(b"avcC")
    if initialisation[4:8] != b"ftyp" or at < 0 or len(initialisation) < at + 8 or len(initialisation) > INIT_BYTES_MAX:
        raise InvalidInput("no initialisation segment of H.264", code="bad_media")
    return "avc1." + initialisation[at + 5 : at + 8].hex()


def decoded_at(fragment: bytes) -> int:
    """The decoding time in the track's time scale. Raises InvalidInput where it is no fragment."""
    at = fragment.find(b"tfdt", 0, 256)
    if fragment[4:8] != b"moof" or at < 0 or len(fragment) < at + 16 or fragment[at + 4] != 1:
        raise InvalidInput("no fragment of one frame", code="bad_media")
    found: int = struct.unpack_from(">Q", fragment, at + 8)[0]
    return found
