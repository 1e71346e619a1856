"""However gaps come, grow, merge and go: what is settled has a case, and asking again changes nothing."""

from hypothesis import given, settings
from hypothesis import strategies as st

from config.base.timespan import Span, SpanSet
from server.domain.coverage import Cause, Certainty, Gap
from server.domain.docket import OPEN, Case, Closed, Moved, Opened, Seen, Status, follow

HOUR = 3_600_000_000
CAUSES = (Cause.AGENT_OFFLINE, Cause.OBJECT_MISSING)
Spans = list[tuple[int, int]]
spans = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 6)), max_size=6)
rounds = st.lists(st.tuples(spans, spans, st.booleans()), min_size=1, max_size=8)


def _gaps(first: Spans, second: Spans, now_us: int) -> list[Gap]:
    found: list[Gap] = []
    taken = SpanSet()
    for cause, drawn in zip(CAUSES, (first, second), strict=True):
        where = SpanSet((start * HOUR, (start + length) * HOUR) for start, length in drawn).clip(0, now_us) - taken
        taken |= where
        found += [Gap(s, e if e < now_us else None, cause, Certainty.MISSING) for s, e in where]
    return sorted(found)


def _apply(cases: list[Case], changes: list, numbers: list[int]) -> list[Case]:
    held = {case.case_id: case for case in cases}
    for change in changes:
        if isinstance(change, Opened):
            numbers[0] += 1
            held[numbers[0]] = Case(numbers[0], change.cause, change.start_us, change.end_us, change.missing_us,
                                    Status.UNEXPLAINED)  # fmt: skip
        elif isinstance(change, Moved):
            old = held[change.case_id]
            held[old.case_id] = Case(
                old.case_id, old.cause, change.start_us, change.end_us, change.missing_us, old.status
            )
        else:
            old = held[change.case_id]
            held[old.case_id] = Case(old.case_id, old.cause, old.start_us, old.end_us, old.missing_us, Status.CLOSED)
            assert isinstance(change, Closed)
    return list(held.values())


@settings(max_examples=150, deadline=None)
@given(rounds)
def test_no_missing_time_is_without_a_case(told: list[tuple[Spans, Spans, bool]]) -> None:
    cases: list[Case] = []
    numbers, now_us = [0], 20 * HOUR
    for first, second, sign_off in told:
        now_us += HOUR
        seen, window = Seen(_gaps(first, second, now_us)), Span(0, now_us)
        cases = _apply(cases, follow(cases, seen, window, now_us), numbers)
        assert follow(cases, seen, window, now_us) == []
        for cause in CAUSES:
            missing = SpanSet((g.start_us, g.end_us or now_us) for g in seen.gaps if g.cause == cause)
            mine = [case for case in cases if case.cause == cause]
            lying = [case for case in mine if case.status in OPEN]
            signed = [(c, SpanSet.of((c.start_us, c.until_us(now_us)))) for c in mine if c.status is Status.SIGNED_OFF]
            settled = SpanSet(s for c, hull in signed for s in hull if (missing & hull).total_us <= c.missing_us)
            hulls = SpanSet((c.start_us, c.until_us(now_us)) for c in lying)
            assert not missing - settled - hulls
            assert sum(case.missing_us for case in lying) == (missing - settled).total_us
        if sign_off:
            cases = [
                Case(c.case_id, c.cause, c.start_us, c.end_us, c.missing_us, Status.SIGNED_OFF)
                if c.status in OPEN and c.end_us is not None else c
                for c in cases
            ]  # fmt: skip
