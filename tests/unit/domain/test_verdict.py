"""Three values, the site's own day, and what each of them rests on."""

from datetime import date

import pytest

from config.base.clock import US_PER_DAY, US_PER_S
from config.base.timespan import Span, SpanSet
from server.domain.coverage import Cause, Certainty, ConditionChange, Evidence, Gap, Timeline
from server.domain.verdict import Status, day_of, day_span, judge_day

HOUR = 3_600 * US_PER_S
DAY = Span(0, US_PER_DAY)
WHOLE = SpanSet.of(DAY)


def judge(evidence: Evidence, now_us: int, *, activated_us: int = 0, retired_us: int | None = None):
    return judge_day(DAY, activated_us, retired_us, evidence, now_us, in_flight_us=150 * US_PER_S, backfill_us=HOUR)


def secured(spans: SpanSet, **more) -> Evidence:
    fields = {
        "claimed": {"t": spans},
        "secured": {"t": spans},
        "timelines": {"t": Timeline(running=WHOLE, trusted=WHOLE)},
        "agent_alive": True,
        "current_timeline": "t",
    }
    return Evidence(**(fields | more))


def test_compliant_only_when_every_instant_is_covered() -> None:
    verdict = judge(secured(WHOLE, settled_until_us=US_PER_DAY), US_PER_DAY + HOUR)
    assert (verdict.status, verdict.final, verdict.covered_us) == (Status.COMPLIANT, True, US_PER_DAY)


def test_one_missing_microsecond_is_not_compliant() -> None:
    spans = WHOLE - SpanSet.of((HOUR, HOUR + 1))
    said = [ConditionChange(0, "recording", "t")]
    verdict = judge(secured(spans, settled_until_us=US_PER_DAY, conditions=said), US_PER_DAY)
    assert verdict.status is Status.NON_COMPLIANT
    assert verdict.gaps == (Gap(HOUR, HOUR + 1, Cause.UNEXPLAINED, Certainty.MISSING),)


def test_silence_is_unverified_and_never_the_last_known_good() -> None:
    spans = SpanSet.of((0, 10 * HOUR))
    silent = judge(secured(spans, settled_until_us=10 * HOUR, agent_alive=False), 11 * HOUR)
    assert silent.status is Status.UNVERIFIED
    assert silent.gaps == (Gap(10 * HOUR, None, Cause.AGENT_OFFLINE, Certainty.UNVERIFIED),)


def test_silence_stays_unverified_even_when_final() -> None:
    spans = SpanSet.of((0, 10 * HOUR))
    verdict = judge(secured(spans, settled_until_us=10 * HOUR, agent_alive=False), US_PER_DAY + 2 * HOUR)
    assert (verdict.status, verdict.final) == (Status.UNVERIFIED, True)


def test_nothing_known_is_unverified() -> None:
    assert judge(Evidence(), 5 * HOUR).status is Status.UNVERIFIED
    assert judge(Evidence(), 5 * HOUR, activated_us=5 * HOUR).status is Status.UNVERIFIED


def test_what_is_in_flight_is_neither_covered_nor_a_gap() -> None:
    now_us = 10 * HOUR
    spans = SpanSet.of((0, now_us - 60 * US_PER_S))
    verdict = judge(secured(spans, settled_until_us=now_us - 60 * US_PER_S), now_us)
    assert verdict.status is Status.COMPLIANT
    assert verdict.gaps == ()
    assert verdict.expected_us == verdict.covered_us == now_us - 60 * US_PER_S


def test_what_was_in_flight_too_long_is_a_gap() -> None:
    now_us = 10 * HOUR
    spans = SpanSet.of((0, now_us - 200 * US_PER_S))
    verdict = judge(secured(spans, settled_until_us=now_us - 200 * US_PER_S), now_us)
    assert verdict.status is Status.UNVERIFIED
    assert verdict.gaps[0].cause is Cause.MANIFEST_PENDING


def test_claimed_but_never_uploaded_is_pending_then_missing() -> None:
    spans = SpanSet.of((0, 5 * HOUR))
    evidence = secured(spans, claimed={"t": WHOLE}, settled_until_us=US_PER_DAY)
    provisional, final = judge(evidence, US_PER_DAY), judge(evidence, US_PER_DAY + HOUR)
    assert (provisional.status, provisional.gaps[0].cause) == (Status.UNVERIFIED, Cause.UPLOAD_PENDING)
    assert (final.status, final.gaps[0].cause) == (Status.NON_COMPLIANT, Cause.UPLOAD_MISSING)


def test_footage_of_an_untrusted_clock_does_not_count() -> None:
    evidence = secured(WHOLE, timelines={"t": Timeline(WHOLE, SpanSet())}, settled_until_us=US_PER_DAY)
    verdict = judge(evidence, US_PER_DAY)
    assert (verdict.covered_us, verdict.status) == (0, Status.UNVERIFIED)
    assert verdict.gaps[0].cause is Cause.CLOCK_ERROR


def test_trust_of_one_timeline_does_not_lend_itself_to_another() -> None:
    timelines = {"wrong": Timeline(WHOLE, SpanSet()), "right": Timeline(WHOLE, WHOLE)}
    evidence = Evidence(secured={"wrong": WHOLE}, timelines=timelines, settled_until_us=US_PER_DAY)
    assert judge(evidence, US_PER_DAY).covered_us == 0


def test_an_open_gap_has_the_cause_that_a_live_agent_gives() -> None:
    gone_us, now_us = 10 * HOUR, 10 * HOUR + 20 * US_PER_S
    changes = [ConditionChange(0, "recording", "t"), ConditionChange(gone_us, "unreachable", "t")]
    evidence = secured(SpanSet.of((0, gone_us)), conditions=changes, settled_until_us=now_us - 5 * US_PER_S)
    verdict = judge(evidence, now_us)
    assert verdict.status is Status.NON_COMPLIANT
    assert verdict.gaps == (Gap(gone_us, None, Cause.CAMERA_UNREACHABLE, Certainty.MISSING),)


def test_what_a_killed_agent_had_not_kept_and_the_time_it_took_to_start_are_its_absence() -> None:
    killed_us, back_us, now_us = 10 * HOUR, 11 * HOUR, 12 * HOUR
    recorded = {"t": SpanSet.of((0, killed_us - 2)), "u": SpanSet.of((back_us + 9, now_us))}
    evidence = Evidence(
        claimed=recorded,
        secured=recorded,
        timelines={
            "t": Timeline(SpanSet.of((0, killed_us)), WHOLE, ended=True),
            "u": Timeline(SpanSet.of((back_us, now_us)), WHOLE),
        },
        conditions=[
            ConditionChange(0, "recording", "t"),
            ConditionChange(back_us + 2, "starting", "u"),
            ConditionChange(back_us + 9, "recording", "u"),
        ],
        settled_until_us=now_us,
        agent_alive=True,
    )
    assert judge(evidence, now_us).gaps == (Gap(killed_us - 2, back_us + 9, Cause.AGENT_OFFLINE, Certainty.MISSING),)


def test_a_clock_that_was_ahead_does_not_hide_what_the_agent_says_now() -> None:
    gone_us, now_us = 10 * HOUR, 10 * HOUR + 20 * US_PER_S
    changes = [
        ConditionChange(0, "recording", "t"),
        ConditionChange(gone_us, "unreachable", "t"),
        ConditionChange(gone_us + HOUR, "recording", "ahead"),
    ]
    evidence = secured(SpanSet.of((0, gone_us)), conditions=changes, settled_until_us=gone_us)
    assert judge(evidence, now_us).gaps == (Gap(gone_us, None, Cause.CAMERA_UNREACHABLE, Certainty.MISSING),)


def test_only_the_time_in_service_is_expected() -> None:
    verdict = judge(secured(WHOLE), 20 * HOUR, activated_us=2 * HOUR, retired_us=3 * HOUR)
    assert (verdict.expected_us, verdict.covered_us) == (HOUR, HOUR)
    planned = judge(secured(WHOLE), 4 * HOUR, activated_us=2 * HOUR, retired_us=20 * HOUR)
    assert (planned.expected_us, planned.covered_us) == (2 * HOUR, 2 * HOUR)


@pytest.mark.parametrize(
    ("day", "timezone", "hours"),
    [
        (date(2026, 11, 21), "Asia/Shanghai", 24),
        (date(2026, 3, 29), "Europe/Berlin", 23),
        (date(2026, 10, 25), "Europe/Berlin", 25),
    ],
)
def test_a_day_is_the_sites_own(day: date, timezone: str, hours: int) -> None:
    span = day_span(day, timezone)
    assert span.duration_us == hours * HOUR
    assert day_of(span.start_us, timezone) == day
    assert day_of(span.end_us - 1, timezone) == day
    assert day_of(span.end_us, timezone) != day
