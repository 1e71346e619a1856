"""Out of focus: the steepest edges have become flat.

The score is what is missing of the reference's sharpness; without a reference, or with a poor one, of what cameras that
are in focus showed at least. Noise makes edges, so a very noisy picture cannot be judged.
"""

from edge_agent.diagnosis.sight import Sight

ORDINARY_EDGE = 0.40
"""Sharp photographs of the chosen half measured 0.36 to 0.60 at 320 pixels, out-of-focus ones at most 0.25."""
NOISE_MAX = 6.0


def score(sight: Sight) -> float | None:
    """At most 1; 0 and below where the picture is as sharp as ever."""
    if sight.noise is not None and sight.noise > NOISE_MAX:
        return None
    expected = max(sight.reference.edge if sight.reference else 0.0, ORDINARY_EDGE)
    return 1.0 - sight.now.edge / expected
