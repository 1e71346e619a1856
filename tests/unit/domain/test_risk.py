"""The weight of a site in a draw: what the published table says, and never outside of what a list takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.domain.draw import WEIGHT_MAX
from server.domain.risk import Risk, weight


@pytest.mark.parametrize(
    ("risk", "points"),
    [
        (Risk(judged=30, non_compliant=0, unverified=0, inspected_days=0, stars=5), 10),
        (Risk(judged=30, non_compliant=30, unverified=0, inspected_days=None, stars=1), 80),
        (Risk(judged=30, non_compliant=15, unverified=15, inspected_days=0, stars=5), 40),
        (Risk(judged=0, non_compliant=0, unverified=0, inspected_days=1_000, stars=None), 55),
        (Risk(judged=10, non_compliant=0, unverified=0, inspected_days=73, stars=3), 19),
    ],
)
def test_the_table(risk: Risk, points: int) -> None:
    assert weight(risk) == points


@given(
    st.integers(0, 30),
    st.integers(0, 30),
    st.integers(0, 30),
    st.none() | st.integers(0, 9_999),
    st.none() | st.integers(1, 5),
)
def test_a_weight_is_one_that_a_list_takes(
    good: int, broken: int, unknown: int, since: int | None, stars: int | None
) -> None:
    assert 1 <= weight(Risk(good + broken + unknown, broken, unknown, since, stars)) <= WEIGHT_MAX
