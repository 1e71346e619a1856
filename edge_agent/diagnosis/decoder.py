"""Keyframes to small pictures: one decoder a codec for all cameras of a shard.

Invariant: a keyframe stands alone. Nothing of one camera's picture is left in the decoder for the next camera's, and
what cannot be decoded is an error that names no other camera.

One decoder a camera would hold some 12 MB of 1080p frames each; decoding is rare (every 2 s) and its thread is one, so
they take turns. The loop filter is left out: at a sixth of the size nobody sees it.
"""

from typing import Literal

import av
import av.error
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from numpy.typing import NDArray

from config.base.errors import InvalidInput
from edge_agent.diagnosis.measuring import WIDTH, Bgr

Codec = Literal["h264", "hevc"]
OPTIONS = {"skip_loop_filter": "all", "flags2": "+fast", "flags": "+low_delay"}
PIXELS_MAX = 64 << 20
ASPECT_MAX = 8
"""The longer side over the shorter: panoramas of four sensors have 7.1. It bounds the small picture to 320 x 2560."""
PLANAR = {"yuv420p": False, "yuvj420p": True}
"""Pixel formats whose planes are read directly, and whether their range is full."""


class KeyframeDecoder:
    """Use it from one thread."""

    def __init__(self) -> None:
        self._contexts: dict[Codec, VideoCodecContext] = {}

    def decode(self, codec: Codec, keyframe: bytes) -> Bgr:
        """An Annex B keyframe with its parameter sets as (H, 320, 3) uint8 BGR. Raises InvalidInput (``undecodable``)."""
        context = self._contexts.get(codec)
        if context is None:
            context = self._contexts[codec] = _context(codec)
        try:
            frames = context.decode(av.Packet(keyframe)) or context.decode(None)
            context.flush_buffers()
            picture = small_picture(frames[0]) if frames else None
        except (av.error.FFmpegError, cv2.error, ValueError) as error:
            self._contexts.pop(codec, None)
            raise InvalidInput(
                f"the keyframe cannot be decoded ({type(error).__name__})", code="undecodable"
            ) from error
        if picture is None:
            self._contexts.pop(codec, None)
            raise InvalidInput("the keyframe holds no picture", code="undecodable")
        return picture


def _context(codec: Codec) -> VideoCodecContext:
    context = av.CodecContext.create(codec, "r")
    context.thread_count = 1
    context.options = {**OPTIONS, "max_pixels": str(PIXELS_MAX)}  # else one that claims more fills the memory first
    return context


def small_picture(frame: VideoFrame) -> Bgr:
    """(H, 320, 3) uint8 BGR, the height in proportion. Averages over areas: picking pixels would look like noise.

    Raises InvalidInput (``undecodable``) for a picture of a size or shape that no camera has.
    """
    shorter, longer = sorted((frame.width, frame.height))
    if not 0 < shorter * longer <= PIXELS_MAX or longer > ASPECT_MAX * shorter:
        raise InvalidInput(f"a picture of {frame.width} x {frame.height} pixels", code="undecodable")
    size = (WIDTH, max(2, round(frame.height * WIDTH / frame.width)))
    full_range = PLANAR.get(frame.format.name)
    if full_range is None:
        whole = frame.to_ndarray(format="bgr24")
        return np.ascontiguousarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    full_range = full_range or frame.color_range == 2
    luma = cv2.resize(_plane(frame.planes[0]), size, interpolation=cv2.INTER_AREA)
    blue, red = (cv2.resize(_plane(plane), size, interpolation=cv2.INTER_LINEAR) for plane in frame.planes[1:3])
    if not full_range:
        luma, blue, red = cv2.LUT(luma, _LUMA), cv2.LUT(blue, _CHROMA), cv2.LUT(red, _CHROMA)
    return np.ascontiguousarray(cv2.cvtColor(cv2.merge((luma, red, blue)), cv2.COLOR_YCrCb2BGR), dtype=np.uint8)


def _plane(plane: VideoPlane) -> NDArray[np.uint8]:
    lines = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)  # type: ignore[call-overload]
    cut: NDArray[np.uint8] = lines[: plane.height, : plane.width]
    return cut


def _stretched(origin: float, around: float, steps: float) -> NDArray[np.uint8]:
    values = (np.arange(256) - origin) * 255.0 / steps + around
    table: NDArray[np.uint8] = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return table


_LUMA = _stretched(16, 0, 219)
_CHROMA = _stretched(128, 128, 224)
