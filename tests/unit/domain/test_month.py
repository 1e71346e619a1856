"""A month in figures: nothing left out, nothing counted twice."""

from datetime import date

import pytest

from config.base.clock import US_PER_DAY, US_PER_MINUTE
from server.domain.month import CameraDay, CauseTotal, DayTold, GapTold, days_of, summarise
from server.domain.verdict import Status

DAYS = days_of(2026, 2)
GOOD, BROKEN, UNKNOWN = Status.COMPLIANT, Status.NON_COMPLIANT, Status.UNVERIFIED


def entry(number: int, status: Status = GOOD, *gaps: GapTold, final: bool = True, missing_min: int = 0) -> CameraDay:
    covered = US_PER_DAY - missing_min * US_PER_MINUTE
    return CameraDay(DAYS[number - 1], status, final, US_PER_DAY, covered, 99 * US_PER_DAY, gaps)


def test_a_month_has_its_days() -> None:
    assert (len(DAYS), DAYS[0], DAYS[-1]) == (28, date(2026, 2, 1), date(2026, 2, 28))
    assert (len(days_of(2028, 2)), days_of(2026, 12)[-1]) == (29, date(2026, 12, 31))


def test_a_day_in_service_without_an_entry_is_unverified_and_one_outside_counts_for_nothing() -> None:
    month = summarise(DAYS, {"gate": (DAYS[26], DAYS[27])}, {"gate": [entry(28)]})
    assert month.cameras[0].days == (*[None] * 26, UNKNOWN, GOOD)
    assert (month.status, month.final) == (UNKNOWN, False)
    assert [month.count(status) for status in (GOOD, BROKEN, UNKNOWN)] == [1, 0, 1]
    assert (month.expected_us, month.covered_us) == (US_PER_DAY, US_PER_DAY)
    assert [day.verified for day in month.daily] == [*[True] * 26, False, True]


@pytest.mark.parametrize(
    ("statuses", "whole"),
    [((GOOD, GOOD), GOOD), ((GOOD, UNKNOWN), UNKNOWN), ((UNKNOWN, BROKEN), BROKEN)],
)
def test_the_month_is_as_good_as_its_worst_day(statuses: tuple[Status, Status], whole: Status) -> None:
    told = {"gate": [entry(number, status) for number, status in enumerate(statuses, 1)]}
    month = summarise(DAYS[:2], {"gate": (DAYS[0], DAYS[1])}, told)
    assert (month.status, month.final) == (whole, True)


def test_a_month_without_a_camera_is_unverified() -> None:
    month = summarise(DAYS, {}, {})
    assert (month.status, month.final, month.worst, month.longest) == (UNKNOWN, False, None, ())


def test_a_provisional_day_leaves_the_month_provisional() -> None:
    assert not summarise(DAYS[:1], {"gate": (DAYS[0], DAYS[0])}, {"gate": [entry(1, final=False)]}).final


def test_a_gap_over_midnight_is_one_and_causes_are_kept_apart() -> None:
    midnight = 10 * US_PER_DAY
    told = {
        "gate": [
            entry(1, BROKEN, GapTold(midnight - 60, midnight, "disk_full"), missing_min=1),
            entry(
                2,
                BROKEN,
                GapTold(midnight, midnight + 40, "disk_full"),
                GapTold(midnight + 40, midnight + 50, "unexplained"),
            ),
        ],
        "yard": [entry(1, BROKEN, GapTold(99 * US_PER_DAY - 7, None, "disk_full"))],
    }
    month = summarise(DAYS[:2], {"yard": (DAYS[0], DAYS[0]), "gate": (DAYS[0], DAYS[1])}, told)
    assert month.causes == (CauseTotal("disk_full", 2, 107, 100), CauseTotal("unexplained", 1, 10, 10))
    assert [(gap.camera_id, gap.length_us) for gap in month.longest] == [("gate", 100), ("gate", 10), ("yard", 7)]
    assert month.gaps == 3
    assert month.daily == (DayTold(US_PER_MINUTE, verified=True), DayTold(0, verified=True))
    assert month.worst is month.cameras[0]
    assert month.cameras[0].longest_us == 100
