"""The few bytes of WebSocket framing that are written once and shared by every viewer; pure.

A server's frames are not masked, so the same bytes object goes to every socket: framing for each viewer would copy each
picture as often as there are viewers.
Source: RFC 6455, 5.2.
"""

import struct

TEXT, BINARY = 0x81, 0x82


def frame(payload: bytes, opcode: int = BINARY) -> bytes:
    """An unfragmented, unmasked frame around ``payload``."""
    size = len(payload)
    if size < 126:
        return struct.pack(">BB", opcode, size) + payload
    if size < 1 << 16:
        return struct.pack(">BBH", opcode, 126, size) + payload
    return struct.pack(">BBQ", opcode, 127, size) + payload
