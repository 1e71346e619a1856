"""So dark that nobody could say what happens in the room.

The score is 1 less the 95 % luma over 255. By infrared light a sleeping room is far from it; lamps that are out are not,
unless something else lights the room.
"""

from edge_agent.diagnosis.measuring import P95
from edge_agent.diagnosis.sight import Sight


def score(sight: Sight) -> float | None:
    """0 (bright) to 1 (black)."""
    return 1.0 - float(sight.now.percentiles[P95]) / 255.0
