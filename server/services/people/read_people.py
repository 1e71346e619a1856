"""The people of a site as its page shows them: each class with its children's guardians, what they have, and who is missing."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.domain.authorisation import Action
from server.domain.consents import CURRENT, LIVE_VIEW
from server.domain.weekly_hours import day_of
from server.services.people.leases import LeaseDesk
from server.services.people.operators import may_at_site, site_for
from server.services.people.steady_time import SteadyTime
from storage.database import leases
from storage.database.models import (
    ClassGroup,
    GuardianAccount,
    LeaseRow,
    PersonInvitation,
    Site,
    Staff,
    StaffAccount,
)
from storage.database.scope import Scope
from storage.database.unit_of_work import Database


@dataclass(frozen=True)
class GuardianView:
    """One guardian of one child. ``hours`` empty: no lease runs."""

    guardian_id: str
    child_id: str
    account_name: str
    approved: bool
    invited_until_us: int | None
    consented: bool
    hours: str
    until_us: int | None


@dataclass(frozen=True)
class StaffView:
    """A member of the staff and whether they said yes."""

    staff_id: str
    name: str
    account_name: str
    invited_until_us: int | None
    consented: bool


@dataclass(frozen=True)
class ClassView:
    """``missing``: consents that hold up the whole class; ``orphans``: children of whom no guardian is known."""

    class_id: str
    name: str
    zone_id: str | None
    guardians: tuple[GuardianView, ...]
    missing: int
    orphans: int


@dataclass(frozen=True)
class SitePeople:
    """The whole page. ``mode`` is what holds, ``chosen`` what the facility picked."""

    site_id: str
    name: str
    timezone: str
    now_us: int
    mode: str
    chosen: str
    hours: str
    classes: tuple[ClassView, ...]
    staff: tuple[StaffView, ...]
    may_manage: bool


class PeopleReader:
    """Raises NotFound for a site out of reach and PermissionDenied for who may not know its people."""

    def __init__(self, database: Database, desk: LeaseDesk, time: SteadyTime) -> None:
        self._database = database
        self._desk = desk
        self._time = time

    def of_site(self, person: Scope, site_id: str) -> SitePeople:
        """Everybody, as of now."""
        now_us = self._time.now_us()
        with self._database.reading() as session:
            site = site_for(session, person, site_id, Action.PEOPLE_READ)
            today = day_of(now_us, ZoneInfo(site.timezone))
            said = leases.consents(session, {site.id: today}, LIVE_VIEW, CURRENT[LIVE_VIEW].version)
            chosen = leases.live_choices(session, [site.id]).get(site.id)
            open_until = _open_invitations(session, site.id, now_us)
            return SitePeople(
                site_id=site.id,
                name=site.name,
                timezone=site.timezone,
                now_us=now_us,
                mode=self._desk.modes(session, [site])[site.id],
                chosen=chosen.mode if chosen else "off",
                hours=chosen.hours if chosen else "",
                classes=_classes(session, site, said, open_until, now_us),
                staff=_staff(session, site, said, open_until),
                may_manage=may_at_site(person, Action.PEOPLE_MANAGE),
            )


def _open_invitations(session: Session, site_id: str, now_us: int) -> dict[tuple[str, str], int]:
    query = select(PersonInvitation).where(
        PersonInvitation.site_id == site_id,
        PersonInvitation.used_us.is_(None),
        PersonInvitation.revoked_us.is_(None),
        PersonInvitation.expires_us > now_us,
    )
    return {(row.guardian_id, row.staff_id): row.expires_us for row in session.scalars(query)}


def _classes(
    session: Session, site: Site, said: leases.Consents, open_until: dict[tuple[str, str], int], now_us: int
) -> tuple[ClassView, ...]:
    accounts = {
        row.guardian_id: row
        for row in session.scalars(select(GuardianAccount).where(GuardianAccount.site_id == site.id))
    }
    running = {
        (row.guardian_id, row.child_id): row
        for row in session.scalars(
            select(LeaseRow).where(
                LeaseRow.site_id == site.id, LeaseRow.revoked_us.is_(None), LeaseRow.until_us > now_us
            )
        )
    }
    given = said.given.get(site.id, set())

    def one(guardian_id: str, child_id: str) -> GuardianView:
        account, lease = accounts.get(guardian_id), running.get((guardian_id, child_id))
        return GuardianView(
            guardian_id=guardian_id,
            child_id=child_id,
            account_name=account.account_name if account else "",
            approved=account is not None and account.approved_us is not None,
            invited_until_us=open_until.get((guardian_id, "")),
            consented=(guardian_id, child_id) in given,
            hours=lease.hours if lease else "",
            until_us=lease.until_us if lease else None,
        )

    found = []
    for group in session.scalars(select(ClassGroup).where(ClassGroup.site_id == site.id).order_by(ClassGroup.id)):
        pairs = sorted(said.wanted.get((site.id, group.id), ()), key=lambda pair: (pair[1], pair[0]))
        orphans = said.orphans.get((site.id, group.id), 0)
        missing = sum(pair not in given for pair in pairs) + orphans
        found.append(
            ClassView(group.id, group.name, group.zone_id, tuple(one(*pair) for pair in pairs), missing, orphans)
        )
    return tuple(found)


def _staff(
    session: Session, site: Site, said: leases.Consents, open_until: dict[tuple[str, str], int]
) -> tuple[StaffView, ...]:
    here = said.staff.get(site.id, set())
    given = said.given.get(site.id, set())
    accounts = {
        row.staff_id: row.account_name
        for row in session.scalars(select(StaffAccount).where(StaffAccount.site_id == site.id))
    }
    members = session.scalars(select(Staff).where(Staff.site_id == site.id).order_by(Staff.id))
    return tuple(
        StaffView(one.id, one.name, accounts.get(one.id, ""), open_until.get(("", one.id)), (one.id, "") in given)
        for one in members
        if (one.id, "") in here
    )
