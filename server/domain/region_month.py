"""A region's month in figures: what was missing day by day and why, and what became of rectification orders. Pure.

Invariant (I1): a camera-day of which there is no entry is unverified; its day says so. What is planned is not covered either.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import NamedTuple

from server.domain.month import CameraDay, CauseTotal, GapOf, cause_totals, joined
from server.domain.rectification import Act, Kind, standing
from server.domain.verdict import Status


class LostDay(NamedTuple):
    """The entry in force of a camera-day on which something is missing or unknown."""

    camera_id: str
    entry: CameraDay


class DayOf(NamedTuple):
    """All cameras of a region on a day; ``unverified``: camera-days."""

    missing_us: int
    unverified: int


@dataclass(frozen=True)
class OrderCounts:
    """Rectification orders: ``made`` and ``passed`` within the month; the others as they stand now."""

    made: int = 0
    passed: int = 0
    open: int = 0
    overdue: int = 0
    suspended: int = 0


@dataclass(frozen=True)
class RegionMonth:
    """``daily``: a line a day of the month; ``causes``: the longest in total first."""

    days: tuple[date, ...]
    daily: tuple[DayOf, ...]
    causes: tuple[CauseTotal, ...]


def add_up(days: Sequence[date], told: Iterable[LostDay], without_entry: Mapping[date, int]) -> RegionMonth:
    """``told``: by camera and day; ``without_entry``: camera-days in service of which there is no entry, by day."""
    missing: dict[date, int] = defaultdict(int)
    unverified: dict[date, int] = defaultdict(int, without_entry)
    gaps: list[GapOf] = []
    for camera_id, rows in groupby(told, key=lambda row: row.camera_id):
        entries = [row.entry for row in rows]
        gaps += joined(camera_id, entries)
        for entry in entries:
            missing[entry.day] += entry.expected_us - entry.covered_us
            unverified[entry.day] += entry.status is Status.UNVERIFIED
    daily = tuple(DayOf(missing[day], unverified[day]) for day in days)
    return RegionMonth(tuple(days), daily, cause_totals(gaps))


def count_orders(orders: Iterable[Sequence[tuple[Act, date]]], month: Sequence[date], today: date) -> OrderCounts:
    """``orders``: of each its acts in order, with the day on which each was done."""
    made = passed = open_now = overdue = suspended = 0
    within = (month[0], month[-1])
    for acts in orders:
        made += within[0] <= acts[0][1] <= within[1]
        passed += any(act.kind is Kind.PASSED and within[0] <= day <= within[1] for act, day in acts)
        now = standing([act for act, _ in acts], today)
        open_now += now.status != "closed"
        overdue += now.overdue
        suspended += now.suspended
    return OrderCounts(made, passed, open_now, overdue, suspended)
