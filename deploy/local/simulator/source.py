"""Where a camera's access units come from: encoded live from a scene, or looped from a file that is encoded already.

Invariant: an access unit is complete and in Annex B order; the parameter sets stand before every keyframe.
Source: ITU-T H.264 and H.265, Annex B.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal, Protocol

import av
from av.codec.context import ThreadType
from av.video.codeccontext import VideoCodecContext

from deploy.local.simulator.scene import HEIGHT, WIDTH, Scene

Codec = Literal["h264", "hevc"]
FRAMES_PER_SECOND = 10
KEYFRAME_EVERY = FRAMES_PER_SECOND  # one second
_START_CODE = re.compile(rb"\x00\x00\x00\x01|\x00\x00\x01")
# Everything that a camera on a wall would do without costs processor time here: eight run beside the whole stack.
_X264 = "scenecut=0:aq-mode=0:me=dia:subme=0:trellis=0:weightp=0:rc-lookahead=0:sync-lookahead=0:mbtree=0"
_X265 = "log-level=none:pools=none:frame-threads=1:scenecut=0:rc-lookahead=0:bframes=0:repeat-headers=1"


@dataclass(frozen=True)
class AccessUnit:
    """One coded picture: its NAL units without start codes."""

    nals: tuple[bytes, ...]
    keyframe: bool
    shown_later: int = 0
    """By how many pictures it is shown later than its place in decoding order; below 0 for B-frames."""


class Source(Protocol):
    """What a camera asks of where its pictures come from."""

    codec: Codec
    frames_per_second: Fraction
    parameter_sets: tuple[bytes, ...]
    """H.264: SPS, PPS. H.265: VPS, SPS, PPS."""

    def start(self) -> None:
        """Somebody watches: the next access unit is a keyframe."""
        ...

    def access_unit(self, tick: int, utc_us: int) -> AccessUnit:
        """The picture of this tick, counted from ``start``."""
        ...

    def shrink(self, *, halved: bool) -> None:
        """Half the width and height from the next picture on, or the whole again; a source may not be able to."""
        ...

    def stop(self) -> None:
        """Nobody watches any more."""
        ...


class LiveSource:
    """Encodes a scene as it is now."""

    def __init__(self, number: int, codec: Codec = "h264") -> None:
        self.codec: Codec = codec
        self.frames_per_second = Fraction(FRAMES_PER_SECOND)
        self._scene = Scene(number)
        self._halved = False
        self._encoder: VideoCodecContext | None = None
        self.start()
        self.parameter_sets = parameter_sets(codec, self.access_unit(0, 0).nals)
        self.stop()

    def start(self) -> None:
        self._encoder = _encoder(self.codec, halved=self._halved)

    def shrink(self, *, halved: bool) -> None:
        if halved != self._halved:
            self._halved = halved
            if self._encoder is not None:
                self.start()

    def access_unit(self, tick: int, utc_us: int) -> AccessUnit:
        if self._encoder is None:
            raise RuntimeError("a source is started before it is asked for pictures")
        frame = av.VideoFrame.from_ndarray(self._scene.frame(utc_us), format="yuv420p")
        if self._halved:
            frame = frame.reformat(width=self._encoder.width, height=self._encoder.height)
        frame.pts = tick
        packets = self._encoder.encode(frame)
        # "zerolatency": one picture in, one access unit out.
        return AccessUnit(
            tuple(nal for packet in packets for nal in split(bytes(packet))),
            any(packet.is_keyframe for packet in packets),
        )

    def stop(self) -> None:
        self._encoder = None


class ClipSource:
    """Loops a file; costs next to nothing, so that a benchmark measures what reads it."""

    def __init__(self, file: Path) -> None:
        with av.open(str(file)) as container:
            stream = container.streams.video[0]
            if stream.codec_context.name not in ("h264", "hevc"):
                raise ValueError(f"{file}: a clip must be H.264 or H.265, this one is {stream.codec_context.name}")
            self.codec: Codec = "hevc" if stream.codec_context.name == "hevc" else "h264"
            rate = stream.average_rate or stream.guessed_rate
            if rate is None:
                raise ValueError(f"{file}: a clip must tell its frame rate")
            self.frames_per_second = Fraction(rate)
            to_annex_b = av.BitStreamFilterContext(f"{self.codec}_mp4toannexb", stream)
            read = [unit for packet in container.demux(stream) if packet.size for unit in to_annex_b.filter(packet)]
            shown = {pts: place for place, pts in enumerate(sorted(unit.pts or 0 for unit in read))}
            self._units = [
                AccessUnit(tuple(split(bytes(unit))), unit.is_keyframe, shown[unit.pts or 0] - place)
                for place, unit in enumerate(read)
            ]
        if not self._units or not self._units[0].keyframe:
            raise ValueError(f"{file}: a clip must begin with a keyframe")
        self.parameter_sets = parameter_sets(self.codec, self._units[0].nals)

    def start(self) -> None:
        """Nothing to prepare."""

    def access_unit(self, tick: int, utc_us: int) -> AccessUnit:  # noqa: ARG002 (a clip cannot show the time)
        return self._units[tick % len(self._units)]

    def shrink(self, *, halved: bool) -> None:
        """A clip is as large as it is."""

    def stop(self) -> None:
        """Nothing to release."""


def split(annex_b: bytes) -> list[bytes]:
    """The NAL units of an Annex B byte stream, without start codes."""
    return [nal for nal in _START_CODE.split(annex_b) if nal]


def nal_type(codec: Codec, nal: bytes) -> int:
    """``nal_unit_type`` of a NAL unit."""
    return nal[0] & 0x1F if codec == "h264" else nal[0] >> 1 & 0x3F


def parameter_sets(codec: Codec, nals: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """The first of each parameter set in the order in which SDP names them. Raises ValueError where one is missing."""
    found = {nal_type(codec, nal): nal for nal in reversed(nals)}
    wanted = (7, 8) if codec == "h264" else (32, 33, 34)
    missing = [kind for kind in wanted if kind not in found]
    if missing:
        raise ValueError(f"no parameter set of type {missing} before the first keyframe")
    return tuple(found[kind] for kind in wanted)


def _encoder(codec: Codec, *, halved: bool = False) -> VideoCodecContext:
    encoder = VideoCodecContext.create("libx264" if codec == "h264" else "libx265", "w")
    encoder.width, encoder.height = (WIDTH // 2, HEIGHT // 2) if halved else (WIDTH, HEIGHT)
    encoder.pix_fmt = "yuv420p"
    encoder.framerate = Fraction(FRAMES_PER_SECOND)
    encoder.time_base = Fraction(1, FRAMES_PER_SECOND)
    encoder.gop_size = KEYFRAME_EVERY
    encoder.thread_count, encoder.thread_type = 1, ThreadType.NONE
    extra = {"x264-params": _X264} if codec == "h264" else {"x265-params": _X265}
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "28", "forced-idr": "1", **extra}
    return encoder
