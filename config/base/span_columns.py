"""Sets of very many spans as two columns of 64-bit numbers: the algebra of ``SpanSet`` by NumPy's vector operations.

Made by ``SpanSet.from_columns`` and by what is reckoned with such a set; what comes out smaller than ``LARGE`` is an
ordinary SpanSet again. Python asks a subclass first, whichever side it stands on, so ordinary sets pay nothing for there
being these. Invariant: every answer is the ordinary one's, member for member, also where a number needs more than 64 bits.

All of it is one sweep. Sort all starts and, by themselves, all ends: when start k comes, k others came before it, and at
least k of the spans are over exactly where end k - 1 is not behind it. If it is before, nothing is open there: a member of
the union ends with it and the next begins. And of two canonical sets, of which no more than two spans are ever open at
once, both are open from start k to end k - 1 wherever that is a stretch.
"""

from array import array
from collections.abc import Iterable, Iterator
from itertools import chain, repeat

import numpy as np
from numpy.typing import NDArray

from config.base import timespan
from config.base.timespan import Span, SpanSet

Column = NDArray[np.int64]
Columns = tuple[Column, Column]

_FIRST, _LAST = -(2**63), 2**63 - 1


class ColumnSet(SpanSet):
    """Canonical ``columns`` of starts and ends; nobody else may write to them."""

    __slots__ = ("_columns",)

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def __or__(self, other: SpanSet) -> SpanSet:
        theirs = _columns_of(other)
        return _ordinary(self) | other if theirs is None else _made(_union(_both(self._columns, theirs)))

    __ror__ = __or__

    def __and__(self, other: SpanSet) -> SpanSet:
        theirs = _columns_of(other)
        return _ordinary(self) & other if theirs is None else _made(_intersection(self._columns, theirs))

    __rand__ = __and__

    def __sub__(self, other: SpanSet) -> SpanSet:
        theirs = _columns_of(other)
        return _ordinary(self) - other if theirs is None else _made(_intersection(self._columns, _outside(theirs)))

    def __rsub__(self, other: SpanSet) -> SpanSet:
        theirs = _columns_of(other)
        return other - _ordinary(self) if theirs is None else _made(_intersection(theirs, _outside(self._columns)))

    def cut(self, windows: Iterable[tuple[int, int]]) -> list[SpanSet]:
        return [self.clip(begin, end) for begin, end in windows]

    def _within(self, begin: int, end: int) -> SpanSet:
        begin, end = max(begin, _FIRST), min(end, _LAST)
        if begin >= end:
            return SpanSet()
        starts, ends = self._columns
        there = slice(np.searchsorted(ends, begin, side="right"), np.searchsorted(starts, end, side="left"))
        return _made((np.maximum(starts[there], begin), np.minimum(ends[there], end)))

    @property
    def until_us(self) -> int | None:
        return int(self._columns[1][-1]) if self else None

    @property
    def total_us(self) -> int:
        starts, ends = self._columns
        # What wraps around is right again without a sign: members are disjoint, so no sum reaches 2**64.
        return int((ends - starts).view(np.uint64).sum())

    def __iter__(self) -> Iterator[Span]:
        pairs = zip(*(column.tolist() for column in self._columns), strict=True)
        return map(tuple.__new__, repeat(Span), pairs)

    def __len__(self) -> int:
        return len(self._columns[0])

    def __bool__(self) -> bool:
        return len(self) > 0

    def __contains__(self, instant_us: int) -> bool:
        return bool(self._within(instant_us, instant_us + 1))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, ColumnSet):
            return all(map(np.array_equal, self._columns, other._columns))
        return isinstance(other, SpanSet) and len(self) == len(other) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))


def union(starts: Iterable[int], ends: Iterable[int]) -> SpanSet | None:
    """What ``SpanSet.from_columns`` tells; None where a number needs more than 64 bits. Raises ValueError."""
    try:
        columns = _column(starts), _column(ends)
    except OverflowError:
        return None
    starts, ends = columns
    if len(starts) != len(ends):
        raise ValueError(f"{len(starts)} starts and {len(ends)} ends")
    if (ends < starts).any():
        at = int((ends < starts).argmax())
        raise ValueError(f"a span ends before it starts: [{starts[at]}, {ends[at]})")
    some = starts < ends
    if not some.all():
        starts, ends = starts[some], ends[some]
    return _made(_union((np.sort(starts), np.sort(ends))))


def _column(numbers: Iterable[int]) -> Column:
    if isinstance(numbers, np.ndarray):
        return numbers.astype(np.int64, casting="safe", copy=False)
    return np.asarray(array("q", numbers))


def _columns_of(spans: SpanSet) -> Columns | None:
    """None where a number needs more than 64 bits."""
    if isinstance(spans, ColumnSet):
        return spans._columns  # noqa: SLF001 - its own module
    try:
        both = np.asarray(array("q", chain.from_iterable(spans)))
    except OverflowError:
        return None
    return both[::2], both[1::2]


def _ordinary(spans: Iterable[Span]) -> SpanSet:
    return SpanSet._trusted(spans)  # noqa: SLF001 - these are canonical


def _made(columns: Columns) -> SpanSet:
    """Of canonical columns."""
    found = ColumnSet(columns)
    return found if len(found) >= timespan.LARGE else _ordinary(found)


def _both(left: Columns, right: Columns) -> Columns:
    """All starts and all ends, each in order; a stable sort of two runs is a merge."""
    starts, ends = (np.sort(np.concatenate(pair), kind="stable") for pair in zip(left, right, strict=True))
    return starts, ends


def _union(ordered: Columns) -> Columns:
    """Canonical, of the starts and the ends of any spans, each in order."""
    starts, ends = ordered
    apart = np.flatnonzero(starts[1:] > ends[:-1])  # places to take from: twice as fast as a mask
    return np.append(starts[:1], starts[1:].take(apart)), np.append(ends[:-1].take(apart), ends[-1:])


def _intersection(left: Columns, right: Columns) -> Columns:
    """Canonical, of canonical columns."""
    starts, ends = _both(left, right)
    shared = np.flatnonzero(starts[1:] < ends[:-1])
    return starts[1:].take(shared), ends[:-1].take(shared)


def _outside(columns: Columns) -> Columns:
    """All that canonical columns leave out, of what 64 bits can name; the first and the last stretch may be empty."""
    starts, ends = columns
    return np.append(_FIRST, ends), np.append(starts, _LAST)
