"""How far the time of a camera's own footage is believed (I1): only between two readings that agree."""

from hypothesis import given
from hypothesis import strategies as st

from server.domain.stored_time import worst_error_us

HOUR_US = 3_600_000_000
SPAN = (HOUR_US, 2 * HOUR_US)
BEFORE, AFTER = (0, 1_000_000, 100_000), (3 * HOUR_US, 1_000_000, 200_000)


def test_a_clock_that_went_on_is_believed_to_its_bound():
    assert worst_error_us(BEFORE, AFTER, SPAN) == 200_000
    assert worst_error_us(BEFORE, (3 * HOUR_US, 1_400_000, 200_000), SPAN) == 600_000


def test_readings_that_do_not_enclose_the_footage_prove_nothing():
    assert worst_error_us((HOUR_US + 1, 0, 1), AFTER, SPAN) is None
    assert worst_error_us(BEFORE, (2 * HOUR_US - 1, 0, 1), SPAN) is None
    assert worst_error_us(BEFORE, AFTER, (2 * HOUR_US, 2 * HOUR_US)) is None
    assert worst_error_us(AFTER, BEFORE, SPAN) is None


def test_a_clock_that_was_set_in_between_proves_nothing():
    assert worst_error_us(BEFORE, (3 * HOUR_US, 61_000_000, 200_000), SPAN) is None


@given(
    st.integers(-(10**12), 10**12),
    st.integers(-200, 200),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.integers(0, 24),
    st.integers(1, 24),
    st.integers(0, 24),
    st.floats(0, 1),
)
def test_whichever_offset_between_the_readings_was_taken_the_error_holds(
    offset_us, ppm, bound_1, bound_2, lead_h, long_h, tail_h, part
):
    start, end = lead_h * HOUR_US, (lead_h + long_h) * HOUR_US
    last = end + tail_h * HOUR_US

    def true_offset(at_us: int) -> int:
        return offset_us + at_us * ppm // 1_000_000

    before = (0, true_offset(0) + bound_1, bound_1)
    after = (last, true_offset(last) - bound_2, bound_2)
    worst = worst_error_us(before, after, (start, end))
    if worst is None:
        return
    taken = before[1] + int((after[1] - before[1]) * part)
    for at_us in (start, end):
        assert abs(taken - true_offset(at_us)) <= worst + 1
