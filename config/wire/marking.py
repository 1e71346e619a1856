"""Where the live view is marked (A/B marking): what agent and detector must agree on; pure.

The agent encodes each picture twice, in two variants that differ by a faint pattern with opposite signs; the server sends each
viewer one of both, group by group, in the order of that viewer's own code word. Groups are slots of absolute time, so that a
clip's time says which bits it can hold.
Source: ETSI TS 104 002 (DASH-IF, forensic A/B watermarking) for the shape of it: two variants, aligned, switched by the server.
"""

import hashlib
import math

from config.base.clock import US_PER_S

GROUP_US = US_PER_S // 2
"""A slot: one bit of a code word. Both variants begin it with a keyframe."""
CELLS_ACROSS, CELLS_DOWN = 8, 5
"""The pattern is coarse, for what is small does not outlive a second encoding at half the size."""
SEED_CHARS = 32
VARIANTS = 2


def group_of(utc_us: int) -> int:
    """The slot that an instant lies in."""
    return utc_us // GROUP_US


def signs(seed: str) -> tuple[tuple[int, ...], ...]:
    """The pattern of a camera, ``CELLS_DOWN`` rows of ±1, as many of each; from ``SEED_CHARS`` hexadecimal digits."""
    raw = bytes.fromhex(seed)
    cells = CELLS_ACROSS * CELLS_DOWN
    order = sorted(range(cells), key=lambda cell: hashlib.sha256(raw + cell.to_bytes(2, "big")).digest())
    positive = set(order[: cells // 2])
    rows = range(0, cells, CELLS_ACROSS)
    return tuple(tuple(1 if row + cell in positive else -1 for cell in range(CELLS_ACROSS)) for row in rows)


def blend(cells: int, pixels: int) -> list[list[float]]:
    """Weights ``[pixels][cells]`` that spread a row of cells over a row of pixels without an edge (raised cosine)."""
    rows = []
    for pixel in range(pixels):
        place = min(max((pixel + 0.5) * cells / pixels - 0.5, 0.0), cells - 1.0)
        left = min(int(place), cells - 2) if cells > 1 else 0
        right_share = (1 - math.cos(math.pi * (place - left))) / 2
        row = [0.0] * cells
        row[left] = 1 - right_share
        if cells > 1:
            row[left + 1] = right_share
        rows.append(row)
    return rows
