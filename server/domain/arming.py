"""When an alarm partition was armed, disarmed, or nobody knows: from the panel's own words. Pure.

Invariant I1: a partition counts as armed only from a word of its panel on that says so, until its next word, and only
while the panel was heard; before its first word and while it was silent nothing is known, whatever it said before.
Of two words of one instant that contradict each other nobody knows which came last: until the next one nothing is known.
Source: 托育机构管理规范(试行) art. 32, armed 24 hours: instant points (panic, tamper, perimeter) every minute, interior
partitions by their hours. A disarm within the hours in which it should be armed is time that was not armed.
"""

from collections.abc import Sequence
from typing import NamedTuple

from config.base.timespan import Span, SpanSet


class Word(NamedTuple):
    """The panel said at ``at_us`` that the partition is armed, or is not."""

    at_us: int
    armed: bool


class Armed(NamedTuple):
    """Every required instant is in exactly one of the three."""

    armed: SpanSet
    disarmed: SpanSet
    unknown: SpanSet


def armed_of(required: SpanSet, words: Sequence[Word], heard: SpanSet) -> Armed:
    """Classifies what is required; ``words`` in any order, the last one before the window among them."""
    end_us = required.until_us or 0
    said: dict[bool, list[tuple[int, int]]] = {True: [], False: []}
    in_order = sorted(set(words))
    for place, word in enumerate(in_order):
        until_us = in_order[place + 1].at_us if place + 1 < len(in_order) else end_us
        contradicted = place > 0 and in_order[place - 1].at_us == word.at_us
        if word.at_us < until_us and not contradicted:
            said[word.armed].append((word.at_us, until_us))
    known = required & heard
    armed, disarmed = known & SpanSet(said[True]), known & SpanSet(said[False])
    return Armed(armed, disarmed, required - armed - disarmed)


class Supervision(NamedTuple):
    """An agent's word on a panel: not heard for ``for_us`` (``silent``), or heard again."""

    at_us: int
    silent: bool
    for_us: int = 0


def silences_of(window: Span, words: Sequence[Supervision]) -> SpanSet:
    """Where an agent says that it did not hear a panel; what goes on goes on to the window's end."""
    silent: list[tuple[int, int]] = []
    in_order = sorted(words)
    for place, word in enumerate(in_order):
        if word.silent:
            until_us = in_order[place + 1].at_us if place + 1 < len(in_order) else window.end_us
            silent.append((word.at_us - word.for_us, max(word.at_us, until_us)))
    return SpanSet(silent).clip(window.start_us, window.end_us)


def longest_us(spans: SpanSet) -> int:
    """The longest unbroken stretch; 0 where there is none."""
    return max((span.duration_us for span in spans), default=0)
