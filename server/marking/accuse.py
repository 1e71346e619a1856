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
Weights = NDArray[np.float64]


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
class _Open:
    """A view while it was open. ``signs``: +1 for variant B, -1 for A, a group each from ``start`` on."""

    start: int
    signs: Weights

    def cut(self, start: int, long: int) -> Weights:
        """``long`` groups from ``start`` on; 0 where it was not open."""
        found = np.zeros(long)
        low, high = max(start, self.start), min(start + long, self.start + len(self.signs))
        if low < high:
            found[low - start : high - start] = self.signs[low - self.start : high - self.start]
        return found


@dataclass(frozen=True)
class _Guess:
    strength: float
    candidate: int
    start: int
    weights: Weights


def accuse(
    clip: Clip, seed: str, candidates: Sequence[Candidate], begin_us: int, end_us: int, aspect: float = ASPECT
) -> Answer:
    """``begin_us`` to ``end_us``: when the clip can have been taken."""
    first, last = group_of(begin_us - LATE_US), group_of(end_us) + 1
    words = [_open(one, first, last) for one in candidates]
    differences = changes(clip)
    guesses: list[_Guess] = []
    tried = 0
    for place in places(differences, seed, aspect):
        leaning = soft_bits(differences, seed, place)
        for phase in range(BINS_PER_GROUP):
            weights = leaning[phase::BINS_PER_GROUP]
            if not GROUPS_MIN <= len(weights) <= last - first:
                continue
            made, more = _guesses(words, weights, last - first)
            guesses += made
            tried += more
    fits = [
        _fit(one, words[one.candidate], candidates[one.candidate].view_id, first, tried) for one in _strongest(guesses)
    ]
    fits.sort(key=lambda fit: fit.p_false)
    named = tuple(fit for fit in fits if fit.p_false <= P_FALSE_MAX)[:NAMED_MAX]
    needed_s = groups_needed(max(tried, 1)) * GROUP_US / 1e6
    return Answer(named, fits[0] if fits else None, clip.seconds, needed_s, tried)


def _open(one: Candidate, first: int, last: int) -> _Open:
    """Within the groups from ``first`` to before ``last``, counted from ``first``."""
    begin = max(first, group_of(one.opened_us - LATE_US))
    end = max(begin, min(last, group_of(one.closed_us + LATE_US) + 1))
    signs = np.zeros(end - begin)
    for number in range(begin // BLOCK_BITS, (end - 1) // BLOCK_BITS + 1 if end > begin else 0):
        bits = np.unpackbits(np.frombuffer(one.word.block(number), np.uint8), bitorder="little")
        low, high = max(begin, number * BLOCK_BITS), min(end, (number + 1) * BLOCK_BITS)
        signs[low - begin : high - begin] = bits[low % BLOCK_BITS :][: high - low] * 2.0 - 1.0
    return _Open(begin - first, signs)


def _guesses(words: Sequence[_Open], weights: Weights, groups: int) -> tuple[list[_Guess], int]:
    """The best instant of each of the best candidates, and how many instants were tried."""
    long = len(weights)
    found: list[_Guess] = []
    tried = 0
    for row, word in enumerate(words):
        if not len(word.signs):
            continue
        start = max(0, word.start - long + 1)  # before and after that there is nothing to fit
        piece = word.cut(start, min(groups, word.start + len(word.signs) + long - 1) - start)
        score = np.correlate(piece, weights, "valid")
        energy = np.correlate(np.abs(piece), weights**2, "valid")
        strength = np.where(energy > 0, score / np.sqrt(np.maximum(energy, 1e-12)), 0)
        tried += int((energy > 0).sum())
        at = int(strength.argmax())
        found.append(_Guess(float(strength[at]), row, start + at, weights))
    return sorted(found, key=lambda one: -one.strength)[:TRIED_CLOSER], tried


def _strongest(guesses: Sequence[_Guess]) -> list[_Guess]:
    """The best of each view, of as many views as are looked at closer."""
    best: dict[int, _Guess] = {}
    for guess in guesses:
        known = best.get(guess.candidate)
        if known is None or guess.strength > known.strength:
            best[guess.candidate] = guess
    return sorted(best.values(), key=lambda one: -one.strength)[: 2 * NAMED_MAX]


def _fit(guess: _Guess, word: _Open, view_id: str, first: int, tried: int) -> Fit:
    signs = word.cut(guess.start, len(guess.weights))
    used = guess.weights * np.abs(signs)
    score, groups = float(guess.weights @ signs), int(np.count_nonzero(signs))
    return Fit(
        view_id=view_id,
        p_false=p_false(used.tolist(), score, tried),
        agreement=score / max(1e-12, float(np.sqrt((used**2).sum() * max(1, groups)))),
        begin_us=(first + guess.start) * GROUP_US,
        groups=groups,
    )
