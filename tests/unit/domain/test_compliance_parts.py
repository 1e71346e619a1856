"""Duties, hours, silences and three-valued measures: the edges."""

from datetime import date

import pytest

from config.base.clock import US_PER_MINUTE
from config.base.errors import InvalidInput
from config.base.timespan import Span, SpanSet
from config.policies.reading import Library
from server.domain.arming import Supervision, Word, armed_of, longest_us, silences_of
from server.domain.compliance import LATE_US, Examined, Measured, examine, is_late, key_of, worst
from server.domain.duties import add_months, months_between
from server.domain.required_hours import required
from server.domain.verdict import Status, day_span

GOOD, BAD, OPEN = Status.COMPLIANT, Status.NON_COMPLIANT, Status.UNVERIFIED
BOOK = Library().book("cn-national-base")


@pytest.mark.parametrize(
    ("done", "today", "months"),
    [
        (date(2026, 1, 31), date(2026, 2, 28), 1),
        (date(2028, 1, 31), date(2028, 2, 29), 1),
        (date(2025, 11, 22), date(2026, 11, 22), 12),
        (date(2026, 11, 22), date(2026, 11, 22), 0),
        (date(2026, 12, 1), date(2026, 11, 22), 0),
        (date(2028, 2, 29), date(2029, 2, 28), 12),
    ],
)
def test_months_are_those_of_the_calendar(done, today, months):
    assert months_between(done, today) == months


def test_who_was_not_judged_for_long_is_late():
    assert is_late(None, 0)
    assert [is_late(0, LATE_US + late) for late in (0, 1)] == [False, True]


def test_a_day_past_the_month_is_past_it():
    assert 12 < months_between(date(2025, 11, 22), date(2026, 11, 23)) < 12.1
    assert 0 < months_between(date(2026, 1, 31), date(2026, 2, 27)) < 1
    assert add_months(date(2026, 12, 31), 2) == date(2027, 2, 28)
    with pytest.raises(InvalidInput, match="past every calendar"):
        add_months(date(9999, 12, 1), 1)


def test_no_hours_are_all_hours_and_summer_time_takes_none_away():
    day = day_span(date(2026, 10, 25), "Europe/Berlin")
    assert required("", day, "Europe/Berlin") == SpanSet.of(day)
    assert required("sun 02:00-03:00", day, "Europe/Berlin").total_us == 120 * US_PER_MINUTE
    spring = day_span(date(2026, 3, 29), "Europe/Berlin")
    for hours, minutes in (("02:15-02:45", 0), ("02:00-03:00", 0), ("01:00-02:30", 60), ("02:30-06:00", 180)):
        assert required(f"sun {hours}", spring, "Europe/Berlin").total_us == minutes * US_PER_MINUTE
    assert required("sat 22:00-06:00", day, "Europe/Berlin").total_us == 7 * 60 * US_PER_MINUTE
    assert required("mon 00:00-24:00", day, "Europe/Berlin") == SpanSet()


def test_of_two_words_of_one_instant_nobody_knows_the_last():
    asked, both = SpanSet.of((0, 100)), [Word(10, False), Word(20, True), Word(20, False), Word(50, True)]
    for words in (both, both[::-1]):
        found = armed_of(asked, words, asked)
        assert (found.armed, found.disarmed) == (SpanSet.of((50, 100)), SpanSet.of((10, 20)))
    assert armed_of(asked, [Word(20, True)] * 2, asked).armed == SpanSet.of((20, 100))


def test_silence_began_before_it_was_told():
    window = Span(0, 100)
    assert silences_of(window, [Supervision(50, True, 20), Supervision(60, False)]) == SpanSet.of((30, 60))
    assert silences_of(window, [Supervision(90, True, 5)]) == SpanSet.of((85, 100))
    assert silences_of(window, [Supervision(10, False)]) == SpanSet()
    assert (longest_us(SpanSet()), longest_us(SpanSet.of((1, 2), (4, 9)))) == (0, 5)


@pytest.mark.parametrize(
    ("value", "could_be", "status"),
    [
        (100.0, None, GOOD),
        (99.9, None, BAD),
        (99.9, 99.95, BAD),
        (99.0, 100.0, OPEN),
        (None, 99.0, BAD),
        (None, 100.0, OPEN),
        (None, None, OPEN),
    ],
)
def test_what_may_still_turn_out_well_is_open(value, could_be, status):
    measured = {("zone_coverage", "day"): Measured(value, could_be=could_be)}
    zone = Examined("zone", "nap", {"zone.kind": "sleeping"}, measured)
    assert {outcome.status for outcome in examine(BOOK, [zone])} == {status}


def test_the_worst_decides():
    assert worst([]) is OPEN
    assert worst([GOOD, GOOD]) is GOOD
    assert worst([GOOD, OPEN]) is OPEN
    assert worst([OPEN, BAD, GOOD]) is BAD


def test_hours_are_part_of_what_is_measured(tmp_path):
    rule = BOOK.about("zone_coverage")[0].rule
    assert key_of(rule) == ("zone_coverage", "day")
    text = (
        "pack: own\nversion: 2026.1.1\ntitle: {zh-CN: 甲, en: A}\njurisdiction: CN\n"
        "sources: {ours: {title: {zh-CN: 甲, en: A}, rank: operator}}\nrules:\n"
        "  - {id: own.day, title: {zh-CN: 甲, en: A}, source: ours, article: '1', binding: mandatory,\n"
        "     applies_if: {zone.kind: [sleeping]}, metric: %s,\n"
        "     operator: '>=', value: 100, unit: percent, window: day, hours: '%s', evidence: [zone_map],\n"
        "     confidence: V, verified_on: 2026-01-31}\n"
    )
    file = tmp_path / "own.yaml"
    file.write_text(text % ("zone_coverage", "mon-fri 07:30-18:00"), "utf-8")
    (found,) = Library([tmp_path]).book("own").rules
    assert key_of(found.rule) == ("zone_coverage", "day", "mon-fri 07:30-18:00")
    for metric, hours, reason in (
        ("picture_sound", "mon 07:30-18:00", "only 'zone_coverage' can be asked for by hours"),
        ("zone_coverage", "mon 07:30", "regex"),
    ):
        file.write_text(text % (metric, hours), "utf-8")
        with pytest.raises(Exception, match=reason):
            Library([tmp_path])
