"""Code words are the key's and the view's; the bound on a false accusation holds for any clip."""

import itertools
import math

import numpy as np
import pytest

from server.domain.marking import CodeWord, chance_of, groups_needed, key_name, p_false, pattern_seed

KEY = bytes(range(32))


def test_a_word_is_made_again_from_key_and_view_and_another_is_another():
    bits = [CodeWord(KEY, "view-1").bit(group) for group in range(1_000)]
    again = CodeWord(KEY, "view-1")
    assert [again.bit(group) for group in reversed(range(1_000))] == bits[::-1]
    assert 400 < sum(bits) < 600
    for other in (CodeWord(KEY, "view-2"), CodeWord(bytes(32), "view-1")):
        assert 400 < sum(other.bit(group) == bit for group, bit in enumerate(bits)) < 600


def test_seeds_and_names_of_keys_tell_nothing_and_differ():
    assert pattern_seed(KEY, "cam-a") != pattern_seed(KEY, "cam-b")
    assert len(pattern_seed(KEY, "cam-a")) == 32
    assert key_name(KEY) != key_name(bytes(32))


@pytest.mark.parametrize("seed", range(5))
def test_the_bound_is_never_below_what_counting_all_words_gives(seed):
    weights = np.random.default_rng(seed).normal(0, 1, 12)
    sums = [sum(w * s for w, s in zip(weights, signs, strict=True)) for signs in itertools.product((1, -1), repeat=12)]
    for share in (0.3, 0.6, 0.9, 1.0):
        score = share * float(np.abs(weights).sum())
        truth = sum(one >= score - 1e-12 for one in sums) / len(sums)
        assert math.exp(chance_of(weights.tolist(), score)) >= truth * (1 - 1e-9)


def test_a_word_without_a_wrong_bit_is_as_improbable_as_it_is_long():
    assert math.exp(chance_of([1.0] * 20, 20.0)) == pytest.approx(2.0**-20, rel=0.01)
    assert p_false([1.0] * 20, 20.0, 2**30) == 1.0
    assert p_false([1.0] * 20, -3.0, 1) == 1.0
    assert p_false([], 0.0, 1) == 1.0
    assert groups_needed(1_000) == 30
    assert groups_needed(1_000, agreement=0.7) > 80
