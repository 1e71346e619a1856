"""The three-valued verdict on one camera's day.

``NON_COMPLIANT`` where an absence is known, ``UNVERIFIED`` where anything is not known, ``COMPLIANT`` only where every
expected instant is covered (invariant I1).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from config.base.clock import from_datetime, to_datetime
from config.base.timespan import Span, SpanSet
from server.domain.coverage import Certainty, Coverage, Evidence, Gap, Limits, cover


class Status(StrEnum):
    """What is said of a day."""

    COMPLIANT = "COMPLIANT"
    NON_COMPLIANT = "NON_COMPLIANT"
    UNVERIFIED = "UNVERIFIED"


@dataclass(frozen=True)
class DayVerdict:
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
    final = now_us >= day.end_us + backfill_us
    in_service = SpanSet.of((activated_us, max(activated_us, retired_us if retired_us is not None else now_us)))
    expected = in_service.clip(day.start_us, min(day.end_us, now_us))
    coverage = cover(expected, evidence, Limits(now_us, in_flight_us, final, proving_us))
    due = expected - coverage.in_flight
    return DayVerdict(_status(due, coverage), final, due.total_us, coverage.covered.total_us, now_us, coverage)


def _status(due: SpanSet, coverage: Coverage) -> Status:
    if any(gap.certainty is Certainty.MISSING for gap in coverage.gaps):
        return Status.NON_COMPLIANT
    if coverage.gaps or not due or coverage.covered & due != due:
        return Status.UNVERIFIED
    return Status.COMPLIANT
