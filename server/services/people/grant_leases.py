"""Leases as the facility grants and ends them, and the mode and hours that it chose for live viewing.

Invariant: a lease only ever ends; a change of hours is a new lease beside an ended one, so that what stood on any day can be
read later (I4).
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, Clock
from config.base.errors import InvalidInput, NotFound
from config.base.ids import fresh_id
from server.domain.authorisation import Action
from server.domain.weekly_hours import parse
from server.services.people import on_record
from server.services.people.operators import site_for
from storage.database.models import GuardianChild, LeaseRow, SiteLive
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

DEFAULT_HOURS = "mon-fri 09:00-11:00; mon-fri 15:00-17:00"
LEASE_US = 366 * US_PER_DAY
CHOICES = ("off", "consented", "forbidden")


class LeaseOffice:
    """Raises NotFound for a site out of reach and PermissionDenied for who may not manage people, everywhere."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def choose(self, person: Scope, site_id: str, mode: str, hours: str) -> None:
        """The facility's own choice; what the rule book forbids or demands stands above it. Ends nothing that may go on."""
        if mode not in CHOICES:
            raise InvalidInput(f"choose one of {', '.join(CHOICES)}", code="bad_mode")
        hours = hours.strip().lower() or DEFAULT_HOURS
        parse(hours)
        with self._database.unit_of_work() as session:
            site = site_for(session, person, site_id, Action.PEOPLE_MANAGE)
            row = session.get(SiteLive, site.id)
            if row is None:
                row = SiteLive(site_id=site.id)
                session.add(row)
            row.mode, row.hours = mode, hours
            row.changed_us, row.changed_by = self._clock.utc_us(), person.account_name

    def change_hours(self, person: Scope, site_id: str, guardian_id: str, hours: str) -> None:
        """Ends the guardian's leases and grants new ones with these hours."""
        parse(hours)
        now_us = self._clock.utc_us()
        with self._database.unit_of_work() as session:
            site = site_for(session, person, site_id, Action.PEOPLE_MANAGE)
            ended = _end(session, site.id, guardian_id, person.account_name, now_us)
            grant_all(session, site.id, guardian_id, person.account_name, now_us, hours.strip().lower())
            about = "lease_hours" if ended else "lease_granted"
            on_record.tell(session, site.id, guardian_id, about, now_us)

    def revoke(self, person: Scope, site_id: str, guardian_id: str) -> None:
        """Ends all leases of a guardian, at once."""
        now_us = self._clock.utc_us()
        with self._database.unit_of_work() as session:
            site = site_for(session, person, site_id, Action.PEOPLE_MANAGE)
            if not _end(session, site.id, guardian_id, person.account_name, now_us):
                raise NotFound("this guardian has no lease that could end", code="no_lease")
            on_record.tell(session, site.id, guardian_id, "lease_ended", now_us)


def grant_all(session: Session, site_id: str, guardian_id: str, by: str, now_us: int, hours: str | None = None) -> int:
    """A lease on each child's rooms, where none runs; how many that makes."""
    chosen = session.get(SiteLive, site_id)
    wanted = hours or (chosen.hours if chosen is not None and chosen.hours else DEFAULT_HOURS)
    running = set(
        session.scalars(
            select(LeaseRow.child_id).where(
                LeaseRow.site_id == site_id,
                LeaseRow.guardian_id == guardian_id,
                LeaseRow.revoked_us.is_(None),
                LeaseRow.until_us > now_us,
            )
        )
    )
    children = session.scalars(
        select(GuardianChild.child_id).where(GuardianChild.site_id == site_id, GuardianChild.guardian_id == guardian_id)
    )
    missing = sorted(set(children) - running)
    for child_id in missing:
        row = LeaseRow(
            id=fresh_id(),
            site_id=site_id,
            guardian_id=guardian_id,
            child_id=child_id,
            hours=wanted,
            start_us=now_us,
            until_us=now_us + LEASE_US,
            granted_us=now_us,
            granted_by=by,
        )
        session.add(row)
        on_record.lease(session, row, "granted", by, now_us)
    return len(missing)


def _end(session: Session, site_id: str, guardian_id: str, by: str, now_us: int) -> int:
    """Ends the leases that run; one that has come to its end by itself stays as it was."""
    query = select(LeaseRow).where(
        LeaseRow.site_id == site_id,
        LeaseRow.guardian_id == guardian_id,
        LeaseRow.revoked_us.is_(None),
        LeaseRow.until_us > now_us,
    )
    rows = session.scalars(query.with_for_update()).all()
    for row in rows:
        row.revoked_us, row.revoked_by = now_us, by
        on_record.lease(session, row, "ended", by, now_us)
    session.flush()
    return len(rows)
