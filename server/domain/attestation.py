"""What an attestation says of a camera's day: pure arithmetic on spans."""

from collections.abc import Sequence

from config.base.timespan import SpanSet
from config.evidence.entries import GapAttested

GAPS_A_DAY_MAX = 8_000
"""Of all cameras together, so that an entry stays below its limit."""
SEVERAL = "several"


def backfilled_us(expected: SpanSet, gaps: Sequence[GapAttested], backfilled: SpanSet) -> int:
    """How much of the covered time arrived late."""
    missing = SpanSet((gap.start_us, gap.end_us) for gap in gaps)
    return ((expected - missing) & backfilled).total_us


def bounded(gaps: Sequence[GapAttested], limit: int) -> list[GapAttested]:
    """At most ``limit`` gaps, in order: neighbours are joined, those first between which the least lies.

    What was joined calls more time missing than was, never less (I1); its cause is ``several`` where they differ.
    """
    if len(gaps) <= limit:
        return list(gaps)
    between = sorted(range(1, len(gaps)), key=lambda place: gaps[place].start_us - gaps[place - 1].end_us)
    joined_before = set(between[: len(gaps) - limit])
    made: list[GapAttested] = []
    for place, gap in enumerate(gaps):
        made.append(_joined(made.pop(), gap) if place in joined_before else gap)
    return made


def _joined(first: GapAttested, second: GapAttested) -> GapAttested:
    return GapAttested(
        first.start_us,
        max(first.end_us, second.end_us),
        first.cause if first.cause == second.cause else SEVERAL,
        first.certainty if first.certainty == second.certainty else "missing",
    )
