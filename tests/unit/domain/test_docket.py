"""The docket: what opens a case, what becomes of it as gaps grow, merge and go, and who may do what about it."""

import pytest

from config.base.errors import Conflict, InvalidInput, PermissionDenied
from config.base.timespan import Span
from server.domain.coverage import Cause, Certainty, Gap
from server.domain.docket import (
    SETTLE_US,
    TOGETHER_US,
    Act,
    Case,
    Closed,
    Closing,
    Moved,
    Opened,
    Seen,
    Standing,
    Status,
    acted,
    due_us,
    follow,
    incident_of,
)

S = 1_000_000
NOW = 100_000 * S
DAY = Span(0, 2 * NOW)
OFFLINE, GONE = Cause.AGENT_OFFLINE, Cause.OBJECT_MISSING


def gap(start: int, end: int | None, cause: Cause = OFFLINE, certainty: Certainty = Certainty.MISSING) -> Gap:
    return Gap(start * S, end * S if end is not None else None, cause, certainty)


def case(number: int, start: int, end: int | None, status: Status = Status.UNEXPLAINED, missing: int = -1) -> Case:
    lasted = (end if end is not None else NOW // S) - start
    return Case(number, OFFLINE, start * S, end * S if end is not None else None,
                (lasted if missing < 0 else missing) * S, status)  # fmt: skip


def seen(*gaps: Gap) -> Seen:
    return Seen(gaps)


def test_a_gap_that_has_ended_opens_a_case_at_once() -> None:
    assert follow([], seen(gap(10, 16)), DAY, NOW) == [Opened(OFFLINE, 10 * S, 16 * S, 6 * S, None)]


def test_what_lasts_or_is_not_known_opens_one_when_it_has_settled() -> None:
    now_s, settle_s = NOW // S, SETTLE_US // S
    early, late = gap(now_s - settle_s + 1, None), gap(now_s - settle_s, None)
    assert follow([], seen(early), DAY, NOW) == []
    assert follow([], seen(late), DAY, NOW) == [Opened(OFFLINE, late.start_us, None, SETTLE_US, None)]
    unknown = gap(10, 20, certainty=Certainty.UNVERIFIED)
    assert follow([], seen(unknown), DAY, NOW) == []
    assert len(follow([], Seen([unknown], frozenset({unknown})), DAY, NOW)) == 1


def test_what_may_come_by_itself_waits_for_the_final_day() -> None:
    pending = gap(10, 5_000, Cause.UPLOAD_PENDING, Certainty.UNVERIFIED)
    assert follow([], seen(pending), DAY, NOW) == []
    assert len(follow([], Seen([pending], frozenset({pending})), DAY, NOW)) == 1


def test_adjacent_gaps_of_one_cause_are_one_case() -> None:
    both = seen(gap(10, 20), gap(20, 30, certainty=Certainty.UNVERIFIED), gap(30, 40, GONE))
    assert follow([], both, DAY, NOW) == [
        Opened(OFFLINE, 10 * S, 30 * S, 20 * S, None),
        Opened(GONE, 30 * S, 40 * S, 10 * S, None),
    ]


def test_a_case_grows_ends_and_shrinks_with_its_gap() -> None:
    lasting = case(1, 50_000, None)
    assert follow([lasting], seen(gap(50_000, None)), DAY, NOW) == []
    assert follow([lasting], seen(gap(50_000, None)), DAY, NOW + 60 * S) == [
        Moved(1, 50_000 * S, None, 50_060 * S, told=False)
    ]
    assert follow([lasting], seen(gap(50_000, 60_000)), DAY, NOW) == [
        Moved(1, 50_000 * S, 60_000 * S, 10_000 * S, told=True)
    ]
    filled_within = seen(gap(50_000, 51_000), gap(59_000, 60_000))
    ended = case(1, 50_000, 60_000)
    assert follow([ended], filled_within, DAY, NOW) == [Moved(1, 50_000 * S, 60_000 * S, 2_000 * S, told=True)]
    assert follow([case(1, 50_000, 60_000, missing=2_000)], filled_within, DAY, NOW) == []


def test_what_lies_before_the_window_stays() -> None:
    window = Span(80_000 * S, 2 * NOW)
    assert follow([case(1, 50_000, None)], seen(gap(80_000, None)), window, NOW) == []
    assert follow([case(1, 50_000, 60_000)], seen(), window, NOW) == []


def test_cases_that_grow_together_become_one() -> None:
    first, second = case(1, 10, 20), case(2, 30, 40, Status.EXPLAINED)
    assert follow([first, second], seen(gap(10, 40)), DAY, NOW) == [
        Moved(1, 10 * S, 40 * S, 30 * S, told=True),
        Closed(2, Closing.MERGED, 1),
    ]


def test_a_gap_that_is_filled_is_closed_with_that_reason() -> None:
    assert follow([case(1, 10, 20, Status.EXPLAINED)], seen(), DAY, NOW) == [Closed(1, Closing.FILLED)]
    beside = [case(1, 10, 20), case(2, 25, 40)]
    assert follow(beside, seen(gap(10, 25)), DAY, NOW) == [
        Moved(1, 10 * S, 25 * S, 15 * S, told=True),
        Closed(2, Closing.FILLED),
    ]


def test_time_under_another_cause_goes_on_under_a_case_that_follows() -> None:
    assert follow([case(1, 10, 20)], seen(gap(10, 20, GONE)), DAY, NOW) == [
        Closed(1, Closing.RECAUSED),
        Opened(GONE, 10 * S, 20 * S, 10 * S, 1),
    ]
    elsewhere = follow([case(1, 10, 20)], seen(gap(10, 20, GONE), gap(50, None, GONE)), DAY, NOW)
    assert [change.follows for change in elsewhere if isinstance(change, Opened)] == [1, None]


def test_what_was_signed_off_stays_and_what_grows_beside_it_is_new() -> None:
    done = case(1, 10, 20, Status.SIGNED_OFF)
    assert follow([done], seen(gap(10, 20)), DAY, NOW) == []
    assert follow([done], seen(), DAY, NOW) == []
    assert follow([done], seen(gap(10, 30)), DAY, NOW) == [Opened(OFFLINE, 20 * S, 30 * S, 10 * S, 1)]
    assert follow([done], seen(gap(40, 50)), DAY, NOW) == [Opened(OFFLINE, 40 * S, 50 * S, 10 * S, None)]
    closed = case(2, 10, 20, Status.CLOSED)
    assert follow([closed], seen(gap(10, 20)), DAY, NOW) == [Opened(OFFLINE, 10 * S, 20 * S, 10 * S, None)]


def test_the_due_date_follows_the_cause() -> None:
    day_us = 86_400 * S
    assert due_us(OFFLINE, 5, 3, 1) == 5 + 3 * day_us
    assert due_us(GONE, 5, 3, 1) == 5 + day_us


def test_an_outage_of_the_site_is_one_incident() -> None:
    known = [("a", OFFLINE, 0), ("b", OFFLINE, TOGETHER_US), ("c", GONE, 0)]
    assert incident_of(OFFLINE, TOGETHER_US - 1, known) == "b"
    assert incident_of(OFFLINE, 2 * TOGETHER_US + 1, known) is None
    assert incident_of(GONE, 1, known) == "c"
    assert incident_of(Cause.DISK_FULL, 1, known) is None


NEW = Standing(Status.UNEXPLAINED, "")


def test_a_case_is_explained_repaired_and_signed_off_by_another() -> None:
    told = acted(NEW, Act.EXPLAIN, "lin", "the breaker tripped")
    assert told == Standing(Status.EXPLAINED, "lin")
    assert acted(told, Act.ASSIGN, "lin", "wang") == told
    repaired = acted(told, Act.REPAIR, "lin", "a new breaker")
    assert repaired.status is Status.REPAIRED
    with pytest.raises(PermissionDenied, match="other than"):
        acted(repaired, Act.SIGN_OFF, "lin", "")
    assert acted(repaired, Act.SIGN_OFF, "wang", "").status is Status.SIGNED_OFF
    assert acted(repaired, Act.SEND_BACK, "wang", "which breaker?") == NEW
    assert acted(repaired, Act.EXPLAIN, "wang", "in truth …") == Standing(Status.EXPLAINED, "wang")


@pytest.mark.parametrize(
    ("standing", "act", "text", "code"),
    [
        (Standing(Status.CLOSED, ""), Act.EXPLAIN, "x", "case_closed"),
        (Standing(Status.SIGNED_OFF, "a"), Act.ASSIGN, "x", "case_closed"),
        (NEW, Act.EXPLAIN, " ", "case_no_text"),
        (NEW, Act.SIGN_OFF, "", "case_unexplained"),
        (NEW, Act.REPAIR, "x", "case_unexplained"),
        (Standing(Status.EXPLAINED, "a", lasting=True), Act.SIGN_OFF, "", "case_lasting"),
    ],
)
def test_what_cannot_be_says_why(standing: Standing, act: Act, text: str, code: str) -> None:
    with pytest.raises((Conflict, InvalidInput)) as refused:
        acted(standing, act, "lin", text)
    assert refused.value.code == code


def test_what_is_lost_again_within_signed_off_time_is_a_case_again() -> None:
    """It was signed off when half of it had been recovered; what had been recovered is gone."""
    signed = case(1, 10, 30, Status.SIGNED_OFF, missing=10)
    assert follow([signed], seen(gap(10, 15), gap(25, 30)), DAY, NOW) == []
    assert follow([signed], seen(gap(10, 30)), DAY, NOW) == [Opened(OFFLINE, 10 * S, 30 * S, 20 * S, 1)]
