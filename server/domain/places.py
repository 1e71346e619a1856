"""What a camera saw and what a place was, instant by instant: the register's word as it stood then. Pure.

Invariant I1: a place that is assigned to a camera later was not seen by it before. Where nobody had said yet what a camera
sees, its footage covers no place for certain, and may cover any: unknown, never covered by assumption.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from config.base.timespan import Span, SpanSet
from server.domain.zone_coverage import View


@dataclass(frozen=True)
class Held:
    """Something held from ``from_us`` until ``until_us``; None: it holds still."""

    from_us: int
    until_us: int | None = None

    def within(self, window: Span) -> Span:
        """Its part of a window; empty where they do not meet."""
        start_us = min(max(self.from_us, window.start_us), window.end_us)
        end_us = window.end_us if self.until_us is None else min(self.until_us, window.end_us)
        return Span(start_us, max(start_us, end_us))


@dataclass(frozen=True)
class PlaceWord:
    """What the register said of a place: ``required`` None is 'as the pack says of its kind'."""

    kind: str
    required: bool | None
    held: Held


@dataclass(frozen=True)
class Part:
    """A place for the time that one thing was said of it; ``kind`` None where nothing had been said yet."""

    kind: str | None
    required: bool | None
    span: SpanSet


def spans_of(held: Iterable[Held], window: Span) -> SpanSet:
    """Where any of these held within a window."""
    return SpanSet(span for each in held for span in [each.within(window)] if span.duration_us)


def unsaid_of(held: Iterable[Held], window: Span) -> SpanSet:
    """The part of a window before the first word; all of it where there is none."""
    if window.start_us >= window.end_us:
        return SpanSet()
    first_us = min((each.from_us for each in held), default=window.end_us)
    return SpanSet.of(window).clip(window.start_us, min(max(first_us, window.start_us), window.end_us))


def seen_through(view: View, sees: SpanSet, unsaid: SpanSet) -> View:
    """A camera's view of one place that it is known to see in ``sees``; in ``unsaid`` nobody knows what it saw."""
    may = sees | unsaid
    return View(
        in_service=view.in_service & may,
        covered=view.covered & sees,
        unknown=(view.unknown & may) | (view.covered & unsaid),
        in_flight=view.in_flight & may,
    )


def parts_of(words: Iterable[PlaceWord], window: Span) -> list[Part]:
    """A place over a window by what was said of it, the first first; never empty, and together all of the window."""
    told = sorted(words, key=lambda word: word.held.from_us)
    found: dict[tuple[str | None, bool | None], list[Span]] = defaultdict(list)
    unsaid = unsaid_of((word.held for word in told), window)
    if unsaid or not told:
        found[None, None] += unsaid
    for word in told:
        span = word.held.within(window)
        if span.duration_us:
            found[word.kind, word.required].append(span)
    if not found:
        found[told[-1].kind, told[-1].required] = []
    return [Part(kind, required, SpanSet(spans)) for (kind, required), spans in found.items()]
