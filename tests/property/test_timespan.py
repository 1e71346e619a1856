"""The interval algebra equals a brute-force bitmap over random histories, in both forms of a set and in any mixture."""

import itertools
import pickle
import subprocess
import sys
from unittest import mock

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from config.base import timespan
from config.base.span_columns import ColumnSet
from config.base.timespan import Span, SpanSet

LENGTH = 24
raw_spans = st.lists(
    st.tuples(st.integers(0, LENGTH), st.integers(0, LENGTH)).map(lambda pair: (min(pair), max(pair))), max_size=12
)
larges = st.integers(0, 8)
"""From how many members on a set is kept in columns: with 0 all are."""
zeros = st.sampled_from([0, -(2**63), 2**63 - 1 - LENGTH, 2**63 - LENGTH // 2, -(2**63) - LENGTH // 2, 2**70])
"""Where the bitmap's first instant is: also at either end of 64 bits, across it and beyond."""
Raw = list[tuple[int, int]]


def made(raw: Raw, zero: int, large: int) -> SpanSet:
    """By ``from_columns``, for all that are kept so from ``large`` members on."""
    with mock.patch.object(timespan, "LARGE", large):
        return SpanSet.from_columns([zero + start for start, _ in raw], [zero + end for _, end in raw])


def bitmap(raw: Raw) -> set[int]:
    return {instant for start, end in raw for instant in range(start, end)}


def instants(found: SpanSet, zero: int = 0) -> set[int]:
    return bitmap([(start - zero, end - zero) for start, end in found])


def assert_canonical(found: SpanSet) -> None:
    listed = list(found)
    assert all(isinstance(span, Span) and span.start_us < span.end_us for span in listed)
    assert all(type(number) is int for span in listed for number in span)
    assert all(before.end_us < after.start_us for before, after in itertools.pairwise(listed))


@given(raw_spans, raw_spans, larges, larges, larges, zeros)
@example(left=[(0, 5)], right=[(5, 8)], mine=0, theirs=0, results=0, zero=0)
@example(left=[(0, 5)], right=[(5, 8)], mine=9, theirs=9, results=9, zero=0)
def test_operations_equal_the_bitmap(left: Raw, right: Raw, mine: int, theirs: int, results: int, zero: int) -> None:
    a, b = made(left, zero, mine), made(right, zero, theirs)
    with mock.patch.object(timespan, "LARGE", results):
        found_and_wanted = (
            (a | b, bitmap(left) | bitmap(right)),
            (a & b, bitmap(left) & bitmap(right)),
            (a - b, bitmap(left) - bitmap(right)),
        )
    for found, wanted in found_and_wanted:
        assert_canonical(found)
        assert instants(found, zero) == wanted
        assert found.total_us == len(wanted)
        assert found.until_us == max((zero + instant + 1 for instant in wanted), default=None)
        assert found == SpanSet((zero + instant, zero + instant + 1) for instant in wanted)
        assert bool(found) == bool(wanted)


@given(raw_spans, st.integers(-1, LENGTH + 1), st.integers(-1, LENGTH + 1), larges, zeros)
def test_clip_and_membership(raw: Raw, start: int, end: int, large: int, zero: int) -> None:
    a = made(raw, zero, large)
    clipped = a.clip(zero + start, zero + end)
    assert_canonical(clipped)
    assert instants(clipped, zero) == {i for i in bitmap(raw) if start <= i < end}
    assert {i for i in range(-1, LENGTH + 1) if zero + i in a} == bitmap(raw)
    assert a.clip(-(2**80), 2**80) == a
    assert not a.clip(2**80, 2**81)
    assert not a.clip(-(2**81), -(2**80))
    assert 2**80 not in a
    assert -(2**80) not in a


@given(raw_spans, st.lists(st.integers(-1, LENGTH + 1), max_size=9).map(sorted), larges, zeros)
@example(raw=[(0, 2), (4, 6)], edges=[0, 10], large=9, zero=0)
def test_cut_is_clip_by_every_window(raw: Raw, edges: list[int], large: int, zero: int) -> None:
    a = made(raw, zero, large)
    for windows in (list(itertools.pairwise(edges)), list(zip(edges[::2], edges[1::2], strict=False))):
        parts = a.cut([(zero + begin, zero + end) for begin, end in windows])
        assert [instants(part, zero) for part in parts] == [bitmap(raw) & set(range(*window)) for window in windows]
        for part in parts:
            assert_canonical(part)


@given(raw_spans, raw_spans, larges, zeros)
@example(raw=[(1, 3)], other=[(1, 4)], large=0, zero=0)
@example(raw=[(1, 4)], other=[(2, 4)], large=0, zero=0)
def test_equal_sets_are_equal_in_either_form(raw: Raw, other: Raw, large: int, zero: int) -> None:
    a, b = made(raw, zero, large), SpanSet((zero + start, zero + end) for start, end in reversed(raw))
    assert a == b
    assert b == a
    assert a == pickle.loads(pickle.dumps(a)) == made(raw, zero, large)
    assert hash(a) == hash(b)
    assert repr(a) == repr(b)
    assert len(a) == len(b)
    assert a != tuple(b)
    same = bitmap(raw) == bitmap(other)
    assert (a == made(other, zero, large)) == same
    assert (a == made(other, zero, 0)) == same
    assert (made(other, zero, 99) == a) == same


def test_what_is_large_is_in_columns_and_what_comes_out_small_is_not() -> None:
    starts = list(range(0, 30 * timespan.LARGE, 30))
    many = SpanSet.from_columns(starts, [start + 10 for start in starts])
    assert type(many) is ColumnSet
    assert type(SpanSet.of((5, 6)) | many) is ColumnSet
    assert type(SpanSet.of((5, 6)) - many) is SpanSet
    assert type(many.clip(0, 30 * (timespan.LARGE - 1))) is SpanSet
    assert type(SpanSet.from_columns(starts[1:], [start + 10 for start in starts[1:]])) is SpanSet


@pytest.mark.parametrize("large", [0, 99])
def test_columns_that_are_wrong_are_refused(large: int) -> None:
    with mock.patch.object(timespan, "LARGE", large):
        with pytest.raises(ValueError, match=r"ends before it starts: \[7, 6\)"):
            SpanSet.from_columns([1, 7], [3, 6])
        with pytest.raises(ValueError, match=r"2 starts and 1 ends|shorter"):
            SpanSet.from_columns([1, 7], [3])


def test_of_a_column_of_other_numbers_nothing_is_guessed() -> None:
    with mock.patch.object(timespan, "LARGE", 0), pytest.raises(TypeError):
        SpanSet.from_columns(np.array([1, 2], dtype=np.uint64), np.array([3, 4]))


def test_the_whole_of_64_bits_has_its_length() -> None:
    with mock.patch.object(timespan, "LARGE", 0):
        assert SpanSet.from_columns([-(2**63), 3], [0, 2**63 - 1]).total_us == 2**64 - 4


def test_a_set_does_not_change_with_the_columns_that_it_was_made_of() -> None:
    starts, ends = np.array([1, 5]), np.array([3, 9])
    with mock.patch.object(timespan, "LARGE", 0):
        found = SpanSet.from_columns(starts, ends)
    starts[0], ends[1] = 0, 7
    assert found == SpanSet.of((1, 3), (5, 9))


def test_numpy_is_not_loaded_for_the_sake_of_small_sets() -> None:
    code = "import sys; from config.base.timespan import SpanSet as S; S.from_columns([1], [2]); print('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
