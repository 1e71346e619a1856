"""A site's days at a glance: what the entries in force say of each camera's day.

Made from the history of verdicts and from nothing else: what the record says, not what is true at this moment; a day
without an entry is missing here. Everything goes through the person's scope (I7).
"""

from dataclasses import dataclass
from datetime import date, timedelta

import msgspec

from config.base.clock import Clock
from config.base.errors import InvalidInput, NotFound
from config.base.ids import is_slug
from server.domain.verdict import day_of
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
    """The days of one camera of which there is an entry, in order.

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
            today = day_of(self.clock.utc_us(), site.timezone)
            last = last_day or today
            first = last - timedelta(days=days - 1)
            told = windows.calendar_of(session, [camera.id for camera in cameras], first.isoformat(), last.isoformat())
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
                        [CalendarDay(*row) for row in told.get(camera.id, [])],
                        *(_on(at_us, site.timezone) for at_us in (camera.activated_us, camera.retired_us)),
                    )
                    for camera in cameras
                ],
                today=today.isoformat(),
            )


def _on(at_us: int | None, zone: str) -> str | None:
    return day_of(at_us, zone).isoformat() if at_us is not None else None
