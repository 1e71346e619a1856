"""A small part of the labelled set and of the camera-week; benchmarks/diagnosis.py plays all of it."""

from itertools import islice

import pytest

from benchmarks.diagnosis_set.cases import cases, play
from benchmarks.diagnosis_set.photographs import PHOTOGRAPHS, load
from benchmarks.diagnosis_set.scoring import default_rules, play_day


@pytest.mark.parametrize("photograph", PHOTOGRAPHS, ids=lambda photograph: photograph.name)
def test_every_photograph_is_shipped(photograph):
    picture = load(photograph)
    assert picture.ndim == 3
    assert min(picture.shape[:2]) >= 256


@pytest.mark.parametrize("light", ["clean", "infrared"])
def test_faults_of_middle_strength_are_found_and_good_pictures_left_alone(light):
    todo = (
        case
        for case in cases("scored_on", ("middle",))
        if (case.photograph.name, case.aim, case.light) == ("astronaut", 0, light)
    )
    outcomes = list(play(todo, default_rules()))
    assert len(outcomes) == (11 if light == "clean" else 10)
    missed = [one.case.fault for one in outcomes if one.case.fault is not None and one.case.fault not in one.raised]
    assert missed == []
    assert [one.raised for one in outcomes if one.case.fault is None] == [frozenset()]


@pytest.mark.parametrize(("day", "hours"), [(0, (12.2, 12.34)), (1, (18.4, 18.56))], ids=["nap", "dusk"])
def test_a_nap_and_a_dusk_are_no_fault(day, hours):
    pictures, false = play_day(day, hours)
    assert pictures > 100
    assert false == []


def test_cases_are_the_same_every_time():
    first, second = (
        [one.worst for one in play(islice(cases("scored_on", ("middle",)), 2), default_rules())] for _ in range(2)
    )
    assert first == second
