"""How RTP comes from a camera: between the answers on the RTSP connection, or as datagrams.

Over TCP pictures are read a few at a time: half of what a camera costs is waking up for it, with everything gone from the
processor's caches. The last of a few came just before it was read, so that arrivals still tell the time (``timebase``).

Invariant: a read ends within ``GATHERED_WITHIN_S`` of the first byte there is, whatever the camera sends; no datagram of
anybody but the camera is taken.

Source: RFC 2326 10.12 (interleaving), 12.39 (transports); RFC 3550 section 11 (ports); socket(7) (SO_RCVLOWAT).
"""

import select
import socket
import time
from collections.abc import Callable
from typing import Protocol

from config.base.errors import InvalidInput
from edge_agent.cameras.rtsp.assembling import AccessUnit, Assembler
from edge_agent.cameras.rtsp.connection import RtspConnection
from edge_agent.cameras.rtsp.receiving import Receiver

GATHERED_BYTES, GATHERED_WITHIN_S = 120 * 1024, 0.25
"""A read waits until so much has come, or so long: the most by which a picture is late."""
COMPACT_FROM = 128 * 1024
DATAGRAM_BYTES_MAX = 65_536
DATAGRAM_BUFFER_BYTES = 4 << 20
PORT_TRIES = 20
OVERTAKEN_WITHIN_S = 0.2
"""A datagram that comes later than the one after it by more than this is taken for lost."""


class Way(Protocol):
    """How RTP comes."""

    @property
    def wanted(self) -> str:
        """What to ask the camera for: its ``Transport`` header."""
        ...

    def agreed(self, transport: str) -> None:
        """What the camera answered."""
        ...

    def read(self) -> list[AccessUnit]:
        """Waits for something: what it completed, often nothing. Raises OSError, InvalidInput."""
        ...

    def send_report(self, report: bytes) -> None: ...

    def be_prompt(self, *, prompt: bool) -> None:
        """Whether to read each picture as it comes, and not a few at a time. Say it before the first ``read``."""
        ...

    def close(self) -> None:
        """Closes what it opened; the connection is another's."""
        ...


class Interleaved:
    """RTP between the answers on the RTSP connection."""

    wanted = "RTP/AVP/TCP;unicast;interleaved=0-1"

    def __init__(self, connection: RtspConnection, receiver: Receiver, assembler: Assembler) -> None:
        self._connection = connection
        self._receiver = receiver
        self._assembler = assembler
        self._rtp, self._rtcp = 0, 1
        self._done: list[AccessUnit] = []
        self._nonsense: InvalidInput | None = None

    def agreed(self, transport: str) -> None:
        first = _number(transport, "interleaved")
        if first is not None:
            self._rtp, self._rtcp = first, first + 1

    def read(self) -> list[AccessUnit]:
        if self._nonsense is not None:
            raise self._nonsense
        connection = self._connection
        if connection.begin == connection.end or connection.end > COMPACT_FROM:
            if self._assembler.holds:
                self._assembler.keep()
            connection.make_room()
        try:
            connection.more()
            connection.sift(self._take, self._go_on)
        except BlockingIOError:
            pass  # nothing has come; for how long it may is not for one read to say
        except InvalidInput as nonsense:
            self._nonsense = nonsense  # what came before it counts
        done, self._done = self._done, []
        return done

    def be_prompt(self, *, prompt: bool) -> None:
        self._connection.gather(1 if prompt else GATHERED_BYTES, GATHERED_WITHIN_S)

    def send_report(self, report: bytes) -> None:
        self._connection.send_interleaved(self._rtcp, report)

    def close(self) -> None:
        """Nothing of its own is open."""

    def _go_on(self, begin: int, end: int) -> int:
        return self._receiver.go_on(self._connection.buffer, self._connection.view, begin, end, self._rtp)

    def _take(self, channel: int, begin: int, end: int) -> None:
        packet = self._connection.view[begin:end]
        if channel == self._rtp:
            self._done += self._receiver.take(packet)
        elif channel == self._rtcp:
            self._receiver.control(packet, time.monotonic())


class Datagrams:
    """RTP and RTCP on two UDP ports; the RTSP connection beside them must stand."""

    def __init__(self, connection: RtspConnection, receiver: Receiver, assembler: Assembler, stall_s: int) -> None:
        self._connection = connection
        self._receiver = receiver
        self._assembler = assembler
        self._stall_s = stall_s
        self._rtp, self._rtcp = _port_pair(connection.family, connection.local_address)
        self.wanted = f"RTP/AVP;unicast;client_port={self._rtp.getsockname()[1]}-{self._rtcp.getsockname()[1]}"
        self._ends = [self._rtp.fileno(), self._rtcp.fileno(), connection.fileno()]
        self._buffer = bytearray(DATAGRAM_BYTES_MAX)
        self._view = memoryview(self._buffer)
        self._peer: tuple[str, int] | None = None
        self._waits_since_s = 0.0
        self._done: list[AccessUnit] = []

    def agreed(self, transport: str) -> None:
        """A first packet opens the way through firewalls."""
        peer, port = self._connection.peer_address, _number(transport, "server_port")
        if port is None:
            return
        self._peer = (peer, port + 1)
        self._rtp.sendto(b"\x80\x00\x00\x00" + bytes(8), (peer, port))

    def read(self) -> list[AccessUnit]:
        receiver, waits = self._receiver, self._receiver.waits
        ready, _, _ = select.select(self._ends, [], [], OVERTAKEN_WITHIN_S if waits else self._stall_s)
        if not ready and not waits:
            raise TimeoutError("no packet")
        if not waits:
            self._waits_since_s = time.monotonic()
        elif time.monotonic() - self._waits_since_s > OVERTAKEN_WITHIN_S:
            self._done += receiver.give_up()
        if self._rtp.fileno() in ready:
            self._all(self._rtp, self._take)
        if self._rtcp.fileno() in ready:
            self._all(self._rtcp, lambda packet: receiver.control(packet, time.monotonic()))
        if self._connection.fileno() in ready:
            self._connection.make_room()
            self._connection.more()
            self._connection.sift(lambda *_: None)
        done, self._done = self._done, []
        return done

    def send_report(self, report: bytes) -> None:
        if self._peer is not None:
            self._rtcp.sendto(report, self._peer)

    def be_prompt(self, *, prompt: bool) -> None:
        """Datagrams are read as they come: what is not taken in time is lost."""

    def close(self) -> None:
        self._rtp.close()
        self._rtcp.close()

    def _take(self, packet: memoryview) -> None:
        self._done += self._receiver.take(packet)
        if self._assembler.holds:
            self._assembler.keep()  # the next datagram goes into the same buffer

    def _all(self, end: socket.socket, take: Callable[[memoryview], None]) -> None:
        for _ in range(1_000):
            try:
                size, sender = end.recvfrom_into(self._buffer)
            except BlockingIOError:
                return
            if sender[0] == self._connection.peer_address:
                take(self._view[:size])


def _number(transport: str, name: str) -> int | None:
    for part in transport.split(";"):
        key, _, value = part.strip().partition("=")
        first = value.partition("-")[0]
        if key.lower() == name and first.isdecimal() and int(first) < 65_535:
            return int(first)
    return None


def _port_pair(family: int, address: str) -> tuple[socket.socket, socket.socket]:
    """Two sockets on neighbouring ports, the first even (RFC 3550, section 11). Raises OSError."""
    for _ in range(PORT_TRIES):
        first = socket.socket(family, socket.SOCK_DGRAM)
        second = socket.socket(family, socket.SOCK_DGRAM)
        try:
            first.bind((address, 0))
            port = first.getsockname()[1]
            if port % 2 == 0:
                second.bind((address, port + 1))
                first.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, DATAGRAM_BUFFER_BYTES)
                first.setblocking(False)
                second.setblocking(False)
                return first, second
        except OSError:
            pass  # somebody has the next port: try another pair
        first.close()
        second.close()
    raise OSError("no pair of UDP ports is free")
