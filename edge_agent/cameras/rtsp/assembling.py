"""RTP payloads put together to access units. Pure: bytes in, bytes out; no packet can make it hold more than its bounds.

Invariant: a NAL unit of which a fragment is missing is left out; an access unit without a picture is never handed out.

Source: RFC 6184 5.6 to 5.8 (single NAL unit, STAP-A, FU-A), RFC 7798 4.4 (single, AP, FU), RFC 3550 5.1 (marker).
"""

from dataclasses import dataclass

from edge_agent.cameras.feed import Codec

START_CODE = b"\x00\x00\x00\x01"
UNIT_BYTES_MAX = 16 * 1024 * 1024
RECOVERY_POINT = 6
_FU_TABLE_H264 = [[bytes(((indicator & 0xE0) | kind,)) for kind in range(32)] for indicator in range(256)]


@dataclass(frozen=True)
class AccessUnit:
    """One coded picture, Annex B. ``timestamp`` is RTP's, 32 bits."""

    data: bytes
    is_key: bool
    timestamp: int


class Assembler:
    """Takes the payloads of one stream in order. ``views`` it holds must be ``keep``-ed before their buffer is reused."""

    def __init__(self, codec: Codec) -> None:
        self._hevc = codec == "hevc"
        self.fu = (0x7E00_C000, 49 << 25, 19) if self._hevc else (0x1FC0_0000, 28 << 24, 18)
        """What the first four bytes of a fragment in the middle are: mask and value; and where in an interleaved packet
        its data begins."""
        self._parts: list[bytes | memoryview] = []
        self.fragments: list[bytes | memoryview] = []
        self.size = 0
        self._timestamp = -1
        self._has_picture = self._is_key = False
        self.in_fragments = False
        self.by_timestamp = False
        """The camera sets its markers wrongly: a picture ends where the next one's time stamp comes."""

    @property
    def holds(self) -> bool:
        """Whether views of a buffer are held."""
        return bool(self._parts or self.fragments)

    def keep(self) -> None:
        """Copies what is held, so that the buffer behind it may be written over."""
        self._parts = [b"".join(self._parts)] if self._parts else []
        self.fragments = [b"".join(self.fragments)] if self.fragments else []

    def lost(self) -> None:
        """Packets are missing before the next one."""
        self.in_fragments = False
        self.fragments.clear()

    def take(self, payload: memoryview, timestamp: int, *, marker: bool) -> list[AccessUnit]:
        """The access units that this payload completes: usually none or one."""
        done: list[AccessUnit] = []
        if timestamp != self._timestamp:
            if self._parts:
                self._finish(done)
            self._timestamp = timestamp
        self.size += len(payload)
        if len(payload) < 3 or self.size > UNIT_BYTES_MAX:
            self._drop()
            self.lost()
        elif self._hevc:
            self._take_hevc(payload)
        else:
            self._take_h264(payload)
        if marker and not self.by_timestamp and self._has_picture:
            self._finish(done)
        return done

    def _take_h264(self, payload: memoryview) -> None:
        first = payload[0]
        kind = first & 31
        if kind == 28:
            header = payload[1]
            if header & 0x80:
                self.fragments = [START_CODE, _FU_TABLE_H264[first][header & 31], payload[2:]]
                self.in_fragments = True
            elif self.in_fragments:
                self.fragments.append(payload[2:])
            if header & 0x40:
                self._end_fragments(header & 31)
        elif 1 <= kind <= 23:
            self._unit(payload, kind)
        elif kind == 24:
            self._aggregate(payload, 1)

    def _take_hevc(self, payload: memoryview) -> None:
        kind = payload[0] >> 1 & 63
        if kind == 49:
            header = payload[2]
            if header & 0x80:
                again = bytes(((payload[0] & 0x81) | (header & 63) << 1, payload[1]))
                self.fragments = [START_CODE, again, payload[3:]]
                self.in_fragments = True
            elif self.in_fragments:
                self.fragments.append(payload[3:])
            if header & 0x40:
                self._end_fragments(header & 63)
        elif kind < 48:
            self._unit(payload, kind)
        elif kind == 48:
            self._aggregate(payload, 2)

    def _aggregate(self, payload: memoryview, at: int) -> None:
        while at + 2 < len(payload):
            size = payload[at] << 8 | payload[at + 1]
            unit = payload[at + 2 : at + 2 + size]
            if len(unit) < 2 or len(unit) < size:
                return
            self._unit(unit, unit[0] >> 1 & 63 if self._hevc else unit[0] & 31)
            at += 2 + size

    def _end_fragments(self, kind: int) -> None:
        if self.in_fragments:
            self._parts += self.fragments
            self._note(kind, None)
        self.fragments = []
        self.in_fragments = False

    def _unit(self, unit: memoryview, kind: int) -> None:
        self._parts.append(START_CODE)
        self._parts.append(unit)
        self._note(kind, unit)

    def _note(self, kind: int, unit: memoryview | None) -> None:
        if self._hevc:
            if kind < 32:
                self._has_picture = True
                self._is_key = self._is_key or 16 <= kind <= 23
        elif kind <= 5:
            self._has_picture = True
            self._is_key = self._is_key or kind == 5
        elif kind == 6 and unit is not None and unit[1] == RECOVERY_POINT and len(unit) > 3 and unit[3] & 0x80:
            self._is_key = True  # recovery_frame_cnt is 0: what follows decodes from here on (H.264, D.2.8)

    def _finish(self, done: list[AccessUnit]) -> None:
        if self._has_picture:
            done.append(AccessUnit(b"".join(self._parts), self._is_key, self._timestamp))
        self._drop()

    def _drop(self) -> None:
        self._parts = []
        self.size = 0
        self._has_picture = self._is_key = False
