"""What may be deleted, and who may lift a hold."""

from datetime import datetime

import pytest

from config.base.clock import from_datetime
from config.base.errors import Conflict, PermissionDenied
from server.domain.holds import HoldSpan, Recording, check_lift, days_over_before_us, may_go, without_person
from server.domain.retention import retain_until_us

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
    ("of", "at_once"),
    [(0, 0), (1, 0), (2, 1), (201, 100), (2_000, 1_000)],
)
def test_never_more_than_half_without_a_person(of, at_once):
    assert without_person(of) == at_once


@pytest.mark.parametrize(
    ("now", "before"),
    [
        ("2026-11-22T00:30+08:00", "2026-08-22T00:00+08:00"),
        ("2026-11-22T01:00+08:00", "2026-08-23T00:00+08:00"),
        ("2026-11-22T23:59+08:00", "2026-08-23T00:00+08:00"),
    ],
)
def test_a_day_goes_as_one_after_its_last_lock(now, before):
    def us(text):
        return from_datetime(datetime.fromisoformat(text))

    assert days_over_before_us(us(now), "Asia/Shanghai", 90) == us(before)
    last_lock_us = retain_until_us(us(before) - 1, us(before) - 1, 90)
    assert last_lock_us <= us(now)


def test_two_persons_lift_a_hold():
    with pytest.raises(Conflict):
        check_lift(None, "wang")
    with pytest.raises(PermissionDenied):
        check_lift("wang", "wang")
    check_lift("wang", "li")
