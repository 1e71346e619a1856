"""Planned maintenance changes what a gap is put down to, and nothing else: not how long it is, not how sure, no verdict."""

import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from config.base.timespan import SpanSet
from server.domain.coverage import PUT_DOWN_TO_MAINTENANCE, Cause, Gap
from server.domain.verdict import judge_days
from tests.support import histories


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**48))
def test_maintenance_changes_causes_alone(seed: int) -> None:
    chance = random.Random(seed)
    history = histories.draw(chance)
    evidence, now_us = histories.evidence_of(history), histories.now_us_of(history)
    service, waits = histories.service_of(history), histories.waits_of(history)
    starts = [chance.randrange(now_us + 1) for _ in range(3)]
    planned = SpanSet((start, start + chance.randrange(now_us // 4 + 2)) for start in starts)
    before = judge_days(history.spans, *service, evidence, now_us, waits)
    after = judge_days(history.spans, *service, replace(evidence, maintenance=planned), now_us, waits)
    for plain, declared in zip(before, after, strict=True):
        assert (plain.status, plain.expected_us, plain.covered_us) == (
            declared.status,
            declared.expected_us,
            declared.covered_us,
        )
        assert plain.coverage.covered == declared.coverage.covered
        assert plain.coverage.in_flight == declared.coverage.in_flight
        assert _recaused(plain.gaps, planned, now_us) == _by_cause(declared.gaps, now_us)


def _by_cause(gaps: tuple[Gap, ...], now_us: int) -> dict[tuple[str, str], SpanSet]:
    found: dict[tuple[str, str], SpanSet] = {}
    for gap in gaps:
        key = (gap.cause, gap.certainty)
        found[key] = found.get(key, SpanSet()) | SpanSet.of((gap.start_us, gap.end_us or now_us))
    return {key: spans for key, spans in found.items() if spans}


def _recaused(gaps: tuple[Gap, ...], planned: SpanSet, now_us: int) -> dict[tuple[str, str], SpanSet]:
    found: dict[tuple[str, str], SpanSet] = {}
    for (cause, certainty), spans in _by_cause(gaps, now_us).items():
        put_down = spans & planned if cause in PUT_DOWN_TO_MAINTENANCE else SpanSet()
        for name, part in ((Cause.PLANNED_MAINTENANCE, put_down), (cause, spans - put_down)):
            if part:
                found[name, certainty] = found.get((name, certainty), SpanSet()) | part
    return found
