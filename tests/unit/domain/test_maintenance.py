"""Maintenance is declared before it begins, within the policy, and is only ever cut short."""

import pytest

from config.base.clock import US_PER_DAY
from config.base.errors import Conflict, InvalidInput
from config.base.timespan import SpanSet
from server.domain.coverage import Cause, Certainty, Evidence, Limits, Timeline, cover
from server.domain.maintenance import MaintenanceLimits, Window, check_declared, cut_at, windows_of

HOUR = 3_600_000_000
ZONE = "Asia/Shanghai"
MONTH_END = 29 * US_PER_DAY + 16 * HOUR
"""Of the epoch's first month but one hour: 31 January 1970, 00:00 at the site."""
LIMITS = MaintenanceLimits(notice_hours=24, hours_a_month=8)


def window(start: int, end: int, declared: int = 0, camera: str | None = None, cut: int | None = None) -> Window:
    return Window(camera, start, end, declared, cut)


def test_only_what_was_declared_before_it_began_counts() -> None:
    said = [window(5, 9), window(20, 30, declared=20), window(40, 50, camera="gate"), window(60, 70, cut=62)]
    assert windows_of("nap", said) == SpanSet.of((5, 9), (60, 62))
    assert windows_of("gate", said) == SpanSet.of((5, 9), (40, 50), (60, 62))
    assert not windows_of("nap", [window(5, 9, cut=5)])


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (window(30 * HOUR, 30 * HOUR), "maintenance_empty"),
        (window(23 * HOUR, 25 * HOUR), "maintenance_too_soon"),
        (window(399 * US_PER_DAY, 401 * US_PER_DAY), "maintenance_too_far"),
        (window(30 * HOUR, 38 * HOUR + 1), "maintenance_too_long"),
    ],
)
def test_what_the_policy_does_not_allow_is_refused(wanted: Window, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_declared(wanted, [], ["nap"], ZONE, LIMITS)
    assert refused.value.code == code


def test_without_a_notice_it_still_lies_ahead() -> None:
    with pytest.raises(InvalidInput, match="before it begins"):
        check_declared(window(5, 9, declared=5), [], [], ZONE, MaintenanceLimits(0, 8))


def test_a_camera_has_so_many_hours_in_each_month_of_its_site() -> None:
    known = [window(30 * HOUR, 36 * HOUR, camera="gate")]
    check_declared(window(40 * HOUR, 48 * HOUR, camera="nap"), known, ["nap"], ZONE, LIMITS)
    with pytest.raises(InvalidInput):
        check_declared(window(40 * HOUR, 43 * HOUR), known, ["gate", "nap"], ZONE, LIMITS)
    # The same hour twice is one hour, and months count for themselves.
    check_declared(window(31 * HOUR, 38 * HOUR), known, ["gate", "nap"], ZONE, LIMITS)
    check_declared(window(MONTH_END + 18 * HOUR, MONTH_END + 30 * HOUR), known, ["nap"], ZONE, LIMITS)


def test_it_ends_early_or_not_at_all() -> None:
    planned = window(10, 20)
    assert (cut_at(planned, 5), cut_at(planned, 12)) == (10, 12)
    for over in (planned, window(10, 20, cut=12), window(10, 20, cut=10)):
        with pytest.raises(Conflict):
            cut_at(over, 20)


def test_maintenance_is_a_cause_of_its_own_and_stays_missing() -> None:
    lost = SpanSet.of((0, 100))
    evidence = Evidence(
        refused={Cause.OBJECT_MISSING: SpanSet.of((40, 50))},
        timelines={"t": Timeline(running=lost, trusted=lost)},
        settled_until_us=100,
        maintenance=SpanSet.of((20, 60)),
    )
    found = cover(lost, evidence, Limits(100, 0, final=True))
    assert [(gap.start_us, gap.end_us, gap.cause) for gap in found.gaps] == [
        (0, 20, Cause.AGENT_OFFLINE),
        (20, 40, Cause.PLANNED_MAINTENANCE),
        (40, 50, Cause.OBJECT_MISSING),
        (50, 60, Cause.PLANNED_MAINTENANCE),
        (60, None, Cause.AGENT_OFFLINE),
    ]
    assert {gap.certainty for gap in found.gaps} == {Certainty.MISSING}
    assert not found.covered
