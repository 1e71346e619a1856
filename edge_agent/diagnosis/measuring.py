"""Everything that is measured of one picture, in one pass: 2 to 3 ms for 320 x 180 pixels.

Invariant: a masked pixel has no part in any figure. Pictures are brought to one size, so that a figure means the same
for every camera. Figures are of 8-bit luma and chroma unless they say otherwise.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Bgr = NDArray[Any]
"""(H, W, 3) uint8 in BGR order."""
Mask = NDArray[Any]
"""(H, W) uint8: 255 where the picture may be looked at, 0 where the privacy mask lies."""
Luma = NDArray[Any]
"""(180, 320) uint8."""
Floats = NDArray[Any]
"""float32. OpenCV's stubs know no element types, so these names say what the type cannot."""

WIDTH, HEIGHT = 320, 180
COLUMNS, ROWS = 20, 12
"""Tiles of 16 x 15 pixels."""
TILE_VISIBLE_MIN = 0.6
SOFTENING = 12.0
"""Gradients well below this (noise, compression) have no direction to speak of."""
MONOCHROME_CHROMA_MAX = 3.0
"""Mean distance from grey: infrared pictures measured at most 1.2 after H.264, lamp-lit rooms at least 5."""
HIST_BINS = 256
MARKS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
P01, P95, P99 = 0, 6, 7
TONES = 8
LIT_MIN = 0.02


@dataclass(frozen=True)
class Measures:
    """One picture in figures."""

    luma: Luma
    visible: Mask
    """(180, 320)."""
    tiles_visible: NDArray[np.bool_]
    """(12, 20): tiles that are not masked."""
    percentiles: Floats
    """Luma at the shares of ``MARKS``."""
    mean: float
    bright_spots: float
    """Fraction of pixels of luma 180 or above: a caption on a black screen."""
    clipped: float
    """Fraction of pixels of which one channel is at 250 or above."""
    plain: float
    """Fraction of pixels in flat places of the eight most frequent tones: close to 1 on a drawn screen."""
    chroma: float
    """Mean distance from grey in the CbCr plane."""
    cast: tuple[float, float]
    """Mean of Cb and Cr less 128 over mean luma, of pixels that are neither black nor clipped."""
    direction_x: Floats
    direction_y: Floats
    """(90, 160): gradient over its own length, softened: tells structure whatever the light."""
    texture: Floats
    """(12, 20): mean length of the gradient, per tile."""
    brightness: Floats
    """(12, 20): mean luma per tile."""
    edge: float
    """Steepest gradient (99.7 %) over the picture's own contrast."""
    row_profile: Floats
    """(4, 180): row means of the luma's fine detail, in four vertical bands."""
    column_profile: Floats
    """(4, 320): the same for columns, in four horizontal bands."""

    @property
    def monochrome(self) -> bool:
        """Taken by infrared light, or by a camera that knows no colour."""
        return self.chroma < MONOCHROME_CHROMA_MAX


def everything_visible() -> Mask:
    return np.full((HEIGHT, WIDTH), 255, np.uint8)


def measure(picture: Bgr, visible: Mask | None = None) -> Measures:
    """``picture`` of any size; ``visible`` of (180, 320), by default without a mask."""
    if picture.shape[:2] != (HEIGHT, WIDTH):
        picture = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    masked = visible is not None
    seen = visible if visible is not None else everything_visible()
    colour = cv2.cvtColor(picture, cv2.COLOR_BGR2YCrCb)
    luma = np.ascontiguousarray(colour[..., 0])
    if masked:
        luma[seen == 0] = int(cv2.mean(luma, seen)[0])
    tiles_visible = _tiles(seen) > 255 * TILE_VISIBLE_MIN
    histogram = cv2.calcHist([luma], [0], seen, [HIST_BINS], [0, 256]).ravel()
    total = max(1.0, float(histogram.sum()))
    cumulative = np.cumsum(histogram) / total
    smooth = cv2.GaussianBlur(luma, (3, 3), 0)
    gx = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3, scale=0.25)
    gy = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3, scale=0.25)
    if masked:
        inner = cv2.erode(seen, np.ones((5, 5), np.uint8)) == 0
        gx[inner] = 0.0
        gy[inner] = 0.0
    length = cv2.magnitude(gx, gy)
    texture = _tiles(length)
    percentiles = np.searchsorted(cumulative, MARKS).astype(np.float32)
    cast, chroma = _chroma(colour, luma, seen)
    rows, columns = _profiles(luma)
    half = (WIDTH // 2, HEIGHT // 2)
    inverse = 1.0 / (length + SOFTENING)
    return Measures(
        luma=luma,
        visible=seen,
        tiles_visible=tiles_visible,
        percentiles=percentiles,
        mean=float(np.dot(histogram, np.arange(HIST_BINS))) / total,
        bright_spots=float(histogram[180:].sum()) / total,
        clipped=_clipped(picture, seen),
        plain=_plain(luma, seen),
        chroma=chroma,
        cast=cast,
        direction_x=cv2.resize(gx * inverse, half, interpolation=cv2.INTER_AREA),
        direction_y=cv2.resize(gy * inverse, half, interpolation=cv2.INTER_AREA),
        texture=texture,
        brightness=_tiles(luma),
        edge=_steepest(length) / max(8.0, float(percentiles[P99] - percentiles[P01])),
        row_profile=rows,
        column_profile=columns,
    )


def noise_between(now: Measures, before: Measures) -> float:
    """Standard deviation of what differs at random between two pictures, in luma steps; moving things hardly count.

    The median over the tiles of the fine difference: people would have to fill half of the picture to be taken for it.
    """
    difference = cv2.subtract(now.luma, before.luma, dtype=cv2.CV_32F)
    fine = difference - cv2.blur(difference, (3, 3))
    per_tile = _tiles(np.abs(fine))[now.tiles_visible]
    return float(np.median(per_tile)) * NOISE_OF_MEAN if per_tile.size else 0.0


NOISE_OF_MEAN = 0.94
"""Mean absolute deviation to one picture's sigma: 1.2533 / sqrt(2) / sqrt(8/9) for white noise."""


def unchanged_between(now: Measures, before: Measures) -> float | None:
    """Fraction of the tiles in which hardly a pixel has changed by even one step; None where all is black or clipped.

    Two real pictures differ almost everywhere by the sensor's noise. A picture that is coded again differs only where a
    clock or a caption runs in it, and a little after that place in coding order.
    """
    changed = _tiles((cv2.absdiff(now.luma, before.luma) > 0).astype(np.float32))
    telling = now.tiles_visible & (now.brightness > BLACK) & (now.brightness < WHITE)
    if telling.sum() < TELLING_TILES_MIN:
        return None
    return float((changed[telling] < CHANGED_PIXELS_MAX).mean())


def streaks_between(now: Measures, before: Measures) -> float:
    """Lines over the whole width or height that were not there before: root mean square, in luma steps.

    A line counts only where the four bands agree on it: people and furniture are in one or two. What merely became
    brighter or darker is taken out by fitting one picture to the other.
    """
    rows = _agreed(now.row_profile, before.row_profile)
    return max(rows, _agreed(now.column_profile, before.column_profile))


BLACK, WHITE = 14.0, 240.0
TELLING_TILES_MIN = 20
CHANGED_PIXELS_MAX = 0.2


def _agreed(now: Floats, before: Floats) -> float:
    own = (before * before).sum(axis=1, keepdims=True)
    gain = np.clip((now * before).sum(axis=1, keepdims=True) / np.maximum(own, 1.0), 0.2, 5.0)
    bands = now - gain * before
    products = (bands @ bands.T / bands.shape[1])[np.triu_indices(len(bands), 1)]
    return float(np.sqrt(max(0.0, float(np.median(products)))))


def _tiles(values: Floats) -> Floats:
    tiles: Floats = cv2.resize(values, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
    return tiles.astype(np.float32)


def _plain(luma: Luma, seen: Mask) -> float:
    """Flat means a range of at most 2 over 3 x 3 pixels, and not white; a tone is a window of 3 steps."""
    kernel = np.ones((3, 3), np.uint8)
    local = cv2.subtract(cv2.dilate(luma, kernel), cv2.erode(luma, kernel))
    flat = cv2.bitwise_and(cv2.inRange(local, np.array(0), np.array(2)), seen)
    flat[luma > WHITE] = 0
    tones = cv2.calcHist([luma], [0], flat, [HIST_BINS], [0, 256]).ravel()
    held = 0.0
    for _ in range(TONES):
        window = np.convolve(tones, np.ones(3, np.float32), "same")
        top = int(window.argmax())
        held += float(window[top])
        tones[max(0, top - 1) : top + 2] = 0
    return held / max(1.0, float(np.count_nonzero(seen)))


def _clipped(picture: Bgr, seen: Mask) -> float:
    brightest = cv2.max(cv2.max(picture[..., 0], picture[..., 1]), picture[..., 2])
    return cv2.countNonZero(cv2.bitwise_and(cv2.inRange(brightest, np.array(250), np.array(255)), seen)) / max(
        1, cv2.countNonZero(seen)
    )


def _chroma(colour: Bgr, luma: Luma, seen: Mask) -> tuple[tuple[float, float], float]:
    lit = cv2.bitwise_and(cv2.inRange(luma, np.array(24), np.array(240)), seen)
    if cv2.countNonZero(lit) < LIT_MIN * lit.size:
        return (0.0, 0.0), 0.0
    mean, deviation = cv2.meanStdDev(colour, mask=lit)
    red, blue, level = float(mean[1, 0]) - 128, float(mean[2, 0]) - 128, float(mean[0, 0])
    spread = float(np.hypot(deviation[1, 0], deviation[2, 0]))
    return (blue / level, red / level), float(np.hypot(np.hypot(blue, red), spread))


def _steepest(length: Floats) -> float:
    flat = length.ravel()
    rank = int(0.997 * flat.size)
    return float(np.partition(flat, rank)[rank])


def _profiles(luma: Luma) -> tuple[Floats, Floats]:
    values = luma.astype(np.float32)
    rows = cv2.resize(values, (4, HEIGHT), interpolation=cv2.INTER_AREA).T
    columns = cv2.resize(values, (WIDTH, 4), interpolation=cv2.INTER_AREA)
    return rows - cv2.blur(rows, (25, 1)), columns - cv2.blur(columns, (25, 1))
