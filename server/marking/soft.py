"""Where a camera's pattern lies in a clip, and how strongly each moment leans to one variant.

Invariant: nothing here knows any code word, so that what is chosen here can make nobody look guilty by chance.

A group's picture is the mean of its second half (an encoder that skips what hardly changes is late). From it goes the median of its
neighbours, which is what stands still; what is left is cut at ``LIMIT`` grey levels, for a child that runs past is stronger than any
pattern, and correlated with the pattern at every place and size (FFT).
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from config.wire.marking import CELLS_ACROSS, CELLS_DOWN, GROUP_US, blend, signs
from server.marking.clip import Clip, Grey
from server.probe.clip_child import BINS_PER_S

BINS_PER_GROUP = BINS_PER_S * GROUP_US // 1_000_000
NEIGHBOURS = 3
LIMIT = 2.0
WIDTHS = tuple(0.4 * 1.07**step for step in range(27))
"""Of the whole picture, in widths of the clip: from a picture in a window to half a picture in the whole clip."""
SAMPLES_MAX = 80
OVERLAP_MIN = 0.2
PLACES_KEPT = 4
ASPECT = 16 / 9
Signed = NDArray[np.float32]


@dataclass(frozen=True)
class Place:
    """Where the picture lies in the clip; in pixels of the small clip."""

    width: int
    height: int
    left: int
    top: int


def changes(clip: Clip) -> Signed:
    """(starts, height, width): what each possible group differs in from its neighbours."""
    half = BINS_PER_GROUP // 2
    pictures = clip.pictures
    starts = len(pictures) - BINS_PER_GROUP + 1
    if starts < 1:
        return np.zeros((0, *pictures.shape[1:]), np.float32)
    late: Signed = np.mean(
        [pictures[half + step : half + step + starts] for step in range(BINS_PER_GROUP - half)], axis=0
    )
    found: Signed = np.empty_like(late)
    for start in range(starts):
        first = start % BINS_PER_GROUP if start < NEIGHBOURS * BINS_PER_GROUP else start - NEIGHBOURS * BINS_PER_GROUP
        around = late[first : start + NEIGHBOURS * BINS_PER_GROUP + 1 : BINS_PER_GROUP]
        difference = late[start] - np.median(around, axis=0)
        found[start] = np.clip(difference - np.median(difference), -LIMIT, LIMIT)
    return found


def places(differences: Signed, seed: str, aspect: float = ASPECT) -> list[Place]:
    """The likeliest places of the picture, best first, and the whole clip as one of them."""
    count, height, width = differences.shape
    whole = Place(width, height, 0, 0)
    if not count:
        return [whole]
    some = _halved(differences[:: max(1, count // SAMPLES_MAX)][:SAMPLES_MAX])
    found = []
    for share in WIDTHS:
        size = (max(8, round(width * share / 2)), max(8, round(width * share / aspect / 2)))
        found.append(_best_of(some, seed, size))
    found.sort(key=lambda one: -one[0])
    kept = [whole]
    for _, place in found:
        if len(kept) > PLACES_KEPT:
            break
        if all(
            abs(place.width - one.width) + abs(place.left - one.left) + abs(place.top - one.top) > 4 for one in kept
        ):
            kept.append(place)
    return kept


def soft_bits(differences: Signed, seed: str, place: Place) -> NDArray[np.float64]:
    """For each possible start of a group how far it leans to variant B (positive) or A."""
    _, height, width = differences.shape
    pattern = np.zeros((height, width), np.float32)
    whole = _pattern(seed, place.width, place.height)
    top, left = max(0, place.top), max(0, place.left)
    bottom, right = min(height, place.top + place.height), min(width, place.left + place.width)
    inside = whole[top - place.top : bottom - place.top, left - place.left : right - place.left]
    pattern[top:bottom, left:right] = inside - inside.mean()
    found: NDArray[np.float64] = np.tensordot(differences, pattern, 2).astype(np.float64) / max(
        1.0, float((pattern**2).sum())
    )
    return found


def _best_of(some: Signed, seed: str, size: tuple[int, int]) -> tuple[float, Place]:
    """The best place of a picture of this size in halved pictures: where most of all changes is the pattern's, of either sign."""
    _, height, width = some.shape
    across, down = size
    shape = (_fast(height + down), _fast(width + across))
    pattern = _pattern(seed, across, down)
    turned = np.conj(np.fft.rfft2(pattern, shape))
    energy = np.zeros(shape, np.float64)
    for one in some:
        energy += np.fft.irfft2(np.fft.rfft2(one, shape) * turned, shape) ** 2
    ones = np.fft.rfft2(np.ones((height, width), np.float32), shape)
    power = np.fft.irfft2(ones * np.conj(np.fft.rfft2(pattern**2, shape)), shape)
    least = OVERLAP_MIN * float((pattern**2).sum())
    score = np.where(power > least, energy / np.maximum(power, least), 0.0)
    at = int(score.argmax())
    top, left = divmod(at, shape[1])
    top, left = (top if top < height else top - shape[0]), (left if left < width else left - shape[1])
    return float(score.flat[at]), Place(2 * across, 2 * down, 2 * left, 2 * top)


def _halved(pictures: Signed) -> Signed:
    count, height, width = pictures.shape
    even = pictures[:, : height // 2 * 2, : width // 2 * 2]
    found: Signed = even.reshape(count, height // 2, 2, width // 2, 2).mean(axis=(2, 4))
    return found


@cache
def _pattern(seed: str, width: int, height: int) -> Grey:
    down, across = np.array(blend(CELLS_DOWN, height)), np.array(blend(CELLS_ACROSS, width))
    made: Grey = (down @ np.array(signs(seed), np.float64) @ across.T).astype(np.float32)
    return made


def _fast(size: int) -> int:
    """The next length that an FFT is quick at."""
    found = 1
    while found < size:
        found *= 2
    return found if found * 3 // 4 < size else found * 3 // 4
