"""The life of an alarm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.base.errors import Conflict
from server.domain.alarms import Alarm, Status, acknowledged, cleared, opens, raised, raised_again, restored


def test_what_opens_an_alarm() -> None:
    assert opens("panic", "raised")
    assert opens("panel_silent", "raised")
    assert not opens("panic", "test")
    assert not opens("panic", "restored")
    assert not opens("test", "test")
    assert not opens("bypass", "raised")


def test_seen_then_over() -> None:
    alarm = restored(acknowledged(raised(10), "li", 20), 30)
    assert (alarm.status, alarm.acknowledged_by, alarm.cleared_us, alarm.cleared_by) == (Status.CLEARED, "li", 30, "")


def test_over_then_seen() -> None:
    over = restored(raised(10), 20)
    assert over.status is Status.RAISED
    assert acknowledged(over, "li", 30).status is Status.CLEARED


def test_a_button_that_says_nothing_more_is_cleared_by_a_person() -> None:
    seen = acknowledged(raised(10), "li", 20)
    done = cleared(seen, "wang", 30)
    assert (done.status, done.acknowledged_by, done.cleared_by, done.cleared_us) == (Status.CLEARED, "li", "wang", 30)


def test_nothing_is_done_twice_or_too_early() -> None:
    with pytest.raises(Conflict):
        cleared(raised(10), "li", 20)
    with pytest.raises(Conflict):
        acknowledged(acknowledged(raised(10), "li", 20), "wang", 30)
    with pytest.raises(Conflict):
        cleared(restored(acknowledged(raised(10), "li", 20), 30), "li", 40)


def test_what_happens_again_must_be_seen_again() -> None:
    again = raised_again(acknowledged(raised(10), "li", 20), 30)
    assert (again.status, again.count, again.last_us, again.acknowledged_by) == (Status.RAISED, 2, 30, "")


def test_what_comes_late_only_counts() -> None:
    late = raised_again(acknowledged(raised(10), "li", 20), 5)
    assert (late.status, late.count, late.raised_us, late.last_us) == (Status.ACKNOWLEDGED, 2, 5, 10)
    assert restored(late, 7) == late


STEPS = {
    "raised": raised_again,
    "restored": restored,
    "acknowledged": lambda alarm, at_us: acknowledged(alarm, "li", at_us),
    "cleared": lambda alarm, at_us: cleared(alarm, "li", at_us),
}


@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=12))
def test_no_alarm_is_ever_cleared_without_a_person_who_saw_it(steps: list[str]) -> None:
    alarm: Alarm = raised(0)
    for at_us, step in enumerate(steps, 1):
        if alarm.status is Status.CLEARED:
            break
        before = alarm
        try:
            alarm = STEPS[step](alarm, at_us)
        except Conflict:
            assert alarm == before
        assert alarm.status is not Status.CLEARED or (alarm.acknowledged_us is not None and alarm.acknowledged_by)
        assert alarm.count >= before.count
