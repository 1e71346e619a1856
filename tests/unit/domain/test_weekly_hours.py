"""Hours on a site's wall clocks, also on the days when these change."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from config.base.clock import from_datetime
from config.base.errors import InvalidInput
from server.domain.weekly_hours import day_of, next_start_us, parse, window_at

BERLIN, SHANGHAI = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")


def at(zone, *when, fold=0):
    return from_datetime(datetime(*when, tzinfo=zone, fold=fold))


def test_hours_hold_their_start_and_not_their_end():
    hours = parse("mon-fri 08:00-17:30; sat 09:00-12:00")
    for when, held in (
        ((2026, 11, 23, 7, 59), False),
        ((2026, 11, 23, 8, 0), True),
        ((2026, 11, 27, 17, 29), True),
        ((2026, 11, 27, 17, 30), False),
        ((2026, 11, 28, 9, 0), True),
        ((2026, 11, 29, 9, 0), False),
    ):
        assert (window_at(hours, at(SHANGHAI, *when), SHANGHAI) is not None) is held, when
    window = window_at(hours, at(SHANGHAI, 2026, 11, 23, 9), SHANGHAI)
    assert window == (at(SHANGHAI, 2026, 11, 23, 8), at(SHANGHAI, 2026, 11, 23, 17, 30))


def test_a_night_goes_on_after_midnight_and_touching_hours_are_one():
    hours = parse("sun 22:00-06:00")
    assert window_at(hours, at(SHANGHAI, 2026, 11, 23, 5, 59), SHANGHAI) is not None
    assert window_at(hours, at(SHANGHAI, 2026, 11, 24, 5, 59), SHANGHAI) is None
    wide = parse("mon 08:00-12:00; mon 11:00-17:00")
    assert window_at(wide, at(SHANGHAI, 2026, 11, 23, 11, 30), SHANGHAI) == (
        at(SHANGHAI, 2026, 11, 23, 8),
        at(SHANGHAI, 2026, 11, 23, 17),
    )


def test_where_an_hour_comes_twice_the_shorter_window_counts():
    """Berlin, 2026-10-25: 03:00 summer time is 02:00 again."""
    hours = parse("sun 01:00-02:30")
    first, second = at(BERLIN, 2026, 10, 25, 2, 15), at(BERLIN, 2026, 10, 25, 2, 15, fold=1)
    assert window_at(hours, first, BERLIN) is not None
    assert window_at(hours, second, BERLIN) is None
    late = parse("sun 02:30-04:00")
    assert window_at(late, at(BERLIN, 2026, 10, 25, 2, 45), BERLIN) is None
    assert window_at(late, at(BERLIN, 2026, 10, 25, 2, 45, fold=1), BERLIN) is not None


def test_where_an_hour_never_comes_nothing_is_longer_for_it():
    """Berlin, 2026-03-29: 02:00 is 03:00."""
    hours = parse("sun 01:00-02:30")
    assert window_at(hours, at(BERLIN, 2026, 3, 29, 1, 15), BERLIN) is not None
    assert window_at(hours, at(BERLIN, 2026, 3, 29, 3, 5), BERLIN) is None
    assert window_at(parse("sun 02:00-03:00"), at(BERLIN, 2026, 3, 29, 3, 0), BERLIN) is None


def test_the_next_window_and_the_sites_own_day():
    hours = parse("mon 08:00-09:00")
    monday = at(SHANGHAI, 2026, 11, 23, 8)
    assert next_start_us(hours, monday - 1, SHANGHAI) == monday
    assert next_start_us(hours, monday, SHANGHAI) == at(SHANGHAI, 2026, 11, 30, 8)
    assert day_of(at(SHANGHAI, 2026, 11, 23, 0, 1), SHANGHAI) == "2026-11-23"


@pytest.mark.parametrize(
    "text",
    ["", ";", "mon", "mon 8:00-9:00", "mon 08:00-08:00", "mon 08:00-24:01", "mon 24:00-09:00", "mon 08:60-09:00", "moo 08:00-09:00",
     "mon-xyz 08:00-09:00", "mon 08:00-09:00;" * 17],
)  # fmt: skip
def test_what_is_no_hours_is_refused(text):
    with pytest.raises(InvalidInput) as refused:
        parse(text)
    assert refused.value.code == "not_hours"


def test_hours_may_run_over_the_weekend():
    assert {line[0] for line in parse("sat-mon 08:00-09:00").lines} == {5, 6, 0}
