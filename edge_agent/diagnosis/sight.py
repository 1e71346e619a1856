"""What a finding may look at: the picture's figures, those of the picture before, and the reference with its match."""

from dataclasses import dataclass

from edge_agent.diagnosis.measuring import Measures, streaks_between, unchanged_between
from edge_agent.diagnosis.reference import Match, Reference


@dataclass(frozen=True)
class Sight:
    """One picture in its context. ``noise``, ``unchanged`` and ``streaks`` are None without a picture before it."""

    now: Measures
    reference: Reference | None = None
    match: Match | None = None
    noise: float | None = None
    unchanged: float | None = None
    streaks: float | None = None


def look(
    now: Measures, before: Measures | None, noise: float | None, reference: Reference | None, match: Match | None
) -> Sight:
    """Puts a picture into its context."""
    if before is None:
        return Sight(now, reference, match)
    unchanged, streaks = unchanged_between(now, before), streaks_between(now, before)
    return Sight(now, reference, match, noise, unchanged, streaks)
