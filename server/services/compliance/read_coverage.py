"""What each camera of a site had over some days, as far as the record says: entries of final days, evidence of the others.

Invariant I1: a final entry whose day is to be judged again does not stand; one whose gaps and figures do not add up, and a day that nobody has judged while its evidence was
still there, are unknown and never covered.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy.orm import Session

from config.base.timespan import Span, SpanSet
from server.domain.coverage import Cause, Certainty
from server.domain.verdict import DayVerdict, day_span
from server.domain.zone_coverage import View
from server.services.coverage.assess_day import Assessor
from storage.database import verdicts, windows
from storage.database.models import Camera, Site

LIVE_DAYS_MAX = 8
"""Older days without an entry are not judged from what is left of them: it may have been deleted on its day."""
PICTURE = "picture_"


@dataclass
class CameraTime:
    """One camera over a window: its view, and of what it recorded where the picture was no good or not examined."""

    in_service: SpanSet = field(default_factory=SpanSet)
    covered: SpanSet = field(default_factory=SpanSet)
    unknown: SpanSet = field(default_factory=SpanSet)
    in_flight: SpanSet = field(default_factory=SpanSet)
    spoiled: SpanSet = field(default_factory=SpanSet)
    unexamined: SpanSet = field(default_factory=SpanSet)
    final: bool = True

    @property
    def view(self) -> View:
        return View(self.in_service, self.covered, self.unknown, self.in_flight)

    def take(self, other: "CameraTime") -> None:
        """Adds another day."""
        for name in ("in_service", "covered", "unknown", "in_flight", "spoiled", "unexamined"):
            setattr(self, name, getattr(self, name) | getattr(other, name))
        self.final = self.final and other.final


def read_cameras(
    session: Session, assessor: Assessor, site: Site, cameras: Sequence[Camera], days: Sequence[date], now_us: int
) -> dict[str, CameraTime]:
    """Camera → what it had over ``days``, which ascend; nothing of them that is still to come."""
    found = {camera.id: CameraTime() for camera in cameras}
    if not days:
        return found
    first, last = days[0].isoformat(), days[-1].isoformat()
    known = windows.verdicts_of(session, [camera.id for camera in cameras], first, last)
    final = {(camera_id, row.day): row for camera_id, rows in known.items() for row in rows if row.final}
    live: dict[tuple[date, ...], list[Camera]] = defaultdict(list)
    for camera in cameras:
        open_days: list[date] = []
        again: list[date] = []
        for day in days:
            service = in_service(camera, _window(day, site.timezone, now_us))
            row = final.get((camera.id, day.isoformat()))
            if row is not None and not is_due([camera], row.day):
                found[camera.id].take(_of_entry(row, service))
            elif service:
                (open_days if row is None else again).append(day)
        too_old = open_days[: max(0, len(open_days) - LIVE_DAYS_MAX)]
        for day in too_old:
            service = in_service(camera, _window(day, site.timezone, now_us))
            found[camera.id].take(CameraTime(in_service=service, unknown=service, final=False))
        if open_days or again:
            live[tuple(sorted([*again, *open_days[len(too_old) :]]))].append(camera)
    for days_open, together in live.items():
        for camera_id, judged in assessor.judge_days(session, site, together, days_open, now_us).items():
            camera = next(one for one in together if one.id == camera_id)
            for day, verdict in zip(days_open, judged, strict=True):
                window = _window(day, site.timezone, now_us)
                found[camera_id].take(_of_verdict(verdict, in_service(camera, window), window))
    return found


def is_due(cameras: Sequence[Camera], period: str) -> bool:
    """Whether a day of the period, or one before it, is to be judged, or judged again: its final entry does not stand."""
    return any(
        camera.assess_from_day is not None and camera.assess_from_day[: len(period)] <= period for camera in cameras
    )


def in_service(camera: Camera, window: Span) -> SpanSet:
    """The part of a window in which something is expected of a camera."""
    if camera.activated_us is None:
        return SpanSet()
    end_us = window.end_us if camera.retired_us is None else min(window.end_us, camera.retired_us)
    return SpanSet.of(window).clip(camera.activated_us, max(camera.activated_us, end_us))


def _window(day: date, timezone: str, now_us: int) -> Span:
    span = day_span(day, timezone)
    return Span(span.start_us, max(span.start_us, min(span.end_us, now_us)))


def _of_entry(row: windows.InForce, service: SpanSet) -> CameraTime:
    gaps = verdicts.decode_gaps(row.gaps)
    end_us = service.until_us or 0
    parts: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for start_us, stop_us, cause, certainty in gaps:
        span = (start_us, stop_us if stop_us is not None else max(start_us, end_us))
        parts[certainty].append(span)
        if cause == Cause.PICTURE_UNEXAMINED:
            parts["unexamined"].append(span)
        elif cause.startswith(PICTURE):
            parts["spoiled"].append(span)
    missing = service & SpanSet(parts[Certainty.MISSING])
    unknown = service & SpanSet(parts[Certainty.UNVERIFIED])
    covered = service - missing - unknown
    if covered.total_us != row.covered_us:
        # What the entry counts and what its gaps leave differ: a camera's service was moved since it was written.
        return CameraTime(in_service=service, unknown=service - missing)
    spoiled, unexamined = (service & SpanSet(parts[name]) for name in ("spoiled", "unexamined"))
    return CameraTime(service, covered, unknown, spoiled=spoiled, unexamined=unexamined)


def _of_verdict(verdict: DayVerdict, service: SpanSet, window: Span) -> CameraTime:
    gaps = [(Span(gap.start_us, gap.end_us if gap.end_us is not None else window.end_us), gap) for gap in verdict.gaps]
    unexamined = SpanSet(span for span, gap in gaps if gap.cause is Cause.PICTURE_UNEXAMINED)
    spoiled = SpanSet(span for span, gap in gaps if gap.cause.startswith(PICTURE)) - unexamined
    return CameraTime(
        in_service=service,
        covered=verdict.coverage.covered,
        unknown=SpanSet(span for span, gap in gaps if gap.certainty is Certainty.UNVERIFIED),
        in_flight=verdict.coverage.in_flight,
        spoiled=spoiled,
        unexamined=unexamined,
        final=verdict.final,
    )
