"""The wall time as a row of black and white cells along the bottom of the picture, and how to read it back.

Invariant: ``read_timecode`` returns the instant that was drawn, to the millisecond, or None; a CRC-8 keeps a
damaged row from being read as another time.
Row, left to right, 64 cells as wide as the picture: 4 cells start marker (white black white black), 48 bits of
milliseconds UTC since the epoch (most significant first, white is 1), 8 bits CRC-8 (polynomial 0x07), 4 cells end
marker (black white black white).
"""

from itertools import pairwise
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from config.base.clock import US_PER_S

CELLS = 64
BITS = 48
START = (1, 0, 1, 0)
END = (0, 1, 0, 1)
ROW_FRACTION = 1 / 22.5  # 16 of 360 lines
BLACK, WHITE = 24, 226
CONTRAST_MIN = 60
US_PER_MS = US_PER_S // 1_000

Luma = NDArray[np.uint8]


def row_height(height: int) -> int:
    """Lines that the row takes in a picture of ``height`` lines."""
    return max(4, round(height * ROW_FRACTION))


def draw_timecode(luma: Luma, utc_us: int) -> None:
    """Draws the instant into the last lines of a ``(H, W)`` luma plane whose width is a multiple of 64."""
    height, width = luma.shape
    cells = np.array(_cells(utc_us // US_PER_MS), dtype=np.uint8)
    levels = np.where(cells == 1, WHITE, BLACK).astype(np.uint8)
    luma[height - row_height(height) :, :] = np.repeat(levels, width // CELLS)


def read_timecode(frame: av.VideoFrame | NDArray[Any]) -> int | None:
    """The burned-in instant of a decoded frame, microseconds UTC; None where no whole row can be read.

    ``frame`` is a video frame, a ``(H, W)`` luma plane or a ``(H, W, 3)`` BGR picture, of any size.
    """
    luma = _luma(frame)
    height, width = luma.shape
    row = row_height(height)
    # The middle half of each cell: the edges are blurred by the encoder.
    band = luma[height - row + row // 4 : height - max(1, row // 4)].mean(axis=0)
    edges = np.linspace(0, width, CELLS + 1)
    quarter = width / CELLS / 4
    levels = np.array([_level(band, left + quarter, right - quarter) for left, right in pairwise(edges)])
    white, black = levels[[0, 2]].mean(), levels[[1, 3]].mean()
    if white - black < CONTRAST_MIN:
        return None
    cells = [int(level > (white + black) / 2) for level in levels]
    if tuple(cells[:4]) != START or tuple(cells[-4:]) != END:
        return None
    millis = _number(cells[4 : 4 + BITS])
    if _number(cells[4 + BITS : -4]) != _crc8(millis):
        return None
    return millis * US_PER_MS


def _level(band: NDArray[Any], left: float, right: float) -> float:
    return float(band[int(left) : max(int(left) + 1, int(right))].mean())


def _luma(frame: av.VideoFrame | NDArray[Any]) -> NDArray[Any]:
    if isinstance(frame, av.VideoFrame):
        return frame.to_ndarray(format="gray")
    return cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) if frame.ndim == 3 else frame


def _cells(millis: int) -> list[int]:
    if not 0 <= millis < 1 << BITS:
        raise ValueError(f"{millis} ms do not fit into {BITS} bits")
    bits = [millis >> shift & 1 for shift in range(BITS - 1, -1, -1)]
    check = [_crc8(millis) >> shift & 1 for shift in range(7, -1, -1)]
    return [*START, *bits, *check, *END]


def _number(bits: list[int]) -> int:
    value = 0
    for bit in bits:
        value = value << 1 | bit
    return value


def _crc8(millis: int) -> int:
    crc = 0
    for byte in millis.to_bytes(BITS // 8, "big"):
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc
