"""H.265 to small H.264, for browsers play no H.265 everywhere: decoded and encoded at the site, only while watched.

Invariant: it never falls behind: frames for which there is no time are decoded and not encoded. The recording is not
touched, and this thread is the one that waits when processors are short (``nice``).
"""

from collections.abc import Iterator
from fractions import Fraction

import av
import av.error
from av.video.codeccontext import VideoCodecContext

from config.base.errors import InvalidInput
from edge_agent.cameras.feed import Codec, FeedPacket, StreamFormat

HEIGHT_MAX = 360
SIDE_MAX = 640
PIXELS_MAX = 32 << 20
"""8K: a camera that claims more would have its pictures fill the memory."""
RATE = 25
KEY_EVERY = 50
BITS_PER_SECOND = 700_000
MICROS = Fraction(1, 1_000_000)
H264 = StreamFormat("h264", b"", MICROS)


class Pictures:
    """A camera's packets, decoded by one thread; begin another where the camera's session changes."""

    def __init__(self, session: int, codec: Codec) -> None:
        self.session = session
        self._decoder: VideoCodecContext = av.CodecContext.create(codec, "r")
        self._decoder.thread_count = 1
        self._decoder.options = {"flags": "+low_delay", "max_pixels": str(PIXELS_MAX)}
        self._began = False
        self._before_us = -1

    def take(self, packet: FeedPacket, *, behind: bool) -> Iterator[tuple[int, av.VideoFrame]]:
        """The frames in it that are later than any before, with their times; none while ``behind``. Raises InvalidInput."""
        data = packet.format.parameters + packet.data if not self._began else packet.data
        self._began = True
        try:
            given = av.Packet(data)
            given.pts = given.dts = packet.presented_us
            given.time_base = MICROS
            for frame in self._decoder.decode(given):
                at_us = frame.pts if frame.pts is not None else packet.presented_us
                if behind or at_us <= self._before_us:
                    continue
                self._before_us = at_us
                yield at_us, frame
        except (av.error.FFmpegError, ValueError) as error:
            raise InvalidInput(
                f"the picture cannot be made smaller ({type(error).__name__})", code="undecodable"
            ) from error


class Transcoder:
    """Used by one thread; begin another where the camera's session changes."""

    def __init__(self, session: int) -> None:
        self.session = session
        self._pictures = Pictures(session, "hevc")
        self._encoder: VideoCodecContext | None = None

    def take(self, packet: FeedPacket, *, behind: bool) -> list[FeedPacket]:
        """H.264 of the frames in it; none while ``behind``. Raises InvalidInput where it cannot be decoded."""
        made: list[FeedPacket] = []
        for at_us, frame in self._pictures.take(packet, behind=behind):
            encoder = self._encoder = self._encoder or small_encoder(frame.width, frame.height)
            small = frame.reformat(encoder.width, encoder.height, format="yuv420p")
            small.pts, small.time_base = at_us, MICROS
            made += coded(encoder, small, at_us, packet)
        return made


def coded(encoder: VideoCodecContext, frame: av.VideoFrame, at_us: int, packet: FeedPacket) -> list[FeedPacket]:
    """The frame as packets like the one that it came in. Raises InvalidInput."""
    own = packet._replace(presented_us=at_us, decoded_us=at_us, format=H264)
    try:
        return [own._replace(data=bytes(one), is_key=one.is_keyframe) for one in encoder.encode(frame)]
    except (av.error.FFmpegError, ValueError) as error:
        raise InvalidInput(f"the picture cannot be encoded ({type(error).__name__})", code="undecodable") from error


def small_encoder(
    width: int, height: int, *, bits_per_second: int = BITS_PER_SECOND, key_every: int = KEY_EVERY
) -> VideoCodecContext:
    """For pictures of this size, made smaller to what a phone shows."""
    scale = min(1.0, HEIGHT_MAX / min(width, height), SIDE_MAX / max(width, height))
    made: VideoCodecContext = av.CodecContext.create("libx264", "w")
    made.width, made.height = (max(2, round(side * scale / 2) * 2) for side in (width, height))
    made.pix_fmt = "yuv420p"
    made.time_base = MICROS
    made.framerate = Fraction(RATE)
    made.bit_rate = bits_per_second
    made.gop_size = key_every
    made.thread_count = 1
    made.options = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline"}
    return made
