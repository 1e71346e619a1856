"""The clip that the edge benchmark plays: 1080p25 H.264 at 4 Mbit/s, a keyframe every two seconds, encoded once.

Invariant: it loops: its length is a whole number of groups of pictures.
"""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

WIDTH, HEIGHT, FPS, SECONDS, BITS_PER_S = 1920, 1080, 25, 10, 4_000_000
KEYFRAME_EVERY = 2 * FPS


def access_units(cache: Path) -> list[tuple[bytes, bool]]:
    """Access units (Annex B) and whether each is a keyframe; encoded on the first call, read from ``cache`` later."""
    if not cache.exists():
        cache.parent.mkdir(parents=True, exist_ok=True)
        _encode(cache)
    with av.open(str(cache)) as container:
        return [(bytes(packet), packet.is_keyframe) for packet in container.demux(video=0) if packet.size]


def _encode(cache: Path) -> None:
    encoder = VideoCodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(FPS), Fraction(1, FPS)
    encoder.gop_size, encoder.bit_rate = KEYFRAME_EVERY, BITS_PER_S
    rate = BITS_PER_S // 1_000
    encoder.options = {
        "preset": "superfast",
        "tune": "zerolatency",
        "x264-params": f"keyint={KEYFRAME_EVERY}:min-keyint={KEYFRAME_EVERY}:scenecut=0:bframes=0:nal-hrd=cbr"
        f":vbv-maxrate={rate}:vbv-bufsize={rate}:sliced-threads=0",
    }
    fresh = cache.with_suffix(".new")
    with fresh.open("wb") as out:
        for number in range(FPS * SECONDS):
            for packet in encoder.encode(_picture(number)):
                out.write(bytes(packet))
        for packet in encoder.encode(None):
            out.write(bytes(packet))
    fresh.rename(cache)


def _picture(number: int) -> av.VideoFrame:
    """A room with a sensor's noise, in which something moves."""
    generator = np.random.default_rng(number)
    luma = np.tile(np.linspace(60, 180, WIDTH, dtype=np.float32), (HEIGHT, 1))
    noise = generator.normal(0, 6, (HEIGHT // 2, WIDTH // 2)).astype(np.float32).repeat(2, 0).repeat(2, 1)
    left = (number * 7) % (WIDTH - 200)
    luma[300:700, left : left + 200] = 220
    planes = np.full((HEIGHT * 3 // 2, WIDTH), 128, dtype=np.uint8)
    planes[:HEIGHT] = np.clip(luma + noise, 16, 235).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    frame.pts = number
    return frame
