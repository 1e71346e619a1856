"""When a finding is raised and cleared, and which instants it names."""

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.diagnosis.hysteresis import Change, Rule, Watch, on_new_clock, step

RULE = Rule(threshold=1.0, raise_after=3, raise_of=4, clear_after=2)


def play(scores, watch: Watch | None = None) -> tuple[Watch, list[tuple[int, Change]]]:
    watch = watch or Watch()
    changes = []
    for number, score in enumerate(scores):
        watch, change = step(watch, score, number * 10, RULE)
        if change is not None:
            changes.append((number * 10, change))
    return watch, changes


def test_it_reaches_back_to_the_first_bad_picture_and_ends_at_the_first_good_one():
    _, changes = play([0, 0, 2, 0, 2, 2, 2, 0, 0])
    assert changes == [
        (10, Change(raised=False, since_us=0, until_us=0)),  # enough good pictures: known to be clear
        (50, Change(raised=True, since_us=20, until_us=None)),
        (80, Change(raised=False, since_us=20, until_us=70)),
    ]


def test_too_few_bad_pictures_raise_nothing():
    assert [change for _, change in play([0, 0, 2, 2, 0, 0, 2, 2, 0, 0])[1] if change.raised] == []


def test_what_cannot_be_told_changes_nothing():
    watch, changes = play([2, 2, None, None, 2, None, None, None, 0, None, 0])
    assert [(at_us, change.raised) for at_us, change in changes] == [(40, True), (100, False)]
    assert changes[-1][1].until_us == 80
    assert step(watch, None, 999, RULE) == (watch, None)


def test_one_good_picture_does_not_clear():
    watch, changes = play([2, 2, 2, 0, 2, 0, 2])
    assert watch.state == "open"
    assert len(changes) == 1


def test_what_an_earlier_process_left_open_keeps_its_beginning():
    _, changes = play([None, 0, 0], Watch(state="open", since_us=-500))
    assert changes == [(20, Change(raised=False, since_us=-500, until_us=10))]


@given(st.lists(st.sampled_from([0.0, 2.0, None]), max_size=60))
def test_raising_and_clearing_take_turns_and_spans_are_in_order(scores):
    _, changes = play(scores)
    previous_raised, floor_us = False, 0
    for at_us, change in changes:
        assert change.since_us <= at_us
        if change.raised:
            assert not previous_raised
            assert change.since_us >= floor_us
        elif previous_raised:
            assert change.until_us is not None
            assert change.since_us < change.until_us <= at_us
            floor_us = change.until_us
        previous_raised = change.raised


def test_what_an_earlier_clock_saw_lies_before_the_new_one():
    """Were it ahead, a finding would else begin only when the new clock has come to the old one's time."""
    for ahead_us in (-400, 0, 400):
        watch = Watch()
        for at_us in (1_000, 1_010):
            watch, change = step(watch, 2, at_us + ahead_us, RULE)
            assert change is None
        watch = on_new_clock(watch, 1_015)
        watch, change = step(watch, 2, 1_020, RULE)
        assert change == Change(raised=True, since_us=min(1_000 + ahead_us, 1_014), until_us=None)
        watch = on_new_clock(step(watch, 0, 5_000, RULE)[0], 2_000)
        assert (watch.since_us, watch.good_since_us) == (min(1_000 + ahead_us, 1_014), 1_999)
