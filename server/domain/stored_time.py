"""How wrong the time of footage from a camera's own memory may be. Pure.

The camera's clock was compared before and after. If it only drifted in between, its offset at any instant lies between
the two, give or take their bounds; had it been set by more than that, the two would not agree.
"""

AGREE_PPM = 200
"""A camera's crystal: what two readings may differ by, per time between them, without the clock having been set."""
AGREE_US = 500_000
"""NTP steps of less than this happen by themselves."""

Reading = tuple[int, int, int]
"""At, camera minus agent, bound; microseconds."""


def worst_error_us(before: Reading, after: Reading, span: tuple[int, int]) -> int | None:
    """How far off the times of ``span`` may be at most; None where the readings do not vouch for it.

    The agent brings the footage to its own clock by an offset between the two readings, so whichever it took, the
    error is at most their distance and the larger bound.
    """
    if not before[0] <= span[0] < span[1] <= after[0]:
        return None
    apart_us = abs(after[1] - before[1])
    allowed_us = AGREE_US + before[2] + after[2] + (after[0] - before[0]) * AGREE_PPM // 1_000_000
    if apart_us > allowed_us:
        return None
    return apart_us + max(before[2], after[2])
