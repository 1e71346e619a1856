"""The three-valued verdict on one camera's day.

``NON_COMPLIANT`` where an absence is known, ``UNVERIFIED`` where anything is not known, ``COMPLIANT`` only where every
expected instant is covered (invariant I1).
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from config.base.clock import from_datetime, to_datetime
from config.base.timespan import Span, SpanSet
from server.domain.coverage import Certainty, Coverage, Evidence, Gap, Limits, cover_days


class Status(StrEnum):
    """What is said of a day."""

    COMPLIANT = "COMPLIANT"
    NON_COMPLIANT = "NON_COMPLIANT"
    UNVERIFIED = "UNVERIFIED"


class DayVerdict(NamedTuple):
    """A verdict with all that it rests on; ``expected_us`` leaves out what was still in flight."""

    status: Status
    final: bool
    expected_us: int
    covered_us: int
    assessed_us: int
    coverage: Coverage

    @property
    def gaps(self) -> tuple[Gap, ...]:
        return self.coverage.gaps


def day_span(day: date, timezone: str) -> Span:
    """The site's own day, 23 to 25 hours long where summer time begins or ends (invariant I5)."""
    zone = ZoneInfo(timezone)
    start, end = (
        from_datetime(datetime.combine(on, time(), zone).astimezone(UTC)) for on in (day, day + timedelta(days=1))
    )
    return Span(start, end)


def day_of(instant_us: int, timezone: str) -> date:
    """The site's own date at an instant."""
    return to_datetime(instant_us).astimezone(ZoneInfo(timezone)).date()


class Waits(NamedTuple):
    """What is waited for and how long: what is under way, what may come late, what a challenge has to prove."""

    in_flight_us: int
    backfill_us: int
    proving_us: int = 0


def judge_day(
    day: Span,
    activated_us: int,
    retired_us: int | None,
    evidence: Evidence,
    now_us: int,
    in_flight_us: int,
    backfill_us: int,
    proving_us: int = 0,
) -> DayVerdict:
    """The verdict on ``day`` for a camera in service over ``[activated_us, retired_us)``, as of ``now_us``."""
    return judge_days(
        [day], activated_us, retired_us, evidence, now_us, Waits(in_flight_us, backfill_us, proving_us)
    )[0]  # fmt: skip


def judge_days(
    days: Sequence[Span], activated_us: int, retired_us: int | None, evidence: Evidence, now_us: int, waits: Waits
) -> list[DayVerdict]:
    """The verdict on each of ``days``, which come in order: exactly ``judge_day`` of each, for little more than one."""
    in_service = SpanSet.of((activated_us, max(activated_us, retired_us if retired_us is not None else now_us)))
    final_days = [day for day in days if now_us >= day.end_us + waits.backfill_us]
    found: list[DayVerdict] = []
    for some, final in ((final_days, True), (days[len(final_days) :], False)):
        if some:
            windows = [Span(day.start_us, max(day.start_us, min(day.end_us, now_us))) for day in some]
            parts = in_service.cut(windows)
            limits = Limits(now_us, waits.in_flight_us, final, waits.proving_us)
            covers = cover_days(in_service & SpanSet(windows), windows, evidence, limits)
            found += [_verdict(part, coverage, limits) for part, coverage in zip(parts, covers, strict=True)]
    return found


def _verdict(expected: SpanSet, coverage: Coverage, limits: Limits) -> DayVerdict:
    due = expected - coverage.in_flight
    return DayVerdict(
        _status(due, coverage), limits.final, due.total_us, coverage.covered.total_us, limits.now_us, coverage
    )


def _status(due: SpanSet, coverage: Coverage) -> Status:
    if any(gap.certainty is Certainty.MISSING for gap in coverage.gaps):
        return Status.NON_COMPLIANT
    if coverage.gaps or not due or coverage.covered != due:
        return Status.UNVERIFIED
    return Status.COMPLIANT
