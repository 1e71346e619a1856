"""A site's days at a glance: what the entries in force say of each camera's day.

A day that is to be judged anew is judged at the moment of asking, as the board does it: an entry tells of it what was true when
it was made (I1), and jobs may be down. Everything goes through the person's scope (I7).
"""

from dataclasses import dataclass
from datetime import date, timedelta

import msgspec

from config.base.clock import Clock
from config.base.errors import InvalidInput, NotFound
from config.base.ids import is_slug
from server.domain.verdict import DayVerdict, day_of
from server.services.coverage.assess_day import Assessor
from storage.database import scope as scoping
from storage.database import windows
from storage.database.unit_of_work import Database

DAYS, DAYS_MAX = 90, 400


class CalendarDay(msgspec.Struct, frozen=True, array_like=True):
    """An array [day, status, final, expected_us, covered_us, assessed_us]: a quarter of a site has 1,440 of them."""

    day: str
    status: str
    final: bool
    expected_us: int
    covered_us: int
    assessed_us: int


class CameraCalendar(msgspec.Struct, frozen=True):
    """The days of one camera that were judged, in order.

    From ``first_in_service`` to ``last_in_service`` (null: it still is) a day without an entry is not known; before and after it
    nothing is expected. Both null: it never was in service.
    """

    camera_id: str
    name: str
    days: list[CalendarDay]
    first_in_service: str | None = None
    last_in_service: str | None = None


class SiteCalendar(msgspec.Struct, frozen=True):
    """From ``first_day`` to ``last_day``, both included, by the site's own dates."""

    site_id: str
    name: str
    timezone: str
    first_day: str
    last_day: str
    cameras: list[CameraCalendar]
    today: str = ""


@dataclass(frozen=True)
class CalendarReader:
    """Reads on behalf of one person at a time."""

    database: Database
    clock: Clock
    assessor: Assessor

    def of_site(
        self, scope: scoping.Scope, site_id: str, last_day: date | None = None, days: int = DAYS
    ) -> SiteCalendar:
        """The ``days`` up to ``last_day``; up to today where none is named. Raises NotFound and InvalidInput."""
        if not 1 <= days <= DAYS_MAX:
            raise InvalidInput(f"a calendar has 1 to {DAYS_MAX} days", code="bad_days")
        if not is_slug(site_id):
            raise NotFound("no such site")
        with self.database.reading() as session:
            site = scoping.site_in_reach(session, scope, site_id)
            cameras = scoping.cameras_in_reach(session, scope, site_id)
            now_us = self.clock.utc_us()
            today = day_of(now_us, site.timezone)
            last = last_day or today
            first = last - timedelta(days=days - 1)
            told = windows.calendar_of(session, [camera.id for camera in cameras], first.isoformat(), last.isoformat())
            due = self.assessor.judge_due(session, site, cameras, first, last, now_us)
            return SiteCalendar(
                site_id=site.id,
                name=site.name,
                timezone=site.timezone,
                first_day=first.isoformat(),
                last_day=last.isoformat(),
                cameras=[
                    CameraCalendar(
                        camera.id,
                        camera.name,
                        _days(told.get(camera.id, []), due.get(camera.id, {})),
                        *(_on(at_us, site.timezone) for at_us in (camera.activated_us, camera.retired_us)),
                    )
                    for camera in cameras
                ],
                today=today.isoformat(),
            )


def _days(told: list[windows.CalendarRow], due: dict[str, DayVerdict]) -> list[CalendarDay]:
    found = {row[0]: CalendarDay(*row) for row in told}
    for day, verdict in due.items():
        figures = (verdict.expected_us, verdict.covered_us, verdict.assessed_us)
        found[day] = CalendarDay(day, verdict.status, verdict.final, *figures)
    return [found[day] for day in sorted(found)]


def _on(at_us: int | None, zone: str) -> str | None:
    return day_of(at_us, zone).isoformat() if at_us is not None else None
