"""The classification of a camera's time equals a second-by-second reading of the rules over random histories.

The oracle below looks at one instant at a time and knows nothing of spans.
"""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from config.base.timespan import SpanSet
from server.domain.coverage import (
    CAUSE_OF_CONDITION,
    Cause,
    Certainty,
    ConditionChange,
    Evidence,
    Limits,
    Timeline,
    cover,
)
from server.domain.soundness import PRECEDENCE, Moment, PictureFinding

NOW = 60
PENDING = (Cause.UPLOAD_PENDING, Cause.MANIFEST_PENDING)


def span_sets(limit: int = NOW) -> st.SearchStrategy[SpanSet]:
    pair = st.tuples(st.integers(0, limit), st.integers(0, limit)).map(lambda p: (min(p), max(p)))
    return st.lists(pair, max_size=5).map(SpanSet)


conditions = st.lists(
    st.tuples(st.integers(0, NOW), st.sampled_from(["recording", *CAUSE_OF_CONDITION]), st.sampled_from("ab")),
    max_size=6,
    unique_by=lambda change: change[0],
).map(lambda changes: [ConditionChange(*change) for change in sorted(changes)])

moments = st.builds(
    Moment,
    at_us=st.integers(0, NOW),
    timeline_id=st.sampled_from("abx"),
    heard_us=st.integers(0, 3),
    trusted=st.booleans(),
    started_us=st.integers(0, NOW),
)
findings = st.lists(
    st.builds(PictureFinding, name=st.sampled_from(PRECEDENCE), since=moments, until=st.none() | moments), max_size=3
)

evidences = st.builds(
    Evidence,
    findings=findings,
    claimed=st.dictionaries(st.sampled_from("ab"), span_sets(NOW + 10)),
    secured=st.dictionaries(st.sampled_from("abc"), span_sets(NOW + 10)),
    refused=st.dictionaries(st.sampled_from([Cause.OBJECT_MISSING, Cause.OBJECT_CORRUPT]), span_sets()),
    evicted=span_sets(),
    timelines=st.dictionaries(
        st.sampled_from("ab"),
        st.builds(
            Timeline,
            running=span_sets(),
            trusted=span_sets(NOW + 20),
            ended=st.booleans(),
            heard_us=st.integers(0, 3),
            stored=st.booleans(),
        ),
    ),
    conditions=conditions,
    settled_until_us=st.integers(0, NOW + 5),
    agent_alive=st.booleans(),
    current_timeline=st.sampled_from("ab"),
)


def settled_cause(at: int, evidence: Evidence) -> Cause:
    """Why nobody claims an instant of which all is known that ever will be."""
    causes: list[Cause] = []
    ran = False
    for key, timeline in evidence.timelines.items():
        if at not in timeline.running:
            continue
        ran = True
        said = [change for change in evidence.conditions if change.timeline_id == key]
        so_far = [change for change in said if change.at_us <= at]
        if not so_far:
            causes.append(Cause.AGENT_OFFLINE)
            continue
        if so_far[-1].condition in CAUSE_OF_CONDITION:
            causes.append(CAUSE_OF_CONDITION[so_far[-1].condition])
        ends = [span.end_us for span in evidence.claimed.get(key, SpanSet())]
        if timeline.ended and all(at >= end_us for end_us in ends):
            causes.append(Cause.AGENT_OFFLINE)
    if not ran:
        return Cause.AGENT_OFFLINE
    return causes[0] if causes else Cause.UNEXPLAINED


def holds(finding: PictureFinding, at: int, key: str, timeline: Timeline) -> bool:
    """Whether a finding had begun and not yet ended, at an instant as one timeline's clock tells it."""
    since, until = finding.since, finding.until
    if timeline.stored:
        begun = at >= since.at_us or not since.trusted
        return begun and not (until is not None and until.trusted and at >= until.at_us)
    if since.trusted or since.timeline_id == key:
        if at < since.at_us:
            return False
    elif timeline.heard_us < since.heard_us and (since.at_us >= since.started_us or at < since.at_us):
        return False
    if until is None:
        return True
    if until.trusted or until.timeline_id == key:
        return at < until.at_us
    return timeline.heard_us <= until.heard_us


def spoiling(at: int, evidence: Evidence) -> Cause | None:
    """What the finding that hides the most says of an instant that is secured and rightly timed."""
    names = {
        finding.name
        for key, secured in evidence.secured.items()
        if at in secured and key in evidence.timelines and at in evidence.timelines[key].trusted
        for finding in evidence.findings
        if holds(finding, at, key, evidence.timelines[key])
    }
    return next((Cause(f"picture_{name}") for name in PRECEDENCE if name in names), None)


def is_covered(at: int, evidence: Evidence) -> bool:
    """Whether somebody secured it by a clock that is right, with nothing wrong in the picture."""
    for key, secured in evidence.secured.items():
        timeline = evidence.timelines.get(key)
        if at not in secured or timeline is None or at not in timeline.trusted:
            continue
        if not any(holds(finding, at, key, timeline) for finding in evidence.findings):
            return True
    return False


def oracle(at: int, evidence: Evidence, limits: Limits) -> tuple[Cause, Certainty] | None:
    """What is to be said of one instant; None where it is covered."""
    if is_covered(at, evidence):
        return None
    spoilt = spoiling(at, evidence)
    if spoilt is not None:
        # Nobody found anything wrong with what nobody looked at.
        return spoilt, Certainty.UNVERIFIED if spoilt is Cause.PICTURE_UNEXAMINED else Certainty.MISSING
    if any(at in spans for spans in evidence.secured.values()):
        return Cause.CLOCK_ERROR, Certainty.MISSING if limits.final else Certainty.UNVERIFIED
    for cause, spans in evidence.refused.items():
        if at in spans:
            return cause, Certainty.MISSING
    if at in evidence.evicted:
        return Cause.DISK_FULL, Certainty.MISSING
    if any(at in spans for spans in evidence.claimed.values()):
        if limits.final:
            return Cause.UPLOAD_MISSING, Certainty.MISSING
        return Cause.UPLOAD_PENDING, Certainty.UNVERIFIED
    if at < evidence.settled_until_us:
        return settled_cause(at, evidence), Certainty.MISSING
    if not evidence.agent_alive:
        return Cause.AGENT_OFFLINE, Certainty.UNVERIFIED
    of_now = [change for change in evidence.conditions if change.timeline_id == evidence.current_timeline]
    latest = of_now[-1] if of_now else None
    if latest is not None and latest.at_us <= at and latest.condition in CAUSE_OF_CONDITION:
        return CAUSE_OF_CONDITION[latest.condition], Certainty.MISSING
    return Cause.MANIFEST_PENDING, Certainty.UNVERIFIED


@settings(max_examples=600, deadline=None)
@given(span_sets(), evidences, st.integers(0, NOW), st.booleans())
def test_every_instant_is_read_as_the_rules_say(
    expected: SpanSet, evidence: Evidence, in_flight_us: int, final: bool
) -> None:
    limits = Limits(NOW, in_flight_us, final)
    found = cover(expected, evidence, limits)
    gaps = {
        at: (gap.cause, gap.certainty)
        for gap in found.gaps
        for at in range(gap.start_us, NOW if gap.end_us is None else gap.end_us)
    }
    for at in range(NOW):
        if at not in expected:
            assert at not in gaps
            assert at not in found.covered
            continue
        said = oracle(at, evidence, limits)
        assert (at in found.covered) == (said is None)
        if at in found.in_flight:
            assert said is not None
            assert said[0] in PENDING
            assert evidence.agent_alive
            assert not final
        else:
            assert gaps.get(at) == said


@settings(deadline=None)
@given(span_sets(), evidences, st.integers(0, NOW), st.booleans())
def test_what_is_not_secured_is_never_covered(
    expected: SpanSet, evidence: Evidence, in_flight_us: int, final: bool
) -> None:
    found = cover(expected, evidence, Limits(NOW, in_flight_us, final))
    secured = SpanSet()
    for spans in evidence.secured.values():
        secured |= spans
    assert not found.covered - secured
    assert not found.covered & found.in_flight
    assert found.covered - expected == SpanSet()


@settings(deadline=None)
@given(span_sets(), evidences)
def test_gaps_are_in_order_apart_and_only_the_last_is_open(expected: SpanSet, evidence: Evidence) -> None:
    gaps = cover(expected, evidence, Limits(NOW, 10)).gaps
    for before, after in itertools.pairwise(gaps):
        assert before.end_us is not None
        assert before.end_us <= after.start_us
        touching = before.end_us == after.start_us
        assert not (touching and (before.cause, before.certainty) == (after.cause, after.certainty))
