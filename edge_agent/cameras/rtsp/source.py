"""A camera's RTSP stream as a source of packets, over TCP or UDP.

Invariants: user and password go into the proof that the camera asks for, and nowhere else. Only video is set up: an
audio stream that goes on would hide a video stream that has stopped. ``stall_s`` without a picture ends it.
"""

import re
import time
from collections.abc import Iterator
from fractions import Fraction
from typing import cast
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
from edge_agent.cameras.rtsp.ways import Datagrams, Interleaved, Way
from edge_agent.cameras.source import PacketSource, VideoPacket

RTP_VIDEO = Fraction(1, 90_000)
REPORT_EVERY_S = 5.0
ALIVE_EVERY_S = 25.0
PROMPT_FOR_S = 3.0
"""At the beginning of a session each picture is read as it comes: a run's start is told from when they came."""


class Unsupported(NightlightError):
    """The camera speaks RTSP in a way that this client does not understand; another may."""

    code = "unsupported"


class RtspSource(PacketSource):
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
        self._assembler = Assembler(video.codec)
        self._video = video
        reorder = camera.transport == "udp"
        self._receiver = Receiver(video.payload_type, self._assembler, self._clock, reorder=reorder)
        self._way: Way | None = None
        self._control_url = connection.url
        self._alive_every_s = ALIVE_EVERY_S
        self._told_lost = 0
        self._newest = 0
        self._prompt = True
        self._began_s = time.monotonic()

    def play(self, base: str, within_s: float) -> None:
        """Sets the stream up and starts it. Raises CameraFault, Unsupported, OSError, InvalidInput."""
        setup_url = _resolved(base, self._video.control)
        way: Way
        if self._camera.transport == "udp":
            way = Datagrams(self._connection, self._receiver, self._assembler, self._stall_s)
        else:
            way = Interleaved(self._connection, self._receiver, self._assembler)
        self._way = way
        answer = self._connection.ask("SETUP", setup_url, {"Transport": way.wanted}, within_s)
        _check(answer, self._camera)
        self._alive_every_s = _alive_every_s(answer.headers.get("session", ""))
        way.agreed(answer.headers.get("transport", ""))
        self._control_url = _resolved(base, self._video.session_control)
        _check(self._connection.ask("PLAY", self._control_url, {"Range": "npt=0.000-"}, within_s), self._camera)
        self._connection.patience(self._stall_s)
        way.be_prompt(prompt=True)
        self._began_s = time.monotonic()

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
                    ready, order.depth, self._assembler.by_timestamp = taken, opening.depth(), opening.split
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
        meter.rtp_lost += self._receiver.lost - self._told_lost
        self._told_lost = self._receiver.lost
        self._clock.observe(self._newest, arrival_utc_us)
        found = self._clock.offset()
        if found is not None:
            meter.clock_offset_us, meter.clock_bound_us = found

    def be_prompt(self, *, prompt: bool) -> None:
        prompt = prompt or time.monotonic() - self._began_s < PROMPT_FOR_S
        if self._way is not None and prompt != self._prompt:
            self._prompt = prompt
            self._way.be_prompt(prompt=prompt)

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

    def _units(self) -> Iterator[AccessUnit]:
        way = self._way
        if way is None:
            raise ValueError("a stream is played before it is read")
        newest_s = report_s = alive_s = time.monotonic()
        while True:
            units = way.read()
            now_s = time.monotonic()
            if units:
                newest_s = now_s
                yield from units
            elif now_s - newest_s > self._stall_s:
                raise TimeoutError("no picture")
            if now_s - report_s > REPORT_EVERY_S:
                report_s = now_s
                way.send_report(self._receiver.report(now_s))
            if now_s - alive_s > self._alive_every_s or self._connection.asks_again():
                alive_s = now_s
                self._connection.say("OPTIONS", self._control_url, {})


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
        source.play(base, left_s())
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


def _ended(error: OSError | InvalidInput, stall_s: int) -> CameraFault:
    if isinstance(error, InvalidInput):
        return CameraFault("unreachable", "the camera sent something that is not RTSP in the middle of its stream")
    if isinstance(error, BlockingIOError | TimeoutError):
        return CameraFault("stalled", f"no frame for {stall_s} s although the connection stands")
    if isinstance(error, ConnectionResetError) and not error.errno:
        return ended_fault()
    return reading_fault(error, stall_s)
