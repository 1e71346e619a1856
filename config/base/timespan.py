"""Interval algebra on half-open spans ``[start, end)`` of integer microseconds UTC (invariant I5).

    >>> SpanSet.of((0, 10), (10, 20)) - SpanSet.of((5, 7))
    SpanSet((0, 5), (7, 20))

A ``SpanSet`` is immutable and always canonical: sorted, disjoint, no two members touching, none empty. Every
operation is one merge over both operands, O(n + m). Very many spans are given as columns (``from_columns``).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LARGE = 256
"""From how many members on a set is reckoned in columns (``config.base.span_columns``), where it was given as such."""


class Span(NamedTuple):
    """One half-open stretch of time; ``start_us < end_us`` wherever it is a member of a SpanSet."""

    start_us: int
    end_us: int

    @property
    def duration_us(self) -> int:
        return self.end_us - self.start_us


_new = tuple.__new__


class SpanSet:
    """A set of instants, kept as canonical spans."""

    __slots__ = ("_spans",)

    _spans: tuple[Span, ...]

    def __init__(self, spans: Iterable[tuple[int, int]] = ()) -> None:
        """Builds the union of ``spans``, given in any order. Raises ValueError where one ends before it starts."""
        self._spans = tuple(_canonical(sorted(spans)))

    @classmethod
    def of(cls, *spans: tuple[int, int]) -> "SpanSet":
        """The union of the spans given as arguments."""
        if len(spans) == 1 and spans[0][0] < spans[0][1]:
            return cls._trusted((_new(Span, spans[0]),))
        return cls(spans)

    @classmethod
    def from_columns(
        cls, starts: "Sequence[int] | NDArray[np.int64]", ends: "Sequence[int] | NDArray[np.int64]"
    ) -> "SpanSet":
        """The union of very many spans, in any order. Raises ValueError as above, and where the columns differ in length."""
        if len(starts) >= LARGE:
            from config.base import span_columns

            made = span_columns.union(starts, ends)
            if made is not None:
                return made
        return cls(zip(map(int, starts), map(int, ends), strict=True))

    @classmethod
    def _trusted(cls, spans: Iterable[Span]) -> "SpanSet":
        made = cls.__new__(cls)
        made._spans = tuple(spans)  # noqa: SLF001 - its own constructor
        return made

    def __or__(self, other: "SpanSet") -> "SpanSet":
        if not other._spans:
            return self
        if not self._spans:
            return other
        return SpanSet(chain(self._spans, other._spans))

    def __and__(self, other: "SpanSet") -> "SpanSet":
        if not self._spans or not other._spans:
            return _NOTHING
        left, right = self._spans, other._spans
        if len(right) == 1:
            return self._within(*right[0])
        if len(left) == 1:
            return other._within(*left[0])
        found: list[Span] = []
        i, j = _reaching(left, right[0]), _reaching(right, left[0])
        while i < len(left) and j < len(right):
            begin, end = left[i]
            other_begin, other_end = right[j]
            # Written out, and made without the class's own constructor: a region's quarter goes through here.
            start = begin if begin >= other_begin else other_begin  # noqa: FURB136
            stop = end if end <= other_end else other_end  # noqa: FURB136
            if start < stop:
                found.append(left[i] if start == begin and stop == end else _new(Span, (start, stop)))
            if end <= other_end:
                i += 1
            else:
                j += 1
        return SpanSet._trusted(found)

    def __sub__(self, other: "SpanSet") -> "SpanSet":
        if not self._spans or not other._spans:
            return self
        spans, holes = self._spans, other._spans
        # What lies before the first hole or after the last one stays as it is.
        first, last = _reaching(spans, holes[0]), bisect_left(spans, (holes[-1][1],))
        left_over: list[Span] = list(spans[:first])
        j = 0
        for span in spans[first:last]:
            start, end = span
            while j < len(holes) and holes[j][1] <= start:
                j += 1
            k = j
            while k < len(holes) and holes[k][0] < end:
                if start < holes[k][0]:
                    left_over.append(Span(start, holes[k][0]))
                start = max(start, holes[k][1])
                k += 1
            if start < end:
                left_over.append(span if start == span[0] else Span(start, end))
        left_over += spans[max(first, last) :]
        return SpanSet._trusted(left_over)

    def clip(self, start_us: int, end_us: int) -> "SpanSet":
        """The part within ``[start_us, end_us)``; empty where that window is."""
        return self._within(start_us, end_us) if start_us < end_us else _NOTHING

    def cut(self, windows: Iterable[tuple[int, int]]) -> "list[SpanSet]":
        """The part within each of ``windows``, which come in order and do not overlap."""
        spans, first, count = self._spans, 0, len(self._spans)
        found: list[SpanSet] = []
        for begin, end in windows:
            while first < count and spans[first][1] <= begin:
                first += 1
            stop = first
            while stop < count and spans[stop][0] < end:
                stop += 1
            found.append(self._part(first, stop, begin, end) if begin < end else _NOTHING)
        return found

    def _within(self, begin: int, end: int) -> "SpanSet":
        """O(log n) and a slice, of one window that is not empty: most of what is asked is this."""
        spans = self._spans
        first, stop = bisect_left(spans, (begin,)), bisect_left(spans, (end,))
        if first and spans[first - 1][1] > begin:
            first -= 1
        return self._part(first, stop, begin, end)

    def _part(self, first: int, stop: int, begin: int, end: int) -> "SpanSet":
        """Of the members from ``first`` to before ``stop``, which all reach into the window, what lies within it."""
        spans = self._spans
        if first >= stop:
            return _NOTHING
        starts_before, ends_after = spans[first][0] < begin, spans[stop - 1][1] > end
        if not starts_before and not ends_after:
            return self if stop - first == len(spans) else SpanSet._trusted(spans[first:stop])
        part = list(spans[first:stop])
        if starts_before:
            part[0] = _new(Span, (begin, part[0][1]))
        if ends_after:
            part[-1] = _new(Span, (part[-1][0], end))
        return SpanSet._trusted(part)

    @property
    def until_us(self) -> int | None:
        """Where the last member ends."""
        return self._spans[-1].end_us if self._spans else None

    @property
    def total_us(self) -> int:
        """The summed length of all members, in microseconds."""
        return sum([end - start for start, end in self._spans])

    def __iter__(self) -> Iterator[Span]:
        return iter(self._spans)

    def __len__(self) -> int:
        return len(self._spans)

    def __bool__(self) -> bool:
        return bool(self._spans)

    def __contains__(self, instant_us: int) -> bool:
        return any(start <= instant_us < end for start, end in self._spans)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SpanSet) and self._spans == other._spans

    def __hash__(self) -> int:
        return hash(self._spans)

    def __repr__(self) -> str:
        return f"SpanSet({', '.join(repr(tuple(span)) for span in self)})"


def _reaching(spans: tuple[Span, ...], other: Span) -> int:
    """The first of canonical spans that may reach into ``other`` or lies behind where it starts."""
    return max(bisect_right(spans, (other[0],)) - 1, 0)


def _canonical(ordered: Iterable[tuple[int, int]]) -> list[Span]:
    found: list[Span] = []
    open_start: int | None = None
    open_end = 0
    for start, end in ordered:
        if end < start:
            raise ValueError(f"a span ends before it starts: [{start}, {end})")
        if start == end:
            continue
        if open_start is None:
            open_start, open_end = start, end
        elif start <= open_end:
            open_end = max(open_end, end)
        else:
            found.append(_new(Span, (open_start, open_end)))
            open_start, open_end = start, end
    if open_start is not None:
        found.append(_new(Span, (open_start, open_end)))
    return found


_NOTHING = SpanSet()
