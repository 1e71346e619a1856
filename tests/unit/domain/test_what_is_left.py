"""Branches of the rules that the larger tests reach only through a database: the words on a drift, pacing, rare draws."""

import hashlib

import pytest

from config.base.clock import US_PER_S
from config.base.errors import InvalidInput
from config.base.timespan import Span, SpanSet
from server.domain import cells
from server.domain.audit import Held, Seen, difference, lock_of
from server.domain.clock_trust import ClockRecord, distrust
from server.domain.coverage import Cause, Certainty, ConditionChange, Evidence, Limits, Timeline, cover, cover_days
from server.domain.sampling import ALGORITHM, CameraMinute, Population, Run, draw
from server.domain.soundness import FAR_US, Moment, PictureFinding, spoilable_until_us
from server.domain.zones import check_kind, check_sees_allowed

HELD = Held(size_bytes=10, sha256="aa", retain_until_us=100, floor_us=100)


def test_a_span_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="ends before it starts"):
        SpanSet.of((5, 4))


def test_where_the_last_member_ends() -> None:
    assert (SpanSet().until_us, SpanSet.of((1, 2), (5, 9)).until_us) == (None, 9)


def test_a_later_proof_takes_no_earlier_one_back() -> None:
    record = ClockRecord(0, SpanSet.of((0, 100)))
    first, second = distrust(record, 40), distrust(distrust(record, 40), 70)
    assert (first.trusted, first.distrusted_from_us) == (SpanSet.of((0, 40)), 40)
    assert (second.trusted, second.distrusted_from_us) == (first.trusted, 40)
    assert distrust(first, 20).trusted == SpanSet.of((0, 20))


def test_what_ended_after_it_had_claimed_again_was_not_lost_in_between() -> None:
    """A hole of one day is not the agent's end where the same clock claims something on a day after it."""
    whole = SpanSet.of((0, 100))
    timeline = Timeline(running=whole, trusted=whole, ended=True, claimed_until_us=80)
    evidence = Evidence(
        claimed={"t": SpanSet.of((0, 10))},
        secured={"t": SpanSet.of((0, 10))},
        timelines={"t": timeline},
        conditions=[ConditionChange(0, "recording", "t")],
        settled_until_us=100,
    )
    [gap] = cover(SpanSet.of((0, 40)), evidence, Limits(200, 0)).gaps
    assert (gap.cause, gap.certainty) == (Cause.UNEXPLAINED, Certainty.MISSING)


@pytest.mark.parametrize("came", [("recording", "stalled"), ("stalled", "recording")])
def test_of_two_words_of_one_instant_the_one_that_explains_something_holds(came: tuple[str, str]) -> None:
    """A recording that ended before its first frame was durable; messages of one instant come in any order."""
    whole = SpanSet.of((0, 100))
    evidence = Evidence(
        timelines={"t": Timeline(running=whole, trusted=whole)},
        conditions=[ConditionChange(0, "starting", "t"), *(ConditionChange(10, word, "t") for word in came)],
        settled_until_us=50,
        agent_alive=True,
        current_timeline="t",
    )
    found = cover(SpanSet.of((10, 100)), evidence, Limits(100, 0))
    assert {gap.cause for gap in found.gaps} == {Cause.STREAM_STALLED}


def test_days_that_were_skipped_say_nothing() -> None:
    days = [Span(0, 10), Span(10, 10), Span(10, 20)]
    found = cover_days(SpanSet.of((0, 20)), days, Evidence(), Limits(20, 0))
    assert [len(of_day.gaps) for of_day in found] == [1, 0, 1]
    assert found[0].gaps[0].end_us == 10
    assert found[2].gaps[0].end_us is None


def test_from_when_on_a_finding_that_is_over_spoils_nothing() -> None:
    since = Moment(5, "t", 0, trusted=True)
    days = [Span(0, 10), Span(10, 20)]
    assert spoilable_until_us(PictureFinding("blurred", since, None), days) == FAR_US
    assert spoilable_until_us(PictureFinding("blurred", since, since, 10), days) == 10
    assert spoilable_until_us(PictureFinding("blurred", since, since, 11), days) == FAR_US


def test_a_word_on_what_is_other_than_it_was() -> None:
    assert difference(HELD, None) == "the store has no such version"
    assert difference(HELD, Seen(9, "aa", 100)) == "9 bytes instead of 10"
    assert difference(HELD, Seen(10, "bb", 100)) == "the digest is another one"


def test_a_word_on_the_lock() -> None:
    assert lock_of(None) == lock_of(Seen(10, "aa", None)) == "no lock that holds"
    assert lock_of(Seen(10, "aa", 1_000_000)) == "locked until 1970-01-01T00:00:01.000000Z"


def test_the_next_leaves_are_drawn_for_what_waits_or_because_it_is_long_ago() -> None:
    now_us = 10**15
    assert cells.draw_is_due(cells.BYTES_A_DRAW, now_us, now_us, now_us)
    assert cells.draw_is_due(0, None, None, now_us)
    assert cells.draw_is_due(1, now_us - cells.WAIT_US_MAX, None, now_us)
    assert not cells.draw_is_due(1, now_us - cells.WAIT_US_MAX + 1, None, now_us)
    assert not cells.draw_is_due(0, None, now_us - 1, now_us)


def test_no_camera_sends_more_than_it_can() -> None:
    limit = cells.BURST_BYTES + cells.BYTES_A_S_MAX
    assert not cells.is_too_dense(limit, US_PER_S)
    assert cells.is_too_dense(limit + 1, US_PER_S)


def test_what_nobody_has_answered_for_does_not_count() -> None:
    day_us, long_us = 86_400 * US_PER_S, cells.PROOF_US_MAX
    assert cells.unproven_from_us(None, 0, day_us, 10) == 0
    assert cells.unproven_from_us(100, 10**16, day_us, 100 + long_us) is None
    assert cells.unproven_from_us(day_us + 7, 10**16, day_us, day_us + 8 + long_us) == 7
    assert cells.unproven_from_us(7, 10**16, day_us, 8 + long_us) == 0
    # After the last lock has ended nothing is asked: silence says nothing then.
    assert cells.unproven_from_us(100, 200, day_us, 10**16) is None


def test_places() -> None:
    check_kind("corridor")
    with pytest.raises(InvalidInput, match="no such kind"):
        check_kind("attic")
    check_sees_allowed(["corridor", "office"])
    with pytest.raises(InvalidInput, match="article 8"):
        check_sees_allowed(["corridor", "bath"])


def test_a_number_beyond_the_largest_multiple_is_passed_over() -> None:
    """A population so large that every other number is: nothing smaller would ever show it."""
    size = 2**255 + 1
    population = Population((Run("gate", 0, size),))
    prefix = f"{ALGORITHM}\n{population.sha256}\nseed\n"
    numbers = [int.from_bytes(hashlib.sha256(f"{prefix}{turn}".encode()).digest(), "big") for turn in range(40)]
    assert any(number >= size for number in numbers)
    expected = [CameraMinute("gate", number) for number in numbers if number < size][:10]
    found = draw(population, "seed", 10)
    assert found == expected
    assert found[0].span.duration_us == 60_000_000
