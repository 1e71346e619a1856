"""How far one comparison of clocks vouches."""

from hypothesis import given
from hypothesis import strategies as st

from server.domain.clock_trust import ClockRule, is_from_the_future, trusted_span

RULE = ClockRule(tolerance_us=5_000_000, drift_ppm=50)


def test_an_exact_clock_is_trusted_for_the_time_it_takes_to_drift() -> None:
    span = trusted_span(0, 10**12, 0, 0, RULE)
    assert span == (10**12 - 10**11, 10**12 + 10**11)


def test_trust_does_not_reach_back_past_the_start_of_the_timeline() -> None:
    span = trusted_span(10**12 - 5, 10**12, 0, 0, RULE)
    assert span is not None
    assert span.start_us == 10**12 - 5


def test_a_clock_off_by_more_than_the_tolerance_is_not_trusted() -> None:
    assert trusted_span(0, 10**12, 4_990_000, 10_000, RULE) is None
    assert trusted_span(0, 10**12, -3_600_000_000, 0, RULE) is None


@given(st.integers(-6_000_000, 6_000_000), st.integers(0, 6_000_000), st.integers(-(10**12), 10**12))
def test_within_trust_the_worst_error_is_within_tolerance(offset_us: int, bound_us: int, distance_us: int) -> None:
    observed_us = 10**13
    span = trusted_span(0, observed_us, offset_us, bound_us, RULE)
    worst_us = abs(offset_us) + bound_us + abs(distance_us) * RULE.drift_ppm / 1_000_000
    if span is not None and span.start_us <= observed_us + distance_us <= span.end_us:
        assert worst_us <= RULE.tolerance_us + 1


def test_messages_arrive_late_never_early() -> None:
    assert not is_from_the_future(10_000_000, 10_000_000, RULE)
    assert not is_from_the_future(15_000_000, 10_000_000, RULE)
    assert is_from_the_future(15_000_001, 10_000_000, RULE)
