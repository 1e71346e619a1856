"""What the staff mark during a day: who was fetched, and which room is dark. One tap each, for everybody at once.

Invariant (I6): a mark ends looks at the next question, which comes four times a second; it stays until somebody of the facility
takes it back. Rows are ended, never removed (I4).
"""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import InvalidInput, NotFound
from server.domain.authorisation import Action
from server.domain.weekly_hours import day_of
from server.domain.zones import FORBIDDEN_KINDS
from server.services.people.operators import site_for
from server.services.people.steady_time import SteadyTime
from storage.database import leases
from storage.database.models import Blanking, Child, ClassGroup, PickUp, Site, Zone
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

WHY = ("nap", "changing", "other")


@dataclass(frozen=True)
class RoomToday:
    """A zone that cameras may look into."""

    zone_id: str
    name: str
    dark_since_us: int | None
    why: str


@dataclass(frozen=True)
class ChildToday:
    """A child by its pseudonym."""

    child_id: str
    fetched: bool


@dataclass(frozen=True)
class SiteToday:
    """What the staff's page of the day shows; ``classes``: name → children."""

    site_id: str
    name: str
    timezone: str
    now_us: int
    rooms: tuple[RoomToday, ...]
    classes: tuple[tuple[str, tuple[ChildToday, ...]], ...]


class DayMarks:
    """Raises NotFound for a site out of reach and PermissionDenied for who may not mark its day, everywhere."""

    def __init__(self, database: Database, clock: Clock, time: SteadyTime) -> None:
        self._database = database
        self._clock = clock
        self._time = time

    def today(self, person: Scope, site_id: str) -> SiteToday:
        """Rooms and children as they are marked now."""
        now_us = self._time.now_us()
        with self._database.reading() as session:
            site = site_for(session, person, site_id, Action.DAY_READ)
            dark = {
                row.zone_id: row
                for row in session.scalars(
                    select(Blanking).where(Blanking.site_id == site.id, Blanking.lifted_us.is_(None))
                )
            }
            zones = session.scalars(select(Zone).where(Zone.site_id == site.id).order_by(Zone.id))
            rooms = tuple(
                RoomToday(
                    zone.id,
                    zone.name,
                    dark[zone.id].since_us if zone.id in dark else None,
                    dark[zone.id].why if zone.id in dark else "",
                )
                for zone in zones
                if zone.kind not in FORBIDDEN_KINDS
            )
            return SiteToday(site.id, site.name, site.timezone, now_us, rooms, _classes(session, site, now_us))

    def blank(self, person: Scope, site_id: str, zone_id: str, why: str) -> None:
        """A room goes dark; one that is dark already stays so."""
        if why not in WHY:
            raise InvalidInput(f"say why: {', '.join(WHY)}", code="bad_reason")
        with self._database.unit_of_work() as session:
            site = site_for(session, person, site_id, Action.DAY_MARK)
            if session.get(Zone, (site.id, zone_id), with_for_update=True) is None:
                raise NotFound("no such room", code="no_zone")
            if not _dark(session, site.id, zone_id):
                session.add(
                    Blanking(
                        site_id=site.id,
                        zone_id=zone_id,
                        why=why,
                        since_us=self._clock.utc_us(),
                        by=person.account_name,
                    )
                )

    def lift(self, person: Scope, site_id: str, zone_id: str) -> None:
        """A room is to be seen again."""
        with self._database.unit_of_work() as session:
            site = site_for(session, person, site_id, Action.DAY_MARK)
            for row in _dark(session, site.id, zone_id):
                row.lifted_us, row.lifted_by = self._clock.utc_us(), person.account_name

    def fetched(self, person: Scope, site_id: str, child_id: str) -> None:
        """A child was picked up: until the site's next day nobody looks in for it."""
        now_us = self._time.now_us()
        with self._database.unit_of_work() as session:
            site = site_for(session, person, site_id, Action.DAY_MARK)
            if session.get(Child, (site.id, child_id)) is None:
                raise NotFound("no such child", code="no_such_person")
            day = day_of(now_us, ZoneInfo(site.timezone))
            session.add(PickUp(site_id=site.id, child_id=child_id, day=day, at_us=now_us, by=person.account_name))

    def came_back(self, person: Scope, site_id: str, child_id: str) -> None:
        """The child is here again, or the tap was a mistake."""
        now_us = self._time.now_us()
        with self._database.unit_of_work() as session:
            site = site_for(session, person, site_id, Action.DAY_MARK)
            today = day_of(now_us, ZoneInfo(site.timezone))
            query = select(PickUp).where(
                PickUp.site_id == site.id,
                PickUp.child_id == child_id,
                PickUp.day >= today,
                PickUp.undone_us.is_(None),
            )
            for row in session.scalars(query):
                row.undone_us, row.undone_by = self._clock.utc_us(), person.account_name


def _dark(session: Session, site_id: str, zone_id: str) -> list[Blanking]:
    query = select(Blanking).where(
        Blanking.site_id == site_id, Blanking.zone_id == zone_id, Blanking.lifted_us.is_(None)
    )
    return list(session.scalars(query))


def _classes(session: Session, site: Site, now_us: int) -> tuple[tuple[str, tuple[ChildToday, ...]], ...]:
    today = day_of(now_us, ZoneInfo(site.timezone))
    children: dict[str, list[str]] = {}
    for child in session.scalars(select(Child).where(Child.site_id == site.id).order_by(Child.id)):
        children.setdefault(child.class_id, []).append(child.id)
    days = leases.pick_up_days(session, {(site.id, one) for some in children.values() for one in some})
    groups = session.scalars(select(ClassGroup).where(ClassGroup.site_id == site.id).order_by(ClassGroup.id))
    return tuple(
        (
            group.name,
            tuple(ChildToday(one, days.get((site.id, one), "") >= today) for one in children.get(group.id, ())),
        )
        for group in groups
    )
