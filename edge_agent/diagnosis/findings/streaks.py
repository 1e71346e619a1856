"""Lines or bars over the whole picture, as interference and loose cables make them: they are elsewhere in each picture.

A line that stands still cannot be told from a shelf, and is not found.
"""

from edge_agent.diagnosis.sight import Sight


def score(sight: Sight) -> float | None:
    """Root mean square of what the lines add, in 8-bit luma steps."""
    return sight.streaks
