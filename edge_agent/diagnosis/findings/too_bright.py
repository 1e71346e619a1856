"""Over-exposed: the share of the picture in which a colour is clipped. Windows and lamps are clipped on any good day."""

from edge_agent.diagnosis.sight import Sight


def score(sight: Sight) -> float | None:
    """0 to 1."""
    return sight.now.clipped
