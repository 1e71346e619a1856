"""When messages are made and go, and what is sent again."""

from datetime import date

import pytest

from server.domain.notices import (
    ATTEMPTS_MAX,
    Result,
    State,
    after_attempt,
    after_crash,
    nearest_office,
    next_person,
    not_before_us,
    ready,
    retry_us,
)
from server.domain.verdict import day_span

S, MINUTE, HOUR = 1_000_000, 60_000_000, 3_600_000_000
SHANGHAI = "Asia/Shanghai"
MIDNIGHT = day_span(date(2026, 11, 24), SHANGHAI).start_us


def test_what_there_is_to_tell_is_gathered_and_then_rests_a_while_but_alarms_do_not() -> None:
    window, digest = 60 * S, 600 * S
    assert not ready(0, None, window - 1, window, digest, urgent=False)
    assert ready(0, None, window, window, digest, urgent=False)
    assert not ready(0, -1, digest - 2, window, digest, urgent=False)
    assert ready(0, -1, digest - 1, window, digest, urgent=False)
    assert ready(0, 0, 0, window, digest, urgent=True)


@pytest.mark.parametrize(
    ("hour", "quiet", "until"),
    [
        (12, (22 * 60, 7 * 60), 12),
        (23, (22 * 60, 7 * 60), 31),
        (3, (22 * 60, 7 * 60), 7),
        (7, (22 * 60, 7 * 60), 7),
        (13, (12 * 60, 14 * 60), 14),
        (11, (12 * 60, 14 * 60), 11),
        (14, (12 * 60, 14 * 60), 14),
        (5, (5 * 60, 5 * 60), 5),
        (3, None, 3),
    ],
)
def test_quiet_hours_are_those_of_the_site(hour: int, quiet: tuple[int, int] | None, until: int) -> None:
    now_us = MIDNIGHT + hour * HOUR
    assert not_before_us(now_us, SHANGHAI, quiet, urgent=False) == MIDNIGHT + until * HOUR
    assert not_before_us(now_us, SHANGHAI, quiet, urgent=True) == now_us


def test_only_who_knows_a_repeat_gets_one() -> None:
    assert after_attempt("email", Result.TAKEN, 1) is State.SENT
    assert after_attempt("email", Result.REFUSED, 1) is State.FAILED
    assert after_attempt("email", Result.PERHAPS, 1) is State.UNKNOWN
    assert after_attempt("email", Result.NOT_TAKEN, 1) is State.WAITING
    assert after_attempt("email", Result.NOT_TAKEN, ATTEMPTS_MAX) is State.FAILED
    assert after_attempt("webhook", Result.PERHAPS, 1) is State.WAITING
    assert {after_crash(name, 1) for name in ("email", "webpush", "chat")} == {State.UNKNOWN}
    assert after_crash("webhook", 1) is State.WAITING
    assert [retry_us(0, attempt) // MINUTE for attempt in range(1, ATTEMPTS_MAX)] == [1, 2, 4, 8, 16]


def test_the_office_that_is_asked_is_the_wanted_one_or_the_next_above_it() -> None:
    offices = {"county": 3, "city-2": 2, "city-1": 2, "country": 0}
    assert nearest_office(offices, 3) == ["county"]
    assert nearest_office(offices, 2) == ["city-1", "city-2"]
    assert nearest_office(offices, 1) == ["country"]
    assert nearest_office({"town": 4}, 3) == []


def test_the_next_person_is_told_once_and_the_chain_ends() -> None:
    assert next_person("wang", ["lin"]) == "wang"
    assert next_person("lin", ["wang", "lin"]) is None
    assert next_person(None, ["lin"]) is None
    assert next_person("f", list("abcde")) is None
