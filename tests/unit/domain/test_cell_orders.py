"""What a read-back proves of an order, and how often it is asked: nothing but the read-back itself counts."""

import pytest

from config.base.clock import US_PER_DAY
from server.domain import cell_orders as rules
from server.domain.cell_orders import Ordered, ReadBack, judge

UNTIL_US = 91 * US_PER_DAY
HELD, FREE = ReadBack("v", True, UNTIL_US), ReadBack("v", False, UNTIL_US)


@pytest.mark.parametrize(
    ("action", "found", "left", "verdict"),
    [
        ("hold", HELD, [], "done"),
        ("hold", FREE, [], "not_yet"),
        ("hold", ReadBack("other", True, UNTIL_US), [], "not_yet"),
        ("hold", None, [], "missing"),
        ("release", FREE, [], "done"),
        ("release", HELD, [], "not_yet"),
        ("release", None, [], "missing"),
        ("extend", FREE, [], "done"),
        ("extend", ReadBack("v", False, UNTIL_US - 1), [], "not_yet"),
        ("extend", ReadBack("v", False, None), [], "not_yet"),
        ("extend", None, [], "missing"),
        ("delete", None, [], "done"),
        ("delete", None, ["another"], "not_yet"),
        ("delete", FREE, [], "not_yet"),
        ("delete", FREE, ["v"], "not_yet"),
        ("delete", ReadBack("other", False, None), [], "not_yet"),
    ],
)
def test_only_what_was_asked_for_and_is_there_is_done(action, found, left, verdict) -> None:
    assert judge(Ordered(action, "v", UNTIL_US), found, left) == verdict


def test_waits_grow_to_an_hour_and_end() -> None:
    waits = [rules.wait_us(tries) for tries in range(1, rules.TRIES_MAX + 1)]
    assert waits == sorted(waits)
    assert waits[0] == rules.FIRST_WAIT_US
    assert waits[-1] == rules.WAIT_US_MAX
    assert sum(waits) < rules.PAUSE_US
    assert set(rules.DEADLINE_US) == set(rules.ACTIONS)
