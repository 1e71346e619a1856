"""Noise or snow: what differs at random between two pictures, as a standard deviation in luma steps."""

from edge_agent.diagnosis.sight import Sight


def score(sight: Sight) -> float | None:
    """0 upwards, in 8-bit steps at 320 pixels' width."""
    return sight.noise
