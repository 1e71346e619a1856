"""How far a camera's clock is off: the bound holds, whatever the phases."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.base.clock import US_PER_S
from config.wire.health import ClockReading
from edge_agent.onvif.clock import ClockOffset, Sample, instant, narrowed, zone_offset_us
from edge_agent.onvif.clock_watch import DRIFT_PPM, as_reading

HOUR_US = 3_600 * US_PER_S


def answered(true_offset_us: int, asked_us: int, took_us: int, at_us: int) -> Sample:
    """What a camera that is off by ``true_offset_us`` says, to the second, when asked and answering in between."""
    camera_us = (asked_us + at_us + true_offset_us) // US_PER_S * US_PER_S
    return Sample(camera_us, asked_us, asked_us + took_us)


exchanges = st.lists(
    st.tuples(st.integers(0, 900_000), st.integers(0, 400_000), st.floats(0, 1)), min_size=1, max_size=8
)


@given(st.integers(-(10**15), 10**15), st.integers(10**15, 2 * 10**15), exchanges)
def test_the_true_offset_lies_within_the_bound(offset_us, begin_us, made):
    samples, now_us = [], begin_us
    for pause_us, took_us, part in made:
        now_us += pause_us
        samples.append(answered(offset_us, now_us, took_us, int(took_us * part)))
        now_us += took_us
    found = narrowed(samples)
    assert found is not None
    assert abs(found.offset_us - offset_us) <= found.bound_us + 1
    assert found.bound_us <= (US_PER_S + made[-1][1]) // 2 + 1


def test_four_phases_of_the_second_narrow_it_down():
    samples = [answered(180_400_000, 10**15 + phase * 260_000, 4_000, 2_000) for phase in range(4)]
    found = narrowed(samples)
    assert found is not None
    assert found.bound_us <= 135_000


def test_a_clock_that_was_set_between_two_answers_counts_from_the_newest():
    before = answered(HOUR_US, 10**15, 2_000, 1_000)
    after = answered(0, 10**15 + US_PER_S, 2_000, 1_000)
    found = narrowed([before, after])
    assert found is not None
    assert abs(found.offset_us) <= found.bound_us + 1


def test_nothing_asked_is_nothing_known():
    assert narrowed([]) is None


@pytest.mark.parametrize(
    ("offset_us", "expected"),
    [
        (0, False),
        (8 * HOUR_US + 1_500_000, True),
        (-8 * HOUR_US, True),
        (5 * HOUR_US + HOUR_US // 2, True),
        (3 * 60 * US_PER_S, False),
        (8 * HOUR_US + 5 * 60 * US_PER_S, False),
        (400 * HOUR_US, False),
    ],
)
def test_an_error_of_whole_quarters_looks_like_a_time_zone(offset_us, expected):
    assert ClockOffset(offset_us, 100_000, 0).looks_like_a_zone is expected


@pytest.mark.parametrize(
    ("zone", "hours"),
    [
        ("CST-8", 8),
        ("EST5EDT,M3.2.0,M11.1.0", -5),
        ("<+0530>-5:30", 5.5),
        ("UTC0", 0),
        ("", None),
        ("-8", None),
        ("CST", None),
    ],
)
def test_posix_zones_count_westward(zone, hours):
    assert zone_offset_us(zone) == (None if hours is None else int(hours * HOUR_US))


def test_dates_that_are_none():
    assert instant(2026, 2, 30, 0, 0, 0) is None
    assert instant(0, 0, 0, 0, 0, 0) is None
    assert instant(10**9, 1, 1, 0, 0, 0) is None
    assert instant(2026, 11, 21, 12, 0, 60) == instant(2026, 11, 21, 12, 0, 59) == 1_795_262_459_000_000


def test_a_reading_is_as_wrong_as_the_agent_may_be_by_now():
    offset = ClockOffset(offset_us=5, bound_us=100, observed_us=10 * HOUR_US)
    fresh = as_reading(offset, "ab" * 16, ClockReading(observed_us=10 * HOUR_US, offset_us=-30, bound_us=7))
    stale = as_reading(offset, "ab" * 16, ClockReading(observed_us=9 * HOUR_US, offset_us=-30, bound_us=7))
    assert fresh.bound_us == 137
    assert stale.bound_us == 137 + HOUR_US * DRIFT_PPM // 1_000_000
    assert as_reading(offset, "ab" * 16, None).bound_us > HOUR_US
