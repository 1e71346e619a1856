"""Colours are off: the mean chroma, as a part of the luma, lies far from where it lies in this camera's good pictures.

Infrared pictures have no colour to judge.
"""

import math

from edge_agent.diagnosis.sight import Sight


def score(sight: Sight) -> float | None:
    """Distance in chroma over luma; 0 is no cast."""
    if sight.reference is None or sight.now.monochrome or sight.reference.monochrome:
        return None
    (blue, red), (then_blue, then_red) = sight.now.cast, sight.reference.cast
    return math.hypot(blue - then_blue, red - then_red)
