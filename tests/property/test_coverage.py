"""Random histories are read second by second as the rules say; many days at once are judged as each by itself."""

import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from config.base.timespan import SpanSet
from server.domain.coverage import Limits, cover
from server.domain.verdict import judge_day, judge_days
from tests.support import clock_histories, histories

seeds = st.integers(0, 2**48)
IN_THE_SUITE = 1_500
"""Beside the drawn ones, always the same: a fault that slips through a few hundred is found by these."""


@settings(max_examples=300, deadline=None)
@given(seeds)
def test_every_instant_is_read_as_the_rules_say(seed: int) -> None:
    history = histories.draw(random.Random(seed))
    assert not histories.disagreement(history), history


def test_so_are_the_instants_of_histories_that_never_change() -> None:
    for seed in range(IN_THE_SUITE):
        assert not histories.disagreement(histories.draw(random.Random(seed))), seed


@settings(max_examples=300, deadline=None)
@given(seeds)
def test_a_clock_is_believed_where_a_comparison_vouches_for_it(seed: int) -> None:
    assert not clock_histories.disagreement(clock_histories.draw(random.Random(seed)))


@settings(max_examples=300, deadline=None)
@given(seeds)
def test_days_together_are_judged_exactly_as_each_by_itself(seed: int) -> None:
    history = histories.draw(random.Random(seed))
    evidence, now_us = histories.evidence_of(history), histories.now_us_of(history)
    service, waits = histories.service_of(history), histories.waits_of(history)
    together = judge_days(history.spans, *service, evidence, now_us, waits)
    assert together == [
        judge_day(day, *service, evidence, now_us, waits.in_flight_us, waits.backfill_us, waits.proving_us)
        for day in history.spans
    ]


@settings(max_examples=200, deadline=None)
@given(seeds)
def test_what_is_known_of_other_days_changes_nothing(seed: int) -> None:
    """Spans that do not reach into a day may be left out, where the end of the last claim is told."""
    history = histories.draw(random.Random(seed))
    evidence, now_us = histories.evidence_of(history), histories.now_us_of(history)
    service, waits = histories.service_of(history), histories.waits_of(history)
    for day in history.spans:
        ends = {key: max((span.end_us for span in spans), default=0) for key, spans in evidence.claimed.items()}
        narrowed = replace(
            evidence,
            claimed={key: spans & SpanSet.of(day) for key, spans in evidence.claimed.items()},
            secured={key: spans & SpanSet.of(day) for key, spans in evidence.secured.items()},
            timelines={
                key: replace(timeline, claimed_until_us=ends.get(key, 0))
                for key, timeline in evidence.timelines.items()
            },
        )
        [of_day] = judge_days([day], *service, narrowed, now_us, waits)
        assert [of_day] == judge_days([day], *service, evidence, now_us, waits)


@settings(max_examples=200, deadline=None)
@given(seeds)
def test_what_is_not_secured_is_never_covered(seed: int) -> None:
    history = histories.draw(random.Random(seed))
    evidence = histories.evidence_of(history)
    secured = SpanSet(span for spans in evidence.secured.values() for span in spans)
    now_us = histories.now_us_of(history)
    found = cover(SpanSet.of((0, now_us)), evidence, Limits(now_us, 0))
    assert not found.covered - secured
    assert not found.covered & found.in_flight
