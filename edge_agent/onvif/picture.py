"""A small picture of what a camera sees, from its own stream: so that the stream is tried at the same time.

Invariant: bounded in time and in size; nothing of it is kept on the disk.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Literal

import av
import av.error
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from config.base.clock import US_PER_S, Clock
from config.base.errors import InvalidInput
from config.settings.edge import CameraSettings, RecordingSettings
from config.wire.discovery import PICTURE_BYTES_MAX
from edge_agent.cameras.faults import CameraFault
from edge_agent.cameras.source import PacketSource, open_source

WIDTHS = (320, 240, 160)
PICTURE_WITHIN_S = 10.0
PIXELS_MAX = 64 << 20
QUALITY = 5
"""1 is the best, 31 the smallest."""
LAMBDA = 118  # FF_QP2LAMBDA

Codec = Literal["h264", "hevc"]


def picture_of(camera: CameraSettings, password: str, recording: RecordingSettings, clock: Clock) -> bytes:
    """A JPEG of the main stream as it is now.

    Raises CameraFault where the stream does not come, InvalidInput where it shows nothing.
    """
    stream = open_source(camera, "main", password, recording)
    try:
        return small_jpeg(_first_frame(stream, clock))
    finally:
        stream.close()


def jpeg_made_small(jpeg: bytes) -> bytes:
    """A camera's own still at the size that is sent. Raises InvalidInput."""
    decoder: VideoCodecContext = av.CodecContext.create("mjpeg", "r")
    return small_jpeg(_decoded(decoder, lambda: [*decoder.decode(av.Packet(jpeg)), *decoder.decode(None)]))


def small_jpeg(frame: VideoFrame) -> bytes:
    """At most 320 pixels wide and ``PICTURE_BYTES_MAX`` bytes. Raises InvalidInput."""
    if not 0 < frame.width * frame.height <= PIXELS_MAX:
        raise InvalidInput(f"a picture of {frame.width} x {frame.height} pixels", code="undecodable")
    for width in WIDTHS:
        wide = min(width, frame.width) // 2 * 2 or 2
        high = max(2, round(frame.height * wide / frame.width) // 2 * 2)
        small = frame.reformat(width=wide, height=high, format="yuvj420p")
        made = _encoded(small)
        if 0 < len(made) <= PICTURE_BYTES_MAX:
            return made
    raise InvalidInput("the picture cannot be made small enough", code="undecodable")


def _encoded(picture: VideoFrame) -> bytes:
    encoder: VideoCodecContext = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = picture.width, picture.height, "yuvj420p"
    encoder.time_base = picture.time_base = Fraction(1, 25)
    picture.pts = 0
    encoder.options = {"flags": "+qscale", "global_quality": str(QUALITY * LAMBDA)}
    try:
        return b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])
    except av.error.FFmpegError as error:
        raise InvalidInput(f"no still can be made ({type(error).__name__})", code="undecodable") from error


def _first_frame(stream: PacketSource, clock: Clock) -> VideoFrame:
    decoder: VideoCodecContext = av.CodecContext.create(stream.format.codec, "r")
    decoder.thread_count = 1
    if stream.format.parameters:
        decoder.extradata = stream.format.parameters
    deadline_us = clock.monotonic_us() + int(PICTURE_WITHIN_S * US_PER_S)
    started = False
    for packet in stream.packets():
        if clock.monotonic_us() > deadline_us:
            raise CameraFault("stalled", f"no key frame within {PICTURE_WITHIN_S:.0f} s")
        started = started or packet.is_keyframe
        if started:
            frames = _frames(decoder, bytes(packet))
            if frames:
                return frames[0]
    raise InvalidInput("the stream shows nothing", code="undecodable")


def _frames(decoder: VideoCodecContext, unit: bytes) -> list[VideoFrame]:
    try:
        return decoder.decode(av.Packet(unit))
    except (av.error.FFmpegError, ValueError) as error:
        raise InvalidInput(f"the stream cannot be decoded ({type(error).__name__})", code="undecodable") from error


def _decoded(decoder: VideoCodecContext, decode: Callable[[], list[VideoFrame]]) -> VideoFrame:
    decoder.thread_count = 1
    try:
        frames = decode()
    except (av.error.FFmpegError, ValueError) as error:
        raise InvalidInput(f"the still cannot be decoded ({type(error).__name__})", code="undecodable") from error
    if not frames:
        raise InvalidInput("the still shows nothing", code="undecodable")
    return frames[0]
