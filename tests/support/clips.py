"""Small video files for tests: encoded once a session, of every kind that a camera may send.

def test_something(clip):
    path = clip("h264", bframes=2)
"""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

FPS = 10
MakeClip = Callable[..., Path]


def encode(path: Path, codec: str, *, seconds: int, size: tuple[int, int], bframes: int, open_gop: bool) -> Path:
    """A moving gradient; a keyframe every second."""
    name = {"h264": "libx264", "hevc": "libx265"}[codec]
    options = f"keyint={FPS}:min-keyint={FPS}:scenecut=0:bframes={bframes}:b-adapt=0:b-pyramid=none"
    options += f":open-gop={int(open_gop)}:repeat-headers=1" + (":log-level=none:pools=none" if codec == "hevc" else "")
    with av.open(str(path), "w") as out:
        stream = out.add_stream(name, rate=FPS)
        stream.width, stream.height = size
        stream.pix_fmt, stream.time_base = "yuv420p", Fraction(1, FPS)
        stream.codec_context.gop_size, stream.codec_context.max_b_frames = FPS, bframes
        stream.codec_context.thread_count = 1
        stream.options = {"preset": "ultrafast", f"{name.removeprefix('lib')}-params": options}
        for number in range(seconds * FPS):
            width, height = size
            row = (np.arange(width) + number * 7) % 220 + 16
            planes = np.full((height * 3 // 2, width), 128, dtype=np.uint8)
            planes[:height] = row.astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> MakeClip:
    """Makes clips; the same asked for again is the same file."""
    folder = tmp_path_factory.mktemp("clips")

    def make(
        codec: str = "h264",
        *,
        seconds: int = 4,
        size: tuple[int, int] = (160, 96),
        bframes: int = 0,
        open_gop: bool = False,
    ) -> Path:
        path = folder / f"{codec}-{seconds}-{size[0]}x{size[1]}-{bframes}-{open_gop}.mp4"
        options = {"seconds": seconds, "size": size, "bframes": bframes, "open_gop": open_gop}
        return path if path.exists() else encode(path, codec, **options)  # type: ignore[arg-type]

    return make
