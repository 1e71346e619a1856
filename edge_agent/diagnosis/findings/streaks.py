"""Lines or bars over the whole picture, as interference and failing sensors make them; in luma steps."""

from edge_agent.diagnosis.sight import Sight


def score(sight: Sight) -> float | None:
    """Root mean square of what the lines add."""
    return sight.streaks
