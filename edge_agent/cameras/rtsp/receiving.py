"""RTP and RTCP of one stream as they come: loss counted, reports read and made. Holds no socket.

Invariant: nothing a camera sends makes it hold more than ``REORDER_MAX`` packets.

Source: RFC 3550 5.1, 6.4.1 (SR), 6.4.2 (RR), A.1 and A.3 (sequence numbers and loss).
"""

import os
import struct

from edge_agent.cameras.rtsp.assembling import AccessUnit, Assembler
from edge_agent.cameras.rtsp.timing import CameraClock

HEADER_BYTES = 12
_HEADS = struct.Struct(">IHH8xI")
"""An interleaved RTP packet without extras: its framing, RTP's flags and type, its sequence number, the payload's head."""
REORDER_MAX = 64
"""UDP packets that wait for one before them; it is given up when more have come."""
RESTART_AFTER = 3_000
"""A sequence number that is further off than this is a new beginning, not a loss (RFC 3550, A.1: MAX_DROPOUT)."""


class Receiver:
    """``take`` packets in the order in which they arrive."""

    def __init__(self, payload_type: int, assembler: Assembler, clock: CameraClock, *, reorder: bool) -> None:
        self._payload_type = payload_type
        self._assembler = assembler
        self._clock = clock
        self._reorder = reorder
        self._early: dict[int, bytes] = {}
        self._expected = -1
        self._ssrc = -1
        self._own_ssrc = int.from_bytes(os.urandom(4), "big")
        self._received = self._cycles = 0
        self._reported = (0, 0)
        self._last_report = (0, 0.0)
        self.lost = 0
        """Packets that never came."""

    def take(self, packet: memoryview) -> list[AccessUnit]:
        """The access units that this RTP packet completes."""
        if len(packet) < HEADER_BYTES or packet[0] >> 6 != 2 or packet[1] & 0x7F != self._payload_type:
            return []
        sequence = packet[2] << 8 | packet[3]
        if sequence == self._expected:
            found = self._in_order(packet, sequence)
            return found if not self._early else found + self._early_ones()
        return self._out_of_order(packet, sequence)

    def go_on(self, buffer: bytearray, view: memoryview, begin: int, end: int, channel: int) -> int:
        """The packets of a TCP stream from ``begin`` on that merely go on with a fragmented NAL unit; where they end.

        Nine packets of ten are such, so that this loop is most of what reading a camera costs: it does what ``take``
        does with them, and nothing is called in it.
        """
        assembler, expected = self._assembler, self._expected
        if not assembler.in_fragments or self._early:
            return begin
        append, unpack, mask, kind, data = assembler.fragments.append, _HEADS.unpack_from, *assembler.fu
        dollar, plain, began = 0x2400 | channel, 0x8000 | self._payload_type, begin
        while end - begin > _HEADS.size:
            head, flags, sequence, fragment = unpack(buffer, begin)
            after = begin + 4 + (head & 0xFFFF)
            if after > end or head >> 16 != dollar or flags != plain or sequence != expected or fragment & mask != kind:
                break
            append(view[begin + data : after])
            begin = after
            expected += 1
            if expected == 0x10000:
                expected = 0
                self._cycles += 1
        self._received += (expected - self._expected) & 0xFFFF
        self._expected = expected
        assembler.size += begin - began
        return begin

    def _out_of_order(self, packet: memoryview, sequence: int) -> list[AccessUnit]:
        ssrc = int.from_bytes(packet[8:12], "big")
        ahead = (sequence - self._expected) & 0xFFFF
        behind = 0x10000 - ahead
        if self._expected < 0 or ssrc != self._ssrc or (ahead > RESTART_AFTER and behind > REORDER_MAX):
            self._ssrc = ssrc
            self._early.clear()
            self._assembler.lost()
            return self._in_order(packet, sequence)
        if ahead > RESTART_AFTER:
            return []  # it came again, or far too late
        if self._reorder and len(self._early) < REORDER_MAX:
            self._early[sequence] = bytes(packet)
            return []
        if self._reorder:
            self._early[sequence] = bytes(packet)
            return self.give_up()
        self.lost += ahead
        self._assembler.lost()
        return self._in_order(packet, sequence)

    @property
    def waits(self) -> bool:
        """Whether packets wait for one before them."""
        return bool(self._early)

    def give_up(self) -> list[AccessUnit]:
        """What is missing will not come any more: goes on with the first packet that waits."""
        ahead, first = min(((at - self._expected) & 0xFFFF, at) for at in self._early)
        self.lost += ahead
        self._assembler.lost()
        self._expected = first
        return self._early_ones()

    def _early_ones(self) -> list[AccessUnit]:
        found: list[AccessUnit] = []
        while (packet := self._early.pop(self._expected, None)) is not None:
            found += self._in_order(memoryview(packet), self._expected)
        return found

    def _in_order(self, packet: memoryview, sequence: int) -> list[AccessUnit]:
        self._expected = (sequence + 1) & 0xFFFF
        if not self._expected:
            self._cycles += 1
        self._received += 1
        first, second = packet[0], packet[1]
        begin, end = HEADER_BYTES, len(packet)
        if first & 0x3F:  # contributing sources, an extension, padding
            begin += 4 * (first & 15)
            if first & 0x10 and begin + 4 <= end:
                begin += 4 + 4 * (packet[begin + 2] << 8 | packet[begin + 3])
            if first & 0x20:
                end -= packet[-1]
            if begin > end:
                return []
        timestamp = packet[4] << 24 | packet[5] << 16 | packet[6] << 8 | packet[7]
        return self._assembler.take(packet[begin:end], timestamp, marker=second > 127)

    def control(self, packet: memoryview, now_s: float) -> None:
        """Takes an RTCP compound packet in."""
        at = 0
        while at + 8 <= len(packet):
            length = 4 + 4 * (packet[at + 2] << 8 | packet[at + 3])
            if packet[at + 1] == 200 and at + 28 <= len(packet):
                ntp, timestamp = struct.unpack_from(">QI", packet, at + 8)
                self._clock.report(ntp, timestamp)
                self._last_report = (ntp >> 16 & 0xFFFF_FFFF, now_s)
            at += length

    def report(self, now_s: float) -> bytes:
        """A receiver report, with an empty description of this source."""
        expected = self._received + self.lost
        lost_before, expected_before = self._reported
        interval = expected - expected_before
        fraction = min(255, (self.lost - lost_before) * 256 // interval) if interval > 0 else 0
        self._reported = (self.lost, expected)
        ntp, heard_s = self._last_report
        delay = int((now_s - heard_s) * 65_536) & 0xFFFF_FFFF if ntp else 0
        highest = (self._cycles & 0xFFFF) << 16 | (self._expected - 1) & 0xFFFF
        words = (max(0, self._ssrc), fraction << 24 | min(self.lost, 0x7F_FFFF), highest, 0, ntp, delay)
        description = struct.pack(">BBHIBBxx", 0x81, 202, 2, self._own_ssrc, 1, 0)
        return struct.pack(">BBHI6I", 0x81, 201, 7, self._own_ssrc, *words) + description
