"""A region's month: what nobody judged is unverified, and an order counts where its acts stand."""

from datetime import date, timedelta

from server.domain.month import CameraDay, CauseTotal, GapTold
from server.domain.rectification import Act, Kind
from server.domain.region_month import DayOf, LostDay, OrderCounts, add_up, count_orders
from server.domain.verdict import Status

DAYS = tuple(date(2026, 11, 1) + timedelta(days=number) for number in range(3))


def lost(camera_id: str, day: date, status: Status, covered_us: int, *gaps: GapTold) -> LostDay:
    return LostDay(camera_id, CameraDay(day, status, True, 100, covered_us, 0, gaps))


def test_days_without_an_entry_are_unverified_and_a_gap_over_midnight_is_one() -> None:
    told = [
        lost("gate", DAYS[0], Status.NON_COMPLIANT, 90, GapTold(90, 100, "offline")),
        lost("gate", DAYS[1], Status.UNVERIFIED, 80, GapTold(100, 120, "offline")),
        lost("yard", DAYS[1], Status.NON_COMPLIANT, 95, GapTold(120, 125, "offline")),
    ]
    found = add_up(DAYS, told, {DAYS[1]: 2, DAYS[2]: 1})
    assert found.days == DAYS
    assert found.daily == (DayOf(10, 0), DayOf(25, 3), DayOf(0, 1))
    assert found.causes == (CauseTotal("offline", 2, 35, 30),)


def test_orders_of_the_month_and_as_they_stand() -> None:
    before, within, after = DAYS[0] - timedelta(days=9), DAYS[1], DAYS[-1] + timedelta(days=1)
    ordered = Act(Kind.ORDERED, "wang", DAYS[0])
    orders = [
        [(ordered, within)],
        [(ordered, before), (Act(Kind.REPAIRED, "lin"), within), (Act(Kind.PASSED, "wang"), within)],
        [(ordered, before), (Act(Kind.REPAIRED, "lin"), within), (Act(Kind.PASSED, "wang"), after)],
        [(ordered, before), (Act(Kind.PROPOSED, "wang"), within), (Act(Kind.SUSPENDED, "li"), within)],
    ]
    assert count_orders(orders, DAYS, after) == OrderCounts(made=1, passed=1, open=2, overdue=2, suspended=1)
