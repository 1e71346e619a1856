"""A camera's own recording as it comes over RTSP: frames, each with the camera's time of it.

Invariant: a frame whose time the camera does not say is no frame here, and after a lost packet none is until the next
keyframe; so nothing is ever placed in time by guessing.

Source: ONVIF Streaming Specification 6.3 (RTP header extension 0xABAC), 6.4 (feature tag ``onvif-replay``), 6.5
(``Range: clock=``, ``Rate-Control``); RFC 2326 3.7 (UTC ranges); RFC 3550 5.1, 5.3.1.
"""

import struct
import time
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from config.base.clock import US_PER_S, to_datetime
from config.base.errors import InvalidInput, NotFound, PermissionDenied
from edge_agent.cameras.feed import Codec
from edge_agent.cameras.rtsp.asking import Answer, Credentials
from edge_agent.cameras.rtsp.assembling import AccessUnit, Assembler
from edge_agent.cameras.rtsp.connection import RtspConnection
from edge_agent.cameras.rtsp.describing import VideoDescription, read_description
from edge_agent.onvif.errors import nonsense, refused

EXTENSION = 0xABAC
EXTENSION_BYTES = 12
END_FLAG, BREAK_FLAG, LAST_FLAG = 0x40, 0x20, 0x10
NTP_EPOCH_S = 2_208_988_800
TIMES_MAX = 1_024
ALIVE_EVERY_S = 15.0
COMPACT_FROM = 128 * 1024
INVALID_RANGE = 457
FEATURE = {"Require": "onvif-replay"}


class StoredFrame(NamedTuple):
    """One access unit, Annex B, with the camera's own time of it."""

    data: bytes
    is_key: bool
    camera_us: int
    after_break: bool
    """Something is missing between the frame before and this one."""


class StoredFrames:
    """One replay. ``frames`` ends when the camera has no more; ``ended`` then says how."""

    def __init__(self, url: str, who: Credentials, connect_within_s: float, silent_s: float) -> None:
        """``url`` without user and password. Raises OSError, InvalidInput, PermissionDenied."""
        self._within_s = connect_within_s
        self._silent_s = silent_s
        self._connection = RtspConnection(url, who, connect_within_s)
        try:
            answer = self._connection.ask("DESCRIBE", url, {"Accept": "application/sdp"}, connect_within_s)
            _check(answer)
            video, codecs = read_description(answer.body.decode("utf-8", "replace"))
            if video is None:
                raise nonsense(f"its recording holds no H.264 or H.265 video ({', '.join(codecs)[:60]})")
        except (OSError, InvalidInput, PermissionDenied):
            self._connection.close()
            raise
        self.codec: Codec = video.codec
        self.parameters = video.parameters
        base = answer.headers.get("content-base") or url
        self._setup_url, self._play_url = _urls(base, video)
        self._packets = _Packets(video)
        self.ended = ""

    def play(self, start_us: int, end_us: int) -> None:
        """Asks for ``[start, end)`` by the camera's clock. Raises NotFound where it has nothing of it, OSError, InvalidInput."""
        transport = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
        _check(self._connection.ask("SETUP", self._setup_url, {**transport, **FEATURE}, self._within_s))
        wanted = {"Range": f"clock={_clock(start_us)}-{_clock(end_us)}", "Rate-Control": "no"}
        answer = self._connection.ask("PLAY", self._play_url, {**wanted, **FEATURE}, self._within_s)
        if answer.status == INVALID_RANGE:
            raise NotFound("the camera's memory has nothing of this time", code="onvif_nothing")
        _check(answer)
        self._connection.patience(self._silent_s)

    def frames(self) -> Iterator[StoredFrame]:
        """In decoding order. Never raises: ``ended`` is ``complete``, ``silent``, ``closed``, ``broken`` or ``nonsense``."""
        alive_s = time.monotonic()
        try:
            while True:
                if self._connection.begin == self._connection.end or self._connection.end > COMPACT_FROM:
                    self._connection.make_room()
                self._connection.more()
                self._connection.sift(self._take)
                yield from self._packets.drain()
                if self._packets.over:
                    self.ended = "complete"
                    return
                if time.monotonic() - alive_s > ALIVE_EVERY_S:
                    alive_s = time.monotonic()
                    self._connection.say("OPTIONS", self._play_url, {})
        except InvalidInput:
            self.ended = "nonsense"
        except (BlockingIOError, TimeoutError):
            self.ended = "silent"
        except ConnectionResetError as error:
            self.ended = "broken" if error.errno else "closed"
        except OSError:
            self.ended = "broken"

    @property
    def lost(self) -> int:
        """Packets that never came."""
        return self._packets.lost

    @property
    def untimed(self) -> int:
        """Frames whose time the camera did not say."""
        return self._packets.untimed

    def close(self) -> None:
        try:
            self._connection.patience(0.2)
            self._connection.say("TEARDOWN", self._play_url, {})
        except OSError:
            pass  # it is gone already
        self._connection.close()

    def _take(self, channel: int, begin: int, end: int) -> None:
        if channel == 0:
            self._packets.take(bytes(self._connection.view[begin:end]))


class _Packets:
    """RTP packets with header extensions, put together to frames."""

    def __init__(self, video: VideoDescription) -> None:
        self._payload_type = video.payload_type
        self._assembler = Assembler(video.codec)
        self._expected = -1
        self._times: dict[int, int] = {}
        self._breaks: set[int] = set()
        self._current, self._complete = -1, True
        """The time stamp of the last packet, and whether it ended its picture."""
        self._last: int | None = None
        self._spoiled: set[int] = set()
        """Pictures of which packets are missing, or may be."""
        self._units: deque[AccessUnit | None] = deque()
        """None: here something is missing."""
        self._whole = False
        """Nothing is missing since the last keyframe."""
        self._after_break = True
        self.lost = self.untimed = 0
        self.over = False

    def take(self, packet: bytes) -> None:
        if len(packet) < 12 or packet[0] >> 6 != 2 or packet[1] & 0x7F != self._payload_type:
            return
        sequence, timestamp = struct.unpack_from(">HI", packet, 2)
        if self._expected not in (-1, sequence):
            self.lost += (sequence - self._expected) & 0xFFFF
            self._assembler.lost()
            self._units.append(None)
            self._spoiled |= {timestamp} if self._complete else {timestamp, self._current}
        self._current, self._complete = timestamp, bool(packet[1] & 0x80)
        self._expected = (sequence + 1) & 0xFFFF
        begin, end = 12 + 4 * (packet[0] & 15), len(packet)
        if packet[0] & 0x10 and begin + 4 <= end:
            profile, words = struct.unpack_from(">HH", packet, begin)
            if profile == EXTENSION and words * 4 >= EXTENSION_BYTES and begin + 4 + words * 4 <= end:
                self._note(packet, begin + 4, timestamp)
            begin += 4 + words * 4
        if packet[0] & 0x20:
            end -= packet[-1]
        if begin < end:
            marker = bool(packet[1] & 0x80)
            self._units.extend(self._assembler.take(memoryview(packet)[begin:end], timestamp, marker=marker))

    def drain(self) -> Iterator[StoredFrame]:
        if len(self._breaks) + len(self._spoiled) > TIMES_MAX:
            raise nonsense("too many breaks at once")
        while self._units:
            unit = self._units.popleft()
            if unit is None:
                self._whole, self._after_break = False, True
                continue
            camera_us = self._times.pop(unit.timestamp, None)
            spoiled = unit.timestamp in self._spoiled
            if spoiled or camera_us is None or unit.timestamp in self._breaks:
                self._spoiled.discard(unit.timestamp)
                self._breaks.discard(unit.timestamp)
                self._whole, self._after_break = False, True
            if camera_us is None:
                self.untimed += not spoiled
            elif not spoiled and (self._whole or unit.is_key):
                self._whole = True
                yield StoredFrame(unit.data, unit.is_key, camera_us, self._after_break)
                self._after_break = False
            self.over = self.over or unit.timestamp == self._last

    def _note(self, packet: bytes, at: int, timestamp: int) -> None:
        ntp, flags = struct.unpack_from(">QB", packet, at)
        seconds, fraction = ntp >> 32, ntp & 0xFFFF_FFFF
        if seconds > NTP_EPOCH_S and len(self._times) < TIMES_MAX:
            self._times[timestamp] = (seconds - NTP_EPOCH_S) * US_PER_S + (fraction * US_PER_S >> 32)
        if flags & BREAK_FLAG:
            self._breaks.add(timestamp)
        if flags & LAST_FLAG:
            self._last = timestamp


def _urls(base: str, video: VideoDescription) -> tuple[str, str]:
    return _resolved(base, video.control), _resolved(base, video.session_control)


def _resolved(base: str, control: str) -> str:
    """RFC 2326, C.1.1; the path of a control URL only, for no answer sends us elsewhere."""
    if not control or control == "*":
        return base
    if "://" in control:
        return control
    return f"{base.rstrip('/')}/{control.lstrip('/')}"


def _check(answer: Answer) -> None:
    if answer.status in (401, 403):
        raise refused()
    if answer.status != 200:
        raise nonsense(f"its replay answers with status {answer.status}")


def _clock(instant_us: int) -> str:
    moment = to_datetime(instant_us)
    return f"{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1_000:03d}Z"
