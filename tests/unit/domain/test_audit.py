"""What an audit concludes and how it is paced."""

import pytest

from config.base.clock import US_PER_DAY
from server.domain.audit import ROUND_US, Drift, Held, Seen, drift_of, due, lengthens

HELD = Held(size_bytes=10, sha256="aa", retain_until_us=100, floor_us=100)
GOOD = Seen(10, "aa", 100)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (GOOD, None),
        (Seen(10, "aa", 200), None),
        (None, Drift.OBJECT_MISSING),
        (Seen(9, "aa", 100), Drift.OBJECT_CORRUPT),
        (Seen(10, "bb", 100), Drift.OBJECT_CORRUPT),
        (Seen(10, None, 100), Drift.OBJECT_CORRUPT),
        (Seen(10, "aa", 99), Drift.LOCK_SHORT),
        (Seen(10, "aa", None), Drift.LOCK_SHORT),
        (Seen(9, "bb", None), Drift.OBJECT_CORRUPT),
    ],
)
def test_what_is_wrong(seen, expected):
    assert drift_of(HELD, seen) is expected


def test_a_policy_that_grew_asks_for_more_and_is_no_drift():
    grown = Held(10, "aa", retain_until_us=100, floor_us=150)
    assert drift_of(grown, GOOD) is None
    assert lengthens(grown, GOOD)
    assert not lengthens(grown, Seen(10, "aa", 150))
    assert not lengthens(Held(10, "aa", 100, 50), GOOD)


@pytest.mark.parametrize(
    ("total", "elapsed_us", "expected"),
    [
        (0, 5, 0),
        (100, 0, 0),
        (100, -5, 0),
        (100, 1, 1),
        (100, ROUND_US // 2, 50),
        (100, ROUND_US, 100),
        (100, 9 * ROUND_US, 100),
    ],
)
def test_the_pace(total, elapsed_us, expected):
    assert due(total, elapsed_us) == expected


def test_a_round_ends_within_a_day():
    assert ROUND_US < US_PER_DAY
