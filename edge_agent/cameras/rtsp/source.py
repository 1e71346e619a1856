"""A camera's RTSP stream as a source of packets, over TCP or UDP.

Invariants: user and password go into the proof that the camera asks for, and nowhere else. Only video is set up: an
audio stream that goes on would hide a video stream that has stopped. ``stall_s`` without a picture ends it.
"""

import re
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Protocol, cast
from urllib.parse import urljoin

from av.packet import Packet

from config.base.errors import InvalidInput, NightlightError
from config.settings.edge import CameraSettings, RecordingSettings
from edge_agent.cameras.faults import (
    CameraFault,
    basic_fault,
    ended_fault,
    no_video_fault,
    opening_fault,
    reading_fault,
    refused,
)
from edge_agent.cameras.feed import StreamFormat
from edge_agent.cameras.figures import Meter
from edge_agent.cameras.rtsp.asking import Answer, Credentials, asks_for_password
from edge_agent.cameras.rtsp.assembling import AccessUnit, Assembler
from edge_agent.cameras.rtsp.connection import RtspConnection
from edge_agent.cameras.rtsp.describing import VideoDescription, read_description
from edge_agent.cameras.rtsp.receiving import Receiver
from edge_agent.cameras.rtsp.timing import CameraClock, DecodingOrder, Opening, Unwrapper
from edge_agent.cameras.source import VideoPacket

RTP_VIDEO = Fraction(1, 90_000)
REPORT_EVERY_S = 5.0
ALIVE_EVERY_S = 25.0
DATAGRAM_BYTES_MAX = 65_536
DATAGRAM_BUFFER_BYTES = 4 << 20
PORT_TRIES = 20
OVERTAKEN_WITHIN_S = 0.2
"""A datagram that comes later than the one after it by more than this is taken for lost."""


class Unsupported(NightlightError):
    """The camera speaks RTSP in a way that this client does not understand; another may."""

    code = "unsupported"


class _Way(Protocol):
    """How RTP comes."""

    def read(self) -> None:
        """Waits for something and hands it to the receiver. Raises OSError, InvalidInput."""
        ...

    def send_report(self, report: bytes) -> None: ...

    def close(self) -> None: ...


class RtspSource:
    """An open stream. Use it from one thread, but for ``interrupt``; ``close`` it always."""

    def __init__(
        self, connection: RtspConnection, video: VideoDescription, camera: CameraSettings, stall_s: int
    ) -> None:
        self.format = StreamFormat(video.codec, video.parameters, RTP_VIDEO)
        self._connection = connection
        self._camera = camera
        self._stall_s = stall_s
        self._clock_hz = video.clock_hz
        self._clock = CameraClock(video.clock_hz)
        self.assembler = Assembler(video.codec)
        self._video = video
        self.receiver = Receiver(video.payload_type, self.assembler, self._clock, reorder=False)
        self.units: deque[AccessUnit] = deque()
        self._way: _Way | None = None
        self._control_url = connection.url
        self._alive_every_s = ALIVE_EVERY_S
        self._told_lost = 0
        self._newest = 0

    def play(self, base: str, transport: str, within_s: float) -> None:
        """Sets the stream up and starts it. Raises CameraFault, Unsupported, OSError, InvalidInput."""
        setup_url = _resolved(base, self._video.control)
        if transport == "udp":
            datagrams = _Datagrams(self)
            self._way = datagrams
            wanted = f"RTP/AVP;unicast;client_port={datagrams.ports[0]}-{datagrams.ports[1]}"
        else:
            wanted = "RTP/AVP/TCP;unicast;interleaved=0-1"
        answer = self._connection.ask("SETUP", setup_url, {"Transport": wanted}, within_s)
        _check(answer, self._camera)
        self._alive_every_s = _alive_every_s(answer.headers.get("session", ""))
        agreed = answer.headers.get("transport", "")
        if transport == "udp":
            datagrams.agreed(agreed, self._connection.peer_address)
        else:
            self._way = _Interleaved(self, agreed)
        self._control_url = _resolved(base, self._video.session_control)
        _check(self._connection.ask("PLAY", self._control_url, {"Range": "npt=0.000-"}, within_s), self._camera)
        self._connection.patience(self._stall_s)

    def packets(self) -> Iterator[VideoPacket]:
        opening: Opening | None = Opening(self._clock_hz)
        unwrapper, order = Unwrapper(self._clock_hz), DecodingOrder(0)
        try:
            for unit in self._units():
                ready: list[AccessUnit] = [unit]
                if opening is not None:
                    taken = opening.take(unit)
                    if taken is None:
                        continue
                    ready, order.depth, self.assembler.by_timestamp = taken, opening.depth(), opening.split
                    opening = None
                for one in ready:
                    packet = cast(VideoPacket, Packet(one.data))
                    packet.is_keyframe = one.is_key
                    packet.pts = unwrapper.ticks(one.timestamp)
                    packet.dts = order.decoded(packet.pts)
                    self._newest = one.timestamp
                    yield packet
        except (OSError, InvalidInput) as error:
            raise _ended(error, self._stall_s) from error

    def note(self, meter: Meter, packet: VideoPacket, arrival_utc_us: int) -> None:  # noqa: ARG002
        meter.rtp_lost += self.receiver.lost - self._told_lost
        self._told_lost = self.receiver.lost
        self._clock.observe(self._newest, arrival_utc_us)
        found = self._clock.offset()
        if found is not None:
            meter.clock_offset_us, meter.clock_bound_us = found

    def interrupt(self) -> None:
        """From another thread: ``packets`` ends."""
        self._connection.interrupt()

    def close(self) -> None:
        try:
            self._connection.patience(0.2)
            self._connection.say("TEARDOWN", self._control_url, {})
        except OSError:
            pass  # it is gone already
        self._connection.close()
        if self._way is not None:
            self._way.close()

    @property
    def connection(self) -> RtspConnection:
        return self._connection

    @property
    def stall_s(self) -> int:
        return self._stall_s

    def use_datagrams(self) -> None:
        """Packets may come in another order, or not at all."""
        self.receiver = Receiver(self._video.payload_type, self.assembler, self._clock, reorder=True)

    def _units(self) -> Iterator[AccessUnit]:
        way, units = self._way, self.units
        if way is None:
            raise ValueError("a stream is played before it is read")
        newest_s = report_s = alive_s = time.monotonic()
        while True:
            way.read()
            now_s = time.monotonic()
            if units:
                newest_s = now_s
                while units:
                    yield units.popleft()
            elif now_s - newest_s > self._stall_s:
                raise TimeoutError("no picture")
            if now_s - report_s > REPORT_EVERY_S:
                report_s = now_s
                way.send_report(self.receiver.report(now_s))
            if now_s - alive_s > self._alive_every_s or self._connection.asks_again():
                alive_s = now_s
                self._connection.say("OPTIONS", self._control_url, {})


class _Interleaved:
    """RTP between the answers on the RTSP connection."""

    def __init__(self, source: RtspSource, agreed: str) -> None:
        self._source = source
        self._connection = source.connection
        first = _number(agreed, "interleaved")
        self._rtp, self._rtcp = (0, 1) if first is None else (first, first + 1)

    def read(self) -> None:
        connection, assembler = self._connection, self._source.assembler
        if connection.begin == connection.end or connection.end > _COMPACT_FROM:
            if assembler.holds:
                assembler.keep()
            connection.make_room()
        connection.more()
        connection.sift(self._take, self._go_on)

    def _go_on(self, begin: int, end: int) -> int:
        return self._source.receiver.go_on(self._connection.buffer, self._connection.view, begin, end, self._rtp)

    def send_report(self, report: bytes) -> None:
        self._connection.send_interleaved(self._rtcp, report)

    def close(self) -> None:
        """The connection is closed by whoever opened it."""

    def _take(self, channel: int, begin: int, end: int) -> None:
        packet = self._connection.view[begin:end]
        if channel == self._rtp:
            found = self._source.receiver.take(packet)
            if found:
                self._source.units.extend(found)
        elif channel == self._rtcp:
            self._source.receiver.control(packet, time.monotonic())


_COMPACT_FROM = 128 * 1024


class _Datagrams:
    """RTP and RTCP on two UDP ports; the RTSP connection beside them must stand."""

    def __init__(self, source: RtspSource) -> None:
        source.use_datagrams()
        self._source = source
        self._connection = source.connection
        self._rtp, self._rtcp = _port_pair(source.connection.family, source.connection.local_address)
        self.ports = (self._rtp.getsockname()[1], self._rtcp.getsockname()[1])
        self._ends = [self._rtp.fileno(), self._rtcp.fileno(), self._connection.fileno()]
        self._buffer = bytearray(DATAGRAM_BYTES_MAX)
        self._view = memoryview(self._buffer)
        self._peer: tuple[str, int] | None = None
        self._waits_since_s = 0.0

    def agreed(self, transport: str, peer: str) -> None:
        """The camera's side of it; a first packet opens the way through firewalls."""
        port = _number(transport, "server_port")
        if port is None:
            return
        self._peer = (peer, port + 1)
        self._rtp.sendto(b"\x80\x00\x00\x00" + bytes(8), (peer, port))

    def read(self) -> None:
        receiver, waits = self._source.receiver, self._source.receiver.waits
        ready, _, _ = select.select(self._ends, [], [], OVERTAKEN_WITHIN_S if waits else self._source.stall_s)
        if not ready and not waits:
            raise TimeoutError("no packet")
        if not waits:
            self._waits_since_s = time.monotonic()
        elif time.monotonic() - self._waits_since_s > OVERTAKEN_WITHIN_S:
            self._source.units.extend(receiver.give_up())
        if self._rtp.fileno() in ready:
            self._all(self._rtp, self._take)
        if self._rtcp.fileno() in ready:
            self._all(self._rtcp, lambda packet: self._source.receiver.control(packet, time.monotonic()))
        if self._connection.fileno() in ready:
            self._connection.make_room()
            self._connection.more()
            self._connection.sift(lambda *_: None)

    def send_report(self, report: bytes) -> None:
        if self._peer is not None:
            self._rtcp.sendto(report, self._peer)

    def close(self) -> None:
        self._rtp.close()
        self._rtcp.close()

    def _take(self, packet: memoryview) -> None:
        self._source.units.extend(self._source.receiver.take(packet))
        if self._source.assembler.holds:
            self._source.assembler.keep()  # the next datagram goes into the same buffer

    def _all(self, end: socket.socket, take: Callable[[memoryview], None]) -> None:
        for _ in range(1_000):
            try:
                size, sender = end.recvfrom_into(self._buffer)
            except BlockingIOError:
                return
            if sender[0] == self._connection.peer_address:
                take(self._view[:size])


def open_rtsp(url: str, camera: CameraSettings, password: str, recording: RecordingSettings) -> RtspSource:
    """Opens and plays a stream. Raises CameraFault saying why there is no video, Unsupported."""
    began_s, within_s = time.monotonic(), float(recording.connect_timeout_s)

    def left_s() -> float:
        return max(0.1, began_s + within_s - time.monotonic())

    connection: RtspConnection | None = None
    source: RtspSource | None = None
    try:
        connection = RtspConnection(url, Credentials(camera.username, password, camera.allow_basic), within_s)
        answer = connection.ask("DESCRIBE", url, {"Accept": "application/sdp"}, left_s())
        _check(answer, camera)
        video, codecs = read_description(answer.body.decode("utf-8", "replace"))
        if video is None:
            raise no_video_fault(codecs)
        base = answer.headers.get("content-base") or answer.headers.get("content-location") or url
        source = RtspSource(connection, video, camera, recording.stall_s)
        source.play(base, camera.transport, left_s())
    except (OSError, InvalidInput, CameraFault, Unsupported) as error:
        if source is not None:
            source.close()
        elif connection is not None:
            connection.close()
        if isinstance(error, CameraFault | Unsupported):
            raise
        if isinstance(error, InvalidInput):
            raise CameraFault(
                "unreachable", "what answers at the camera's address does not speak RTSP as expected"
            ) from error
        raise opening_fault(
            error, time.monotonic() - began_s, recording.connect_timeout_s, has_user=bool(camera.username)
        ) from error
    return source


def _check(answer: Answer, camera: CameraSettings) -> None:
    if answer.status == 200:
        return
    if answer.status == 401 and camera.username and not camera.allow_basic and asks_for_password(answer.challenges):
        raise basic_fault(camera.id)
    fault = refused(answer.status, camera.transport, has_user=bool(camera.username))
    if fault is not None:
        raise fault
    raise Unsupported(f"the camera answers with status {answer.status}")


def _alive_every_s(session: str) -> float:
    """Half of what the camera allows between two requests (RFC 2326, 12.37)."""
    found = re.search(r"timeout\s*=\s*(\d{1,5})", session)
    return min(ALIVE_EVERY_S, max(2.0, int(found[1]) / 2)) if found else ALIVE_EVERY_S


def _resolved(base: str, control: str) -> str:
    """RFC 2326, C.1.1; cameras mean the base as a folder whether it ends with a slash or not."""
    if not control or control == "*":
        return base
    if "://" in control:
        return control
    return urljoin(base if base.endswith("/") else f"{base}/", control)


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


def _ended(error: OSError | InvalidInput, stall_s: int) -> CameraFault:
    if isinstance(error, InvalidInput):
        return CameraFault("unreachable", "the camera sent something that is not RTSP in the middle of its stream")
    if isinstance(error, BlockingIOError | TimeoutError):
        return CameraFault("stalled", f"no frame for {stall_s} s although the connection stands")
    if isinstance(error, ConnectionResetError) and not error.errno:
        return ended_fault()
    return reading_fault(error, stall_s)
