"""Keyframes of one grey: as a camera would send them, of any size."""

import io
from fractions import Fraction

import av
import numpy as np

ENCODERS = {
    "h264": ("libx264", {"preset": "ultrafast", "tune": "zerolatency", "g": "1"}),
    "hevc": ("libx265", {"preset": "ultrafast", "tune": "zerolatency", "x265-params": "keyint=1:log-level=none"}),
}


def keyframe(
    codec: str, grey: int, size: tuple[int, int] = (640, 360), pixels: str = "yuv420p", noise: float = 0.0
) -> bytes:
    """One Annex B keyframe; ``noise`` is the deviation from its grey, which is the same every time."""
    encoder = av.CodecContext.create(ENCODERS[codec][0], "w")
    encoder.width, encoder.height, encoder.pix_fmt = *size, pixels
    encoder.time_base = Fraction(1, 25)
    encoder.options = dict(ENCODERS[codec][1])
    picture = np.random.default_rng(5).normal(grey, noise, (size[1], size[0], 3)).clip(0, 255).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
    packets = [*encoder.encode(frame.reformat(format=pixels)), *encoder.encode(None)]
    data = io.BytesIO()
    for packet in packets:
        data.write(bytes(packet))
    return data.getvalue()
