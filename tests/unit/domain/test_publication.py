"""What the public is told: never better than the record (I1)."""

from datetime import date

import pytest

from config.base.clock import US_PER_DAY
from server.domain.publication import Entries, as_far_as_known, by_month, last_months, month_told
from server.domain.verdict import Status

TODAY = date(2026, 11, 22)
OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
ALWAYS = (date(2020, 1, 1), TODAY)


def entries(days: int, status: Status = Status.COMPLIANT, *, final: bool = True) -> Entries:
    covered = days * US_PER_DAY if status is Status.COMPLIANT else 0
    return Entries(status, final, days, days * US_PER_DAY, covered)


def test_twelve_months_the_newest_first() -> None:
    found = last_months(date(2026, 2, 3))
    assert (len(found), found[0], found[-1]) == (12, date(2026, 2, 1), date(2025, 3, 1))


@pytest.mark.parametrize(
    ("first", "service", "told", "status", "final", "expected_days"),
    [
        (OCTOBER, [ALWAYS], [entries(31)], Status.COMPLIANT, True, 31),
        (OCTOBER, [ALWAYS], [entries(30), entries(1, final=False)], Status.COMPLIANT, False, 31),
        (OCTOBER, [ALWAYS], [entries(30)], Status.UNVERIFIED, False, 31),
        (OCTOBER, [ALWAYS, ALWAYS], [entries(31)], Status.UNVERIFIED, False, 62),
        (OCTOBER, [ALWAYS], [entries(30), entries(1, Status.UNVERIFIED)], Status.UNVERIFIED, True, 31),
        (OCTOBER, [ALWAYS], [entries(1, Status.NON_COMPLIANT)], Status.NON_COMPLIANT, False, 31),
        (OCTOBER, [(date(2026, 10, 31), TODAY)], [entries(1)], Status.COMPLIANT, True, 1),
        (OCTOBER, [(date(2026, 11, 1), TODAY)], [], Status.UNVERIFIED, False, 0),
        (OCTOBER, [], [], Status.UNVERIFIED, False, 0),
        (NOVEMBER, [ALWAYS], [entries(21)], Status.COMPLIANT, False, 21),
    ],
)
def test_a_month(first, service, told, status, final, expected_days) -> None:
    found = month_told(first, TODAY, service, told)
    assert (found.status, found.final, found.expected_us) == (status, final, expected_days * US_PER_DAY)


def test_a_month_is_final_on_the_first_of_the_next() -> None:
    assert month_told(OCTOBER, NOVEMBER, [ALWAYS], [entries(31)]).final


def test_what_nobody_judges_now_is_not_known_but_for_what_was_broken() -> None:
    known = Entries(Status.COMPLIANT, True, 2, 10, 10)
    fresh = Entries(Status.COMPLIANT, False, 1, 10, 10)
    broken = Entries(Status.NON_COMPLIANT, False, 1, 10, 5)
    assert as_far_as_known([known, fresh, broken], late=False) == [known, fresh, broken]
    assert as_far_as_known([known, fresh, broken], late=True) == [
        known,
        Entries(Status.UNVERIFIED, False, 1, US_PER_DAY, 10),
        Entries(Status.NON_COMPLIANT, False, 1, US_PER_DAY, 5),
    ]


def test_rows_are_gathered_by_month() -> None:
    found = by_month([("2026-10", "COMPLIANT", True, 1, 2, 3), ("2026-10", "UNVERIFIED", False, 1, 2, 0)])
    assert [one.status for one in found["2026-10"]] == [Status.COMPLIANT, Status.UNVERIFIED]
