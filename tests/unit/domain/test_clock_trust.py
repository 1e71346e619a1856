"""How far comparisons of clocks vouch."""

from hypothesis import given
from hypothesis import strategies as st

from config.base.clock import US_PER_S
from config.base.timespan import SpanSet
from server.domain.clock_trust import AHEAD_US_MAX, ClockRecord, ClockRule, Comparison, compare, is_from_the_future

RULE = ClockRule(tolerance_us=5_000_000, drift_ppm=50)
HOUR = 3_600 * US_PER_S
T = 100 * HOUR
FRESH = ClockRecord(started_us=T)


def at(record: ClockRecord, hours: float, offset_s: float = 0, bound_s: float = 0) -> ClockRecord:
    seen = Comparison(T + round(hours * HOUR), round(offset_s * US_PER_S), round(bound_s * US_PER_S))
    return compare(record, seen, RULE)


def test_one_comparison_reaches_back_to_the_start_and_a_little_forward() -> None:
    assert at(FRESH, 1).trusted == SpanSet.of((T, T + HOUR + AHEAD_US_MAX))


def test_one_comparison_does_not_reach_back_for_ever() -> None:
    record = at(FRESH, 100)
    assert T not in record.trusted
    assert T + 99 * HOUR in record.trusted


def test_the_next_comparison_confirms_the_time_between() -> None:
    record = at(at(FRESH, 0), 24)
    assert record.trusted == SpanSet.of((T, T + 24 * HOUR + AHEAD_US_MAX))


def test_what_lies_too_far_from_both_comparisons_is_not_trusted() -> None:
    record = at(at(FRESH, 0), 60)
    assert T + 20 * HOUR in record.trusted
    assert T + 40 * HOUR not in record.trusted
    assert T + 59 * HOUR in record.trusted


def test_a_clock_proved_wrong_loses_all_since_the_last_good_comparison_and_never_gets_it_back() -> None:
    record = at(at(at(FRESH, 1), 2, offset_s=-9), 3)
    assert record.trusted == SpanSet.of((T, T + HOUR))
    assert record.distrusted_from_us == T + HOUR


def test_a_clock_that_was_wrong_from_the_first_is_never_trusted() -> None:
    assert at(at(FRESH, 1, offset_s=3_600), 2).trusted == SpanSet()


def test_a_comparison_too_coarse_to_tell_says_nothing() -> None:
    good = at(FRESH, 1)
    assert at(good, 2, offset_s=1, bound_s=30) == good


def test_an_older_comparison_that_comes_again_changes_nothing() -> None:
    record = at(at(FRESH, 1), 2)
    assert at(record, 1, offset_s=4) == record


seen_at = st.tuples(st.integers(1, 200), st.integers(-6_000_000, 6_000_000), st.integers(0, 3_000_000))


@given(st.lists(seen_at, max_size=6), st.integers(0, 300))
def test_within_trust_no_clock_that_drifts_as_allowed_is_wrong_by_more_than_the_tolerance(
    readings: list[tuple[int, int, int]], hour: int
) -> None:
    """The worst error that the comparisons leave open, from the one before and the one after, drift and slew included."""
    record = FRESH
    kept: list[tuple[int, int]] = []
    for hours, offset_us, bound_us in sorted(readings):
        previous, record = record, compare(record, Comparison(T + hours * HOUR, offset_us, bound_us), RULE)
        if record.compared_us != previous.compared_us:
            kept.append((T + hours * HOUR, abs(offset_us) + bound_us))
    instant_us = T + hour * HOUR
    if instant_us not in record.trusted:
        return
    after = [worst + (seen - instant_us) * 550 / 1e6 for seen, worst in kept if seen >= instant_us]
    before = [worst + (instant_us - seen) * 50 / 1e6 for seen, worst in kept if seen <= instant_us]
    assert min(after[:1] + before[-1:]) <= RULE.tolerance_us + 1


def test_messages_arrive_late_never_early() -> None:
    assert not is_from_the_future(10_000_000, 10_000_000, RULE)
    assert not is_from_the_future(15_000_000, 10_000_000, RULE)
    assert is_from_the_future(15_000_001, 10_000_000, RULE)
