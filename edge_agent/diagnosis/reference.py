"""What a camera's picture looks like when it is good, one for colour and one for infrared; it follows slowly.

Invariant: only pictures that nothing is wrong with are learned from, and what was learned changes by no more than the
time that has passed allows. So the sun may wander, and a lens that mists over in a minute is not forgotten by the next.

Structure is compared as the direction of the gradient, tile by tile: it stays when the light changes and goes when the
camera turns. Source: normalised gradient fields, Haber and Modersitzki, "Intensity gradient based registration and
fusion of multi-modal images", MICCAI 2006.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from edge_agent.diagnosis.measuring import COLUMNS, ROWS, Floats, Measures

MEMORY_S = 1_800.0
"""After so long a lasting change has been learned by two thirds."""
STRUCTURED_MIN = 0.012
"""Mean squared direction of a tile in which there is something to recognise, where noise is at most ``QUIET_NOISE``."""
QUIET_NOISE = 2.5
"""Luma steps; above it the squared direction that noise alone makes grows with its square."""
KEPT_SIMILARITY = 0.35
EMPTIED_TEXTURE = 0.6


@dataclass(frozen=True)
class Reference:
    """Means of what ``Measures`` holds, over the good pictures of one kind of light."""

    pictures: int
    learned_us: int
    direction_x: Floats
    direction_y: Floats
    texture: Floats
    edge: float
    cast: tuple[float, float]
    monochrome: bool


@dataclass(frozen=True)
class Match:
    """A picture beside its reference."""

    structured: int
    """Tiles in which the reference has something to recognise."""
    kept: float
    """Fraction of those in which the same is seen now."""
    emptied: float
    """Fraction of those whose texture has gone, and with it what was seen there."""
    shown: int
    """Tiles in which there is something to recognise now."""
    strange: int
    """Those of them that do not show what the reference shows."""


def first(measures: Measures, at_us: int) -> Reference:
    """A reference of a single picture."""
    return Reference(
        pictures=1,
        learned_us=at_us,
        direction_x=measures.direction_x,
        direction_y=measures.direction_y,
        texture=measures.texture,
        edge=measures.edge,
        cast=measures.cast,
        monochrome=measures.monochrome,
    )


def learn(reference: Reference, measures: Measures, at_us: int) -> Reference:
    """The reference after one more good picture."""
    elapsed_s = max(0.0, (at_us - reference.learned_us) / 1e6)
    share = max(1.0 / (reference.pictures + 1), 1.0 - float(np.exp(-elapsed_s / MEMORY_S)))
    share = min(share, 0.5)

    def mixed(old: Floats, new: Floats) -> Floats:
        result: Floats = cv2.addWeighted(old, 1 - share, new, share, 0.0)
        return result

    def mean(old: float, new: float) -> float:
        return old + share * (new - old)

    return replace(
        reference,
        pictures=min(reference.pictures + 1, 1_000_000),
        learned_us=max(at_us, reference.learned_us),
        direction_x=mixed(reference.direction_x, measures.direction_x),
        direction_y=mixed(reference.direction_y, measures.direction_y),
        texture=mixed(reference.texture, measures.texture),
        edge=mean(reference.edge, measures.edge),
        cast=(mean(reference.cast[0], measures.cast[0]), mean(reference.cast[1], measures.cast[1])),
    )


def match(reference: Reference, measures: Measures, noise: float) -> Match:
    """Compares tile by tile; masked tiles have no part. ``noise`` is that of the picture, in luma steps."""
    enough = STRUCTURED_MIN * max(1.0, (noise / QUIET_NOISE) ** 2)
    x, y, then_x, then_y = measures.direction_x, measures.direction_y, reference.direction_x, reference.direction_y
    then = _tiles(then_x * then_x + then_y * then_y)
    now = _tiles(x * x + y * y)
    likeness = _tiles(x * then_x + y * then_y) / np.sqrt(np.maximum(then * now, 1e-8))
    structured = (then > STRUCTURED_MIN) & measures.tiles_visible
    count = int(structured.sum())
    if count == 0:
        return Match(0, 0.0, 0.0, 0, 0)
    same = likeness > KEPT_SIMILARITY
    gone = (measures.texture < EMPTIED_TEXTURE * np.maximum(reference.texture, 0.5)) & ~same
    shown = (now > enough) & measures.tiles_visible
    return Match(
        structured=count,
        kept=float(same[structured].mean()),
        emptied=float(gone[structured].mean()),
        shown=int(shown.sum()),
        strange=int((shown & ~same).sum()),
    )


def _tiles(values: Floats) -> Floats:
    tiles: Floats = cv2.resize(values, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
    return tiles
