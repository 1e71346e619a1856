"""When a store runs out."""

import pytest

from server.domain.forecast import forecast


def test_an_unknown_capacity_says_nothing():
    found = forecast(50, 10, 0, 90, {})
    assert (found.full_in_days, found.promise_holds, found.needed_bytes) == (None, None, 910)
    assert forecast(0, 0, 100, 90, {}).promise_holds is None


@pytest.mark.parametrize(
    ("used", "rate", "capacity", "leaving", "full", "holds"),
    [
        (50, 10, 500, {86: 50}, 45.0, False),  # a young store
        (50, 10, 910, {86: 50}, None, True),  # room for exactly what will lie there
        (50, 10, 909, {91: 50}, 85.9, False),
        (910, 10, 911, dict.fromkeys(range(1, 92), 10), None, True),  # as much goes as comes
        (910, 20, 1_000, dict.fromkeys(range(1, 92), 10), 9.0, False),  # twice the cameras since yesterday
        (600, 10, 500, {}, 0.0, False),
        (500, 10, 500, {0: 400, 1: 100}, 50.0, False),  # what is past its day goes first
    ],
)
def test_when_it_is_full(used, rate, capacity, leaving, full, holds):
    found = forecast(used, rate, capacity, 90, leaving)
    assert found.full_in_days == (None if full is None else pytest.approx(full))
    assert found.promise_holds is holds


def test_a_shorter_floor_needs_less():
    assert forecast(0, 10, 100, 9, {}).promise_holds is True
    assert forecast(0, 10, 99, 9, {}).promise_holds is False
