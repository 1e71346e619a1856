"""Whose code word a clip follows, with the probability that anybody at all is named wrongly.

Invariant: each hypothesis that is tried (view, instant, place in the clip) is counted, and the bound is over all of them together;
below ``P_FALSE_MAX`` nobody is named.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.wire.marking import GROUP_US, group_of
from server.domain.marking import BLOCK_BITS, P_FALSE_MAX, CodeWord, groups_needed, p_false
from server.marking.clip import Clip
from server.marking.soft import ASPECT, BINS_PER_GROUP, changes, places, soft_bits

NAMED_MAX = 8
TRIED_CLOSER = 64
LATE_US = 6_000_000
"""A player may be so far behind, and a view's end be so late on record."""
GROUPS_MIN = 8
Words = NDArray[np.float64]


@dataclass(frozen=True)
class Candidate:
    """A view that was open then."""

    view_id: str
    word: CodeWord
    opened_us: int
    closed_us: int


@dataclass(frozen=True)
class Fit:
    """How well a clip follows one view's word. ``agreement``: of soft bits and word, 1 where none is wrong or weak."""

    view_id: str
    p_false: float
    agreement: float
    begin_us: int
    groups: int


@dataclass(frozen=True)
class Answer:
    """``named``: views below the limit, surest first; ``best``: the best fit, named or not."""

    named: tuple[Fit, ...]
    best: Fit | None
    seconds: float
    needed_s: float
    """What a clip needs at least where not one bit of it is weak, among so many views and so much time."""
    tried: int


@dataclass(frozen=True)
class _Guess:
    strength: float
    candidate: int
    start: int
    weights: NDArray[np.float64]


def accuse(
    clip: Clip, seed: str, candidates: Sequence[Candidate], begin_us: int, end_us: int, aspect: float = ASPECT
) -> Answer:
    """``begin_us`` to ``end_us``: when the clip can have been taken."""
    first, last = group_of(begin_us - LATE_US), group_of(end_us) + 1
    words = _words(candidates, first, last)
    differences = changes(clip)
    guesses: list[_Guess] = []
    tried = 0
    for place in places(differences, seed, aspect):
        leaning = soft_bits(differences, seed, place)
        for phase in range(BINS_PER_GROUP):
            weights = leaning[phase::BINS_PER_GROUP]
            if len(weights) < GROUPS_MIN or words.shape[1] < len(weights) or not candidates:
                continue
            made, more = _guesses(words, weights)
            guesses += made
            tried += more
    fits = _fits(guesses, words, candidates, first, tried)
    named = tuple(fit for fit in fits if fit.p_false <= P_FALSE_MAX)[:NAMED_MAX]
    needed_s = groups_needed(max(tried, 1)) * GROUP_US / 1e6
    return Answer(named, fits[0] if fits else None, clip.seconds, needed_s, tried)


def _words(candidates: Sequence[Candidate], first: int, last: int) -> Words:
    """(candidates, groups): +1 for variant B, -1 for A, 0 while the view was not open."""
    found = np.zeros((len(candidates), max(0, last - first)))
    for row, one in enumerate(candidates):
        begin = max(first, group_of(one.opened_us - LATE_US))
        end = min(last, group_of(one.closed_us + LATE_US) + 1)
        for number in range(begin // BLOCK_BITS, (end - 1) // BLOCK_BITS + 1 if end > begin else 0):
            bits = np.unpackbits(np.frombuffer(one.word.block(number), np.uint8), bitorder="little")
            low, high = max(begin, number * BLOCK_BITS), min(end, (number + 1) * BLOCK_BITS)
            found[row, low - first : high - first] = bits[low % BLOCK_BITS :][: high - low] * 2.0 - 1.0
    return found


def _guesses(words: Words, weights: NDArray[np.float64]) -> tuple[list[_Guess], int]:
    """The best instants of each candidate, and how many were tried."""
    long = len(weights)
    strength = np.zeros((len(words), words.shape[1] - long + 1))
    tried = 0
    for row, word in enumerate(words):
        (opened,) = np.nonzero(word)
        if not len(opened):
            continue
        first = max(0, int(opened[0]) - long + 1)  # before and after that there is nothing to fit
        piece = word[first : int(opened[-1]) + long]
        score = np.correlate(piece, weights, "valid")
        energy = np.correlate(np.abs(piece), weights**2, "valid")
        strength[row, first : first + len(score)] = np.where(energy > 0, score / np.sqrt(np.maximum(energy, 1e-12)), 0)
        tried += int((energy > 0).sum())
    best = np.argsort(strength, axis=None)[::-1][:TRIED_CLOSER]
    starts = strength.shape[1]
    return [_Guess(float(strength.flat[at]), int(at) // starts, int(at) % starts, weights) for at in best], tried


def _fits(guesses: list[_Guess], words: Words, candidates: Sequence[Candidate], first: int, tried: int) -> list[Fit]:
    """The best of each view, surest first."""
    strongest: dict[int, _Guess] = {}
    for guess in guesses:
        known = strongest.get(guess.candidate)
        if known is None or guess.strength > known.strength:
            strongest[guess.candidate] = guess
    best = sorted(strongest.values(), key=lambda one: -one.strength)[: 2 * NAMED_MAX]
    return sorted((_fit(one, words, candidates, first, tried) for one in best), key=lambda fit: fit.p_false)


def _fit(guess: _Guess, words: Words, candidates: Sequence[Candidate], first: int, tried: int) -> Fit:
    signs = words[guess.candidate, guess.start : guess.start + len(guess.weights)]
    used = guess.weights * np.abs(signs)
    score, groups = float(guess.weights @ signs), int(np.count_nonzero(signs))
    return Fit(
        view_id=candidates[guess.candidate].view_id,
        p_false=p_false(used.tolist(), score, tried),
        agreement=score / max(1e-12, float(np.sqrt((used**2).sum() * max(1, groups)))),
        begin_us=(first + guess.start) * GROUP_US,
        groups=groups,
    )
