"""A site's month in figures, from its camera-days' entries in force. Pure.

Invariant (I1): a day of which there is no entry is unverified and never left out, and a share is rounded down where it is
shown. Planned maintenance is not covered; it has its own line among the causes.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from server.domain.verdict import Status

MONTHS = 12
GAPS_LISTED = 30


class GapTold(NamedTuple):
    """A gap of one day; ``end_us`` None where it is open at the entry's time."""

    start_us: int
    end_us: int | None
    cause: str


@dataclass(frozen=True)
class CameraDay:
    """What the entry in force says of a camera's day; times in microseconds."""

    day: date
    status: Status
    final: bool
    expected_us: int
    covered_us: int
    assessed_us: int
    gaps: tuple[GapTold, ...] = ()


@dataclass(frozen=True)
class CameraMonth:
    """``days``: a status for every day that the camera was in service, None for others."""

    camera_id: str
    days: tuple[Status | None, ...]
    expected_us: int
    covered_us: int
    longest_us: int


@dataclass(frozen=True)
class CauseTotal:
    """How often and how long a cause stood, over all cameras."""

    cause: str
    gaps: int
    total_us: int
    longest_us: int


@dataclass(frozen=True)
class GapOf:
    """A gap with its camera."""

    camera_id: str
    start_us: int
    end_us: int
    cause: str

    @property
    def length_us(self) -> int:
        return self.end_us - self.start_us


class DayTold(NamedTuple):
    """All cameras of a day: camera time that is not covered, and whether every camera in service was verified."""

    missing_us: int
    verified: bool


@dataclass(frozen=True)
class SiteMonth:
    """``status``: of the whole month; ``final``: every day that counts is. ``worst``: the camera with the least share."""

    days: tuple[date, ...]
    daily: tuple[DayTold, ...]
    cameras: tuple[CameraMonth, ...]
    status: Status
    final: bool
    expected_us: int
    covered_us: int
    worst: CameraMonth | None
    causes: tuple[CauseTotal, ...]
    longest: tuple[GapOf, ...]
    gaps: int

    def count(self, status: Status) -> int:
        """Camera-days of a status."""
        return sum(day is status for camera in self.cameras for day in camera.days)


def days_of(year: int, month: int) -> tuple[date, ...]:
    """Every day of a month."""
    first = date(year, month, 1)
    beyond = date(year + month // MONTHS, month % MONTHS + 1, 1)
    return tuple(first + timedelta(days=number) for number in range((beyond - first).days))


def summarise(
    days: Sequence[date], service: Mapping[str, tuple[date, date]], told: Mapping[str, Iterable[CameraDay]]
) -> SiteMonth:
    """``service``: camera → its first and last day in service, both included; ``told``: its entries within ``days``.

    A day in service without an entry is unverified; a month without a camera is.
    """
    cameras, gaps, final = [], [], True
    missing_us = dict.fromkeys(days, 0)
    for camera_id, (first, last) in sorted(service.items()):
        known = {entry.day: entry for entry in told.get(camera_id, ())}
        here = [known.get(day) if first <= day <= last else None for day in days]
        in_service = [first <= day <= last for day in days]
        found = joined(camera_id, (entry for entry in here if entry is not None))
        gaps += found
        for entry in here:
            if entry is not None:
                missing_us[entry.day] += entry.expected_us - entry.covered_us
        final = final and all(
            entry.final if entry else not serves for entry, serves in zip(here, in_service, strict=True)
        )
        cameras.append(
            CameraMonth(
                camera_id,
                tuple(
                    (entry.status if entry else Status.UNVERIFIED) if serves else None
                    for entry, serves in zip(here, in_service, strict=True)
                ),
                sum(entry.expected_us for entry in here if entry),
                sum(entry.covered_us for entry in here if entry),
                max((gap.length_us for gap in found), default=0),
            )
        )
    return SiteMonth(
        days=tuple(days),
        daily=tuple(
            DayTold(missing_us[day], all(camera.days[number] is not Status.UNVERIFIED for camera in cameras))
            for number, day in enumerate(days)
        ),
        cameras=tuple(cameras),
        status=_whole({status for camera in cameras for status in camera.days if status is not None}),
        final=final and bool(cameras),
        expected_us=sum(camera.expected_us for camera in cameras),
        covered_us=sum(camera.covered_us for camera in cameras),
        worst=min(
            (camera for camera in cameras if camera.expected_us),
            key=lambda camera: camera.covered_us / camera.expected_us,
            default=None,
        ),
        causes=cause_totals(gaps),
        longest=tuple(sorted(gaps, key=lambda gap: (-gap.length_us, gap.camera_id, gap.start_us))[:GAPS_LISTED]),
        gaps=len(gaps),
    )


def _whole(statuses: set[Status]) -> Status:
    if Status.NON_COMPLIANT in statuses:
        return Status.NON_COMPLIANT
    return Status.COMPLIANT if statuses == {Status.COMPLIANT} else Status.UNVERIFIED


def joined(camera_id: str, entries: Iterable[CameraDay]) -> list[GapOf]:
    """The gaps of a camera; one that goes on over midnight with its cause is one gap."""
    found: list[GapOf] = []
    for entry in entries:
        for start_us, end_us, cause in entry.gaps:
            end = end_us if end_us is not None else max(start_us, entry.assessed_us)
            if found and found[-1].end_us == start_us and found[-1].cause == cause:
                found[-1] = GapOf(camera_id, found[-1].start_us, end, cause)
            else:
                found.append(GapOf(camera_id, start_us, end, cause))
    return found


def cause_totals(gaps: Iterable[GapOf]) -> tuple[CauseTotal, ...]:
    lengths: dict[str, list[int]] = defaultdict(list)
    for gap in gaps:
        lengths[gap.cause].append(gap.length_us)
    totals = (CauseTotal(cause, len(all_us), sum(all_us), max(all_us)) for cause, all_us in lengths.items())
    return tuple(sorted(totals, key=lambda total: (-total.total_us, total.cause)))
