"""What the public is told of a site's coverage: the last months, from camera-days alone. Pure.

Invariant (I1): a finished day in service without an entry counts as a day of which nothing was covered, and makes its month
unverified at best; so does one that is not final while nobody judges the site. A month without a camera in service is unverified.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from config.base.clock import US_PER_DAY
from server.domain.month import MONTHS, days_of
from server.domain.verdict import Status


@dataclass(frozen=True)
class Entries:
    """The entries in force of a month that are of one status; ``final``: and their days are not to be judged again."""

    status: Status
    final: bool
    days: int
    expected_us: int
    covered_us: int


@dataclass(frozen=True)
class MonthTold:
    """``first``: of the month; ``final``: nothing of it can change any more; times are camera time.

    ``missing_days``: camera-days without an entry.
    """

    first: date
    status: Status
    final: bool
    expected_us: int
    covered_us: int
    missing_days: int


def last_months(today: date) -> tuple[date, ...]:
    """The first days of the running month and of the eleven before, the newest first."""
    months = [today.year * MONTHS + today.month - 1 - back for back in range(MONTHS)]
    return tuple(date(number // MONTHS, number % MONTHS + 1, 1) for number in months)


def as_far_as_known(entries: Iterable[Entries], *, late: bool) -> list[Entries]:
    """``late``: nobody judges the site now. What is not final is not known then, and counts with whole days."""
    return [
        replace(
            one,
            status=one.status if one.status is Status.NON_COMPLIANT else Status.UNVERIFIED,
            expected_us=max(one.expected_us, one.days * US_PER_DAY),
        )
        if late and not one.final
        else one
        for one in entries
    ]


def month_told(first: date, today: date, service: Sequence[tuple[date, date]], entries: Iterable[Entries]) -> MonthTold:
    """``service``: of each camera its first and last day, both included; only days before ``today`` count."""
    end_of_month = days_of(first.year, first.month)[-1]
    last = min(end_of_month, today - timedelta(days=1))
    wanted = sum(max(0, (min(end, last) - max(begin, first)).days + 1) for begin, end in service)
    told = list(entries)
    missing = max(0, wanted - sum(one.days for one in told))
    if any(one.status is Status.NON_COMPLIANT for one in told):
        status = Status.NON_COMPLIANT
    elif wanted and not missing and all(one.status is Status.COMPLIANT for one in told):
        status = Status.COMPLIANT
    else:
        status = Status.UNVERIFIED
    return MonthTold(
        first,
        status,
        end_of_month < today and bool(wanted) and not missing and all(one.final for one in told),
        sum(one.expected_us for one in told) + missing * US_PER_DAY,
        sum(one.covered_us for one in told),
        missing,
    )


def by_month(rows: Iterable[tuple[str, str, bool, int, int, int]]) -> Mapping[str, list[Entries]]:
    """``rows``: (month YYYY-MM, status, final, days, expected, covered)."""
    found: dict[str, list[Entries]] = {}
    for month, status, final, days, expected_us, covered_us in rows:
        found.setdefault(month, []).append(Entries(Status(status), final, days, expected_us, covered_us))
    return found
