"""What a deep audit draws, and what it may conclude."""

import hashlib
from fractions import Fraction
from math import ceil, comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.base.clock import US_PER_MINUTE
from config.base.errors import InvalidInput
from server.domain.confidence import at_most, faulty_at_most
from server.domain.sampling import Population, Run, draw, population_of

SPANS = st.lists(
    st.tuples(st.sampled_from(["a", "a-b", "b"]), st.integers(0, 10**10), st.integers(1, 10**9)).map(
        lambda t: (t[0], t[1], t[1] + t[2])
    ),
    max_size=12,
)


def minutes(spans):
    return {
        (camera, minute)
        for camera, start, end in spans
        for minute in range(start // US_PER_MINUTE, -(-end // US_PER_MINUTE))
    }


@given(SPANS)
def test_the_population_is_every_minute_with_footage(spans):
    found = population_of(spans)
    drawn = [found.at(number) for number in range(found.size)]
    assert drawn == sorted(drawn)
    assert {tuple(minute) for minute in drawn} == minutes(spans)
    assert len(drawn) == len(set(drawn))
    assert Population.parse(found.text()) == found
    assert found == population_of(reversed(spans))


@given(SPANS, st.text("abc ", min_size=1, max_size=9), st.integers(1, 60))
def test_a_draw_can_be_repeated_and_grows_at_its_end(spans, seed, samples):
    population = population_of(spans)
    drawn = draw(population, seed, samples)
    assert len(set(drawn)) == len(drawn) == min(samples, population.size)
    assert drawn == draw(Population.parse(population.text()), seed, samples)
    assert draw(population, seed, samples + 1)[: len(drawn)] == drawn


def test_the_published_algorithm_in_other_words():
    population = population_of([("gate", 0, 100 * US_PER_MINUTE)])
    text = "gate 0 100\n"
    expected, turn = [], 0
    while len(expected) < 10:
        line = f"nightlight deep audit 1\n{hashlib.sha256(text.encode()).hexdigest()}\nlantern\n{turn}"
        number = int(hashlib.sha256(line.encode()).hexdigest(), 16) % 100
        turn += 1
        if number not in expected:
            expected.append(number)
    assert [minute.minute for minute in draw(population, "lantern", 10)] == expected
    assert expected == [91, 26, 59, 29, 17, 88, 25, 57, 8, 76]


def test_every_minute_is_drawn_as_often_as_another():
    population = population_of([("gate", 0, 10 * US_PER_MINUTE)])
    counts = [0] * 10
    for seed in range(2_000):
        counts[draw(population, str(seed), 1)[0].minute] += 1
    assert sum((count - 200) ** 2 / 200 for count in counts) < 27.9  # chi-square, 9 degrees, one in a thousand


@pytest.mark.parametrize("text", ["gate 1", "gate 0 5\ngate 5 5\n", "gate 0 5\nbell 0 5\n", "gate x 5\n", "gate 0 0\n"])
def test_what_is_no_population(text):
    with pytest.raises(InvalidInput):
        Population.parse(text)


def test_what_cannot_be_asked_for():
    population = Population((Run("gate", 0, 5),))
    for seed, samples in (("", 1), ("x" * 129, 1), ("a\nb", 1), ("a", 0), ("a", 2_001)):
        with pytest.raises(InvalidInput):
            draw(population, seed, samples)
    assert draw(Population(()), "a", 5) == []
    with pytest.raises(IndexError):
        population.at(5)


@st.composite
def figures(drawing):
    population = drawing(st.integers(1, 60))
    samples = drawing(st.integers(0, population))
    return population, samples, drawing(st.integers(0, samples))


@given(figures(), st.integers(0, 60))
def test_the_probability_is_the_exact_one(asked, faulty):
    population, samples, faults = asked
    faulty = min(faulty, population)
    exact = sum(
        Fraction(comb(faulty, n) * comb(population - faulty, samples - n), comb(population, samples))
        for n in range(faults + 1)
        if n <= samples
    )
    assert at_most(population, faulty, samples, faults) == pytest.approx(float(exact), abs=1e-9)


@given(figures())
def test_the_bound_is_the_largest_number_that_is_still_believable(asked):
    population, samples, faults = asked
    bound = faulty_at_most(population, samples, faults)
    assert faults <= bound <= population - (samples - faults)
    assert at_most(population, bound, samples, faults) > 0.05 or bound == faults
    if bound < population - (samples - faults):
        assert at_most(population, bound + 1, samples, faults) <= 0.05 + 1e-9


@given(st.integers(1, 500), st.integers(1, 2_000_000))
def test_without_replacement_says_more_than_the_usual_formulas(samples, population):
    population = max(samples, population)
    bound = faulty_at_most(population, samples, 0)
    assert bound <= ceil(population * (1 - 0.05 ** (1 / samples)))
    assert bound / population <= 3 / samples + 1e-9
    assert at_most(population, bound, samples, 0) <= (1 - bound / population) ** samples + 1e-6


def test_well_known_figures():
    assert faulty_at_most(100, 100, 0) == 0
    assert faulty_at_most(100, 0, 0) == 100
    assert 0.049 < faulty_at_most(2_000_000, 59, 0) / 2_000_000 < 0.05
    for bad in ((5, 6, 0), (5, 3, 4), (5, 3, -1)):
        with pytest.raises(InvalidInput):
            faulty_at_most(*bad)
