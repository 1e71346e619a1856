"""A rectification order is its acts: what may follow, who may not do it, and when it is overdue."""

from datetime import date, timedelta

import pytest

from config.base.errors import Conflict, InvalidInput, PermissionDenied
from server.domain.rectification import Act, Kind, check, standing

DUE = date(2026, 11, 30)
LATE = DUE + timedelta(days=1)
ORDERED = Act(Kind.ORDERED, "wang", DUE)
REPAIRED, FAILED = Act(Kind.REPAIRED, "lin"), Act(Kind.FAILED, "wang", LATE)
PROPOSED, SUSPENDED = Act(Kind.PROPOSED, "wang"), Act(Kind.SUSPENDED, "li")


@pytest.mark.parametrize(
    ("acts", "today", "status", "overdue", "suspended", "allowed"),
    [
        ([ORDERED], DUE, "open", False, False, {Kind.REPAIRED}),
        ([ORDERED], LATE, "open", True, False, {Kind.REPAIRED, Kind.PROPOSED}),
        ([ORDERED, REPAIRED], LATE, "repaired", False, False, {Kind.PASSED, Kind.FAILED}),
        ([ORDERED, REPAIRED, FAILED], DUE, "open", False, False, {Kind.REPAIRED, Kind.PROPOSED}),
        ([ORDERED, PROPOSED], LATE, "open", True, False, {Kind.REPAIRED, Kind.SUSPENDED}),
        ([ORDERED, PROPOSED, SUSPENDED], LATE, "open", True, True, {Kind.REPAIRED}),
        ([ORDERED, PROPOSED, SUSPENDED, REPAIRED], LATE, "repaired", False, True, {Kind.PASSED, Kind.FAILED}),
        ([ORDERED, PROPOSED, SUSPENDED, REPAIRED, Act(Kind.PASSED, "li")], LATE, "closed", False, False, set()),
    ],
)
def test_where_an_order_stands(acts, today, status, overdue, suspended, allowed) -> None:
    now = standing(acts, today)
    assert (now.status, now.overdue, now.suspended, set(now.allowed)) == (status, overdue, suspended, allowed)
    for kind in set(Kind) - allowed:
        with pytest.raises(Conflict):
            check(acts, Act(kind, "anybody", LATE), today)


def test_it_is_ordered_once() -> None:
    assert standing([ORDERED, Act(Kind.ORDERED, "wang", LATE)], LATE) == standing([ORDERED], LATE)


def test_a_second_person_is_needed() -> None:
    with pytest.raises(PermissionDenied):
        check([ORDERED, REPAIRED], Act(Kind.PASSED, "lin"), DUE)
    with pytest.raises(PermissionDenied):
        check([ORDERED, PROPOSED], Act(Kind.SUSPENDED, "wang"), LATE)
    check([ORDERED, REPAIRED], Act(Kind.PASSED, "wang"), DUE)
    check([ORDERED, PROPOSED], SUSPENDED, LATE)


@pytest.mark.parametrize("due", [None, DUE - timedelta(days=1)])
def test_what_failed_has_a_new_day(due: date | None) -> None:
    with pytest.raises(InvalidInput):
        check([ORDERED, REPAIRED], Act(Kind.FAILED, "wang", due), DUE)
    check([ORDERED, REPAIRED], FAILED, DUE)
    assert standing([ORDERED, REPAIRED, FAILED], DUE).due == LATE
