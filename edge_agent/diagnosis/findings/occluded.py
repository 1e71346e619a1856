"""Something covers the lens: places that had structure are smooth now.

The score is the share of the structured tiles that have lost it, and no more than what is missing once structure that is
new has been set against it: a camera that was turned loses some and finds some. Without a reference there is nothing to
miss.
"""

from edge_agent.diagnosis.sight import Sight

TILES_MIN = 12


def score(sight: Sight) -> float | None:
    """0 to 1."""
    match = sight.match
    if match is None or match.structured < TILES_MIN:
        return None
    return max(0.0, min(match.emptied, 1.0 - match.strange / match.structured))
