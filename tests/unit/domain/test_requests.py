"""What a guardian may ask to see, and how it may be answered."""

import pytest

from config.base.clock import US_PER_DAY, US_PER_MINUTE
from config.base.errors import Conflict, InvalidInput, ResourceExhausted
from config.base.timespan import Span, SpanSet
from server.domain import requests as rules
from server.domain.requests import State, child_alone_seen, child_seen
from server.probe import mask_child

NOW = 100 * US_PER_DAY
SPAN = Span(NOW - US_PER_DAY, NOW - US_PER_DAY + 5 * US_PER_MINUTE)


@pytest.mark.parametrize(
    ("span", "why", "code"),
    [
        (SPAN, "why", "no_reason"),
        (SPAN, " why ", "no_reason"),
        (SPAN, "x" * 301, "no_reason"),
        (Span(SPAN.start_us, SPAN.start_us + 15 * US_PER_MINUTE + 1), "a bump", "bad_span"),
        (Span(SPAN.start_us, SPAN.start_us), "a bump", "bad_span"),
        (Span(NOW - US_PER_MINUTE, NOW + 1), "a bump", "still_to_come"),
        (Span(NOW - 90 * US_PER_DAY - 1, NOW - 90 * US_PER_DAY + 1), "a bump", "too_old"),
    ],
)
def test_what_may_not_be_asked(span, why, code):
    with pytest.raises(InvalidInput) as refused:
        rules.check_asked(span, why, NOW, 90)
    assert refused.value.code == code


def test_what_may_be_asked_is_bounded_in_number():
    rules.check_asked(SPAN, "a bump on the head", NOW, 90)
    rules.check_asked(Span(NOW - rules.LENGTH_US_MAX, NOW), "a bump on the head", NOW, 90)
    rules.check_number([NOW - 40 * US_PER_DAY] * 50, 2, NOW)
    for asked, waiting in (([], 3), ([NOW - US_PER_DAY] * 10, 0)):
        with pytest.raises(ResourceExhausted):
            rules.check_number(asked, waiting, NOW)


@pytest.mark.parametrize("state", [State.OPEN, State.READY, State.FAILED])
def test_what_is_open_may_be_answered(state):
    rules.check_answer(state, "in_person", "come and look")
    for answer, reason in (("shown", "no such answer"), ("declined", "no"), ("declined", " no  ")):
        with pytest.raises(InvalidInput):
            rules.check_answer(state, answer, reason)


@pytest.mark.parametrize("state", [State.MASKING, State.DECLINED, State.IN_PERSON, State.SHOWN, State.OVER])
def test_what_is_answered_stays_so(state):
    with pytest.raises(Conflict):
        rules.check_answer(state, "declined", "no reason at all")


def test_fields_are_kept_as_the_masking_process_reads_them():
    assert rules.cells_of([0, 47]) == "1" + "0" * 46 + "1"
    assert (rules.COLUMNS, rules.LINES) == (mask_child.COLUMNS, mask_child.LINES)
    assert rules.cells_of([]) == "0" * 48  # nothing stays clear
    for chosen, code in (([48], "bad_fields"), ([-1], "bad_fields"), (range(25), "too_clear")):
        with pytest.raises(InvalidInput) as refused:
            rules.cells_of(list(chosen))
        assert refused.value.code == code


def test_pictures_are_over_on_their_last_day_whoever_has_tidied_up():
    assert rules.state_at("shown", NOW, NOW - 1) is State.SHOWN
    assert rules.state_at("shown", NOW, NOW) is State.OVER
    assert rules.state_at("ready", None, NOW) is State.READY
    assert rules.state_at("in_person", NOW - 1, NOW) is State.IN_PERSON


def test_only_time_in_which_a_camera_saw_nothing_but_the_childs_rooms_is_the_childs():
    def times(**places: tuple[int, int]) -> dict[str, SpanSet]:
        return {name: SpanSet.of(span) for name, span in places.items()}

    rooms = times(small=(0, 50), big=(50, 90))
    sights = times(small=(0, 100), hall=(20, 30))
    assert child_seen(sights, rooms) == SpanSet.of((0, 50))
    assert child_alone_seen(sights, rooms) == SpanSet.of((0, 20), (30, 50))
    assert child_alone_seen(times(big=(0, 100)), rooms) == SpanSet.of((50, 90)), "not the next room's past"
    assert not child_alone_seen({}, rooms)
    assert not child_seen(sights, {}), "what nobody wrote down was not"
