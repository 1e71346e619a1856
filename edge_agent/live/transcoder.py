"""H.265 to small H.264, for browsers play no H.265 everywhere: decoded and encoded at the site, only while watched.

Invariant: it never falls behind: frames for which there is no time are decoded and not encoded. The recording is not
touched, and this thread is the one that waits when processors are short (``nice``).
"""

from fractions import Fraction

import av
import av.error
from av.video.codeccontext import VideoCodecContext

from config.base.errors import InvalidInput
from edge_agent.cameras.feed import FeedPacket, StreamFormat

HEIGHT_MAX = 360
SIDE_MAX = 640
PIXELS_MAX = 32 << 20
"""8K: a camera that claims more would have its pictures fill the memory."""
RATE = 25
KEY_EVERY = 50
BITS_PER_SECOND = 700_000
MICROS = Fraction(1, 1_000_000)


class Transcoder:
    """Used by one thread; begin another where the camera's session changes."""

    def __init__(self, session: int) -> None:
        self.session = session
        self._decoder: VideoCodecContext = av.CodecContext.create("hevc", "r")
        self._decoder.thread_count = 1
        self._decoder.options = {"flags": "+low_delay", "max_pixels": str(PIXELS_MAX)}
        self._encoder: VideoCodecContext | None = None
        self._began = False
        self._before_us = -1

    def take(self, packet: FeedPacket, *, behind: bool) -> list[FeedPacket]:
        """H.264 of the frames in it; none while ``behind``. Raises InvalidInput where it cannot be decoded."""
        data = packet.format.parameters + packet.data if not self._began else packet.data
        self._began = True
        made: list[FeedPacket] = []
        try:
            given = av.Packet(data)
            given.pts = given.dts = packet.presented_us
            given.time_base = MICROS
            for frame in self._decoder.decode(given):
                at_us = frame.pts if frame.pts is not None else packet.presented_us
                if behind or at_us <= self._before_us:
                    continue
                self._before_us = at_us
                made += self._encode(frame, at_us, packet)
        except (av.error.FFmpegError, ValueError) as error:
            raise InvalidInput(
                f"the picture cannot be made smaller ({type(error).__name__})", code="undecodable"
            ) from error
        return made

    def _encode(self, frame: av.VideoFrame, at_us: int, packet: FeedPacket) -> list[FeedPacket]:
        encoder = self._encoder = self._encoder or _encoder(frame.width, frame.height)
        small = frame.reformat(encoder.width, encoder.height, format="yuv420p")
        small.pts, small.time_base = at_us, MICROS
        own = packet._replace(
            presented_us=at_us, decoded_us=at_us, session=self.session, format=StreamFormat("h264", b"", MICROS)
        )
        return [own._replace(data=bytes(coded), is_key=coded.is_keyframe) for coded in encoder.encode(small)]


def _encoder(width: int, height: int) -> VideoCodecContext:
    scale = min(1.0, HEIGHT_MAX / min(width, height), SIDE_MAX / max(width, height))
    made: VideoCodecContext = av.CodecContext.create("libx264", "w")
    made.width, made.height = (max(2, round(side * scale / 2) * 2) for side in (width, height))
    made.pix_fmt = "yuv420p"
    made.time_base = MICROS
    made.framerate = Fraction(RATE)
    made.bit_rate = BITS_PER_SECOND
    made.gop_size = KEY_EVERY
    made.thread_count = 1
    made.options = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline"}
    return made
