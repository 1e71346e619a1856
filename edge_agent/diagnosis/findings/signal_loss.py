"""The camera shows a screen of its own: one colour, colour bars, "no signal".

The score is the share of the picture that a few flat tones make up, and 0 where there is the noise of a sensor: a covered
lens is flat, too, and not drawn. Black without a caption is ``too_dark``: nobody can
tell it from a room without light. A stream that stops is no finding but a camera condition (``stalled``).
"""

from edge_agent.diagnosis.measuring import P99
from edge_agent.diagnosis.sight import Sight

BLACK_LUMA_MAX = 40.0
COLOURED_MIN = 20.0
CAPTION_MIN = 0.001
DRAWN_NOISE_MAX = 0.07
"""Between two pictures; drawn screens measured at most 0.04 after H.264, the darkest rooms at least 0.09."""


def score(sight: Sight) -> float | None:
    """0 to 1; None without a picture before it."""
    now = sight.now
    if sight.noise is None:
        return None
    black = now.percentiles[P99] < BLACK_LUMA_MAX and now.chroma < COLOURED_MIN and now.bright_spots < CAPTION_MIN
    return 0.0 if black or sight.noise > DRAWN_NOISE_MAX else now.plain
