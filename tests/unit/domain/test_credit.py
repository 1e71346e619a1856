"""The card of a credit file: what the published formula says, whatever the order of entries."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.domain.credit import Aspect, CreditEntry, card

DAY = date(2026, 11, 22)


def entry(name: str, points: int, aspect: Aspect = Aspect.SAFETY, day: date = DAY) -> CreditEntry:
    return CreditEntry(name, aspect, points, day)


@pytest.mark.parametrize(
    ("points", "tenths", "stars"),
    [
        (0, 1000, 5),
        (-39, 951, 5),
        (-40, 950, 5),
        (-41, 948, 3),
        (-60, 925, 3),
        (-61, 923, 1),
        (-100, 875, 1),
        (50, 1000, 5),
    ],
)
def test_one_score_weighs_an_eighth_and_holds_the_stars_down(points: int, tenths: int, stars: int) -> None:
    found = card([entry("a", points)], (), DAY)
    assert (found.tenths, found.stars, found.counted) == (tenths, stars, ("a",))


@pytest.mark.parametrize(("loss", "stars"), [(5, 5), (6, 4), (15, 4), (16, 3), (25, 3), (26, 2), (40, 2), (41, 1)])
def test_stars_follow_the_mean(loss: int, stars: int) -> None:
    assert card([entry(aspect, -loss, aspect) for aspect in Aspect], (), DAY).stars == stars


def test_where_nothing_counts_nothing_is_known() -> None:
    old = entry("old", -50, day=date(2025, 11, 22))
    coming = entry("coming", -50, day=date(2026, 11, 23))
    struck = entry("struck", -50)
    found = card([old, coming, struck], {"struck"}, DAY)
    assert (found.stars, found.tenths, found.counted) == (None, 1000, ())
    assert card([old], (), date(2026, 11, 21)).counted == ("old",)


@given(st.lists(st.tuples(st.sampled_from(Aspect), st.integers(-100, 100)), max_size=12), st.randoms())
def test_a_card_is_worked_out_again_from_its_entries_in_any_order(told: list[tuple[Aspect, int]], random) -> None:
    entries = [entry(str(number), points, aspect) for number, (aspect, points) in enumerate(told)]
    first = card(entries, (), DAY)
    random.shuffle(entries)
    assert card(entries, (), DAY) == first
    assert all(0 <= score <= 100 for score in first.scores.values())
    assert (first.stars is None) == (not entries)
