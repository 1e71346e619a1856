"""The picture stands still, down to its noise.

Invariant: a room in which nobody moves is not frozen. Between two real pictures the sensor's noise changes next to every
place; the score is the share of places in which nothing has changed.
"""

from edge_agent.diagnosis.sight import Sight


def score(sight: Sight) -> float | None:
    """0 to 1."""
    return sight.unchanged
