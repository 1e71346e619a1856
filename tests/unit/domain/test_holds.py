"""What may be deleted, and who may lift a hold."""

import pytest

from config.base.errors import Conflict, PermissionDenied
from server.domain.holds import HoldSpan, Recording, check_lift, may_go, needs_person

OLD = Recording("gate", 100, 200, 1_000)


@pytest.mark.parametrize(
    ("holds", "floor_us", "now_us", "goes"),
    [
        ([], 1_000, 1_001, True),
        ([], 1_000, 1_000, False),
        ([], 2_000, 1_500, False),
        ([HoldSpan(None, 150, 160)], 1_000, 1_001, False),
        ([HoldSpan("gate", 199, 500)], 1_000, 1_001, False),
        ([HoldSpan("gate", 200, 500)], 1_000, 1_001, True),
        ([HoldSpan("gate", 0, 100)], 1_000, 1_001, True),
        ([HoldSpan("hall", 0, 500)], 1_000, 1_001, True),
        ([HoldSpan("hall", 0, 500), HoldSpan("gate", 0, 500)], 1_000, 1_001, False),
    ],
)
def test_what_may_go(holds, floor_us, now_us, goes):
    assert may_go(OLD, holds, floor_us, now_us) is goes


@pytest.mark.parametrize(
    ("versions", "of", "asked"),
    [
        (0, 0, False),
        (200, 200, False),
        (101, 201, True),
        (100, 201, False),
        (1_000, 2_000, False),
        (1_001, 2_000, True),
    ],
)
def test_more_than_half_waits_for_a_person(versions, of, asked):
    assert needs_person(versions, of) is asked


def test_two_persons_lift_a_hold():
    with pytest.raises(Conflict):
        check_lift(None, "wang")
    with pytest.raises(PermissionDenied):
        check_lift("wang", "wang")
    check_lift("wang", "li")
