"""The camera looks somewhere else: what is seen is sharp and lit, and is not what was there.

The score is the share of the tiles with something to recognise that show something else than the reference. Cots that
are laid out for the nap change the floor; walls, windows and shelves stay.
"""

from edge_agent.diagnosis.sight import Sight

TILES_MIN = 12
SHOWN_MIN = 0.2
"""Of what the reference shows; where there is less, something covers the lens."""


def score(sight: Sight) -> float | None:
    """0 (as ever) to 1 (nothing is where it was)."""
    match = sight.match
    if match is None or match.structured < TILES_MIN or match.shown < max(TILES_MIN, SHOWN_MIN * match.structured):
        return None
    return match.strange / match.shown
