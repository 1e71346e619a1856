"""The interval algebra equals a brute-force bitmap over random histories."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from config.base.timespan import Span, SpanSet

LENGTH = 64
spans = st.lists(
    st.tuples(st.integers(0, LENGTH), st.integers(0, LENGTH)).map(lambda pair: (min(pair), max(pair))), max_size=12
)


def bitmap(raw: list[tuple[int, int]]) -> set[int]:
    return {instant for start, end in raw for instant in range(start, end)}


def instants(found: SpanSet) -> set[int]:
    return bitmap([tuple(span) for span in found])


def assert_canonical(found: SpanSet) -> None:
    listed = list(found)
    assert all(isinstance(span, Span) and span.start_us < span.end_us for span in listed)
    assert all(before.end_us < after.start_us for before, after in itertools.pairwise(listed))


@given(spans, spans)
def test_operations_equal_the_bitmap(left: list[tuple[int, int]], right: list[tuple[int, int]]) -> None:
    a, b = SpanSet(left), SpanSet(right)
    for found, wanted in (
        (a | b, bitmap(left) | bitmap(right)),
        (a & b, bitmap(left) & bitmap(right)),
        (a - b, bitmap(left) - bitmap(right)),
    ):
        assert_canonical(found)
        assert instants(found) == wanted
        assert found.total_us == len(wanted)
        assert found == SpanSet((instant, instant + 1) for instant in wanted)
        assert bool(found) == bool(wanted)


@given(spans, st.integers(0, LENGTH), st.integers(0, LENGTH))
def test_clip_and_membership(raw: list[tuple[int, int]], start: int, end: int) -> None:
    a = SpanSet(raw)
    assert instants(a.clip(start, end)) == {i for i in bitmap(raw) if start <= i < end}
    assert {i for i in range(LENGTH) if i in a} == bitmap(raw)


@given(spans)
def test_equal_sets_have_equal_hashes(raw: list[tuple[int, int]]) -> None:
    assert SpanSet(raw) == SpanSet(list(reversed(raw)))
    assert hash(SpanSet(raw)) == hash(SpanSet(list(reversed(raw))))
