"""A clip as small grey pictures, eight a second.

Invariant (I10): whatever the file is, so many seconds of it are read and no more, and a picture is made small before it is kept.
"""

from dataclasses import dataclass
from pathlib import Path

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from config.base.errors import InvalidInput

BINS_PER_S = 8
LONG_SIDE = 96
SECONDS_MAX = 900
PIXELS_MAX = 40 << 20
Grey = NDArray[np.float32]


@dataclass(frozen=True)
class Clip:
    """``pictures``: (bins, height, width), the mean of the frames of each eighth of a second."""

    pictures: Grey
    seconds: float


def read_clip(file: Path) -> Clip:
    """Raises InvalidInput where it holds no video that can be read."""
    sums: list[Grey] = []
    counts: list[int] = []
    began: float | None = None
    last = 0.0
    try:
        with av.open(str(file), "r", options={"max_pixels": str(PIXELS_MAX)}) as container:
            if not container.streams.video:
                raise InvalidInput("there is no video in the clip", code="bad_clip")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            for frame in container.decode(stream):
                at = float(frame.time) if frame.time is not None else last
                began = at if began is None else began
                last = at
                number = int((at - began) * BINS_PER_S)
                if number >= SECONDS_MAX * BINS_PER_S:
                    break
                grey = _small(frame)
                while len(sums) <= max(number, 0):
                    sums.append(np.zeros_like(sums[0] if sums else grey))
                    counts.append(0)
                if grey.shape == sums[0].shape and number >= 0:
                    sums[number] += grey
                    counts[number] += 1
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise InvalidInput(f"the clip cannot be read ({type(error).__name__})", code="bad_clip") from error
    if not sums:
        raise InvalidInput("there is no picture in the clip", code="bad_clip")
    return Clip(_filled(sums, counts), len(sums) / BINS_PER_S)


def _small(frame: av.VideoFrame) -> Grey:
    scale = LONG_SIDE / max(frame.width, frame.height)
    width, height = (max(16, round(side * scale / 2) * 2) for side in (frame.width, frame.height))
    return frame.reformat(width, height, format="gray", interpolation="AREA").to_ndarray().astype(np.float32)


def _filled(sums: list[Grey], counts: list[int]) -> Grey:
    """A bin without a frame shows what the one before it did, as a screen would."""
    found: list[Grey] = []
    for total, count in zip(sums, counts, strict=True):
        found.append((total / count).astype(np.float32) if count else found[-1])
    return np.array(found, np.float32)
