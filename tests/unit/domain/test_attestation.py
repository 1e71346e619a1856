"""Attested gaps: bounded without ever calling missing time covered, and what arrived late counted once."""

from hypothesis import given
from hypothesis import strategies as st

from config.base.timespan import SpanSet
from config.evidence.entries import GapAttested
from server.domain.attestation import backfilled_us, bounded

CUTS = st.lists(st.integers(0, 1_000), unique=True, max_size=60).map(sorted)


def gaps_of(cuts: list[int]) -> list[GapAttested]:
    pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
    return [GapAttested(*pair, ("disk_full", "agent_offline")[n % 2], "missing") for n, pair in enumerate(pairs)]


@given(CUTS, st.integers(1, 10))
def test_no_gap_is_lost_by_joining(cuts: list[int], limit: int) -> None:
    gaps = gaps_of(cuts)
    made = bounded(gaps, limit)
    assert len(made) == min(limit, len(gaps))
    told = SpanSet((gap.start_us, gap.end_us) for gap in gaps)
    assert not told - SpanSet((gap.start_us, gap.end_us) for gap in made)
    assert made == sorted(made, key=lambda gap: gap.start_us)


def test_the_nearest_are_joined_and_say_so() -> None:
    gaps = gaps_of([0, 1, 10, 11, 12, 13, 40, 41])
    assert bounded(gaps, 3) == [gaps[0], GapAttested(10, 13, "several", "missing"), gaps[3]]
    assert bounded(gaps, 4) == gaps


def test_only_covered_time_counts_as_backfilled() -> None:
    gaps = gaps_of([20, 30])
    assert backfilled_us(SpanSet.of((0, 100)), gaps, SpanSet([(10, 25), (90, 200)])) == 20
