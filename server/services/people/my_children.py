"""What a guardian's start page tells: each child with its room, what stands, and what is still to be done. Reads, decides nothing."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.roles import Role
from server.domain.consents import CURRENT, LIVE_VIEW
from server.services.people.leases import LeaseDesk, Look
from storage.database import leases
from storage.database.models import Child, ClassGroup, ConsentRow, GuardianAccount, GuardianChild, LeaseRow, Site
from storage.database.scope import Scope
from storage.database.unit_of_work import Database


@dataclass(frozen=True)
class ChildView:
    """One child of a guardian's. ``hours`` empty: no lease runs. ``looks``: its rooms, live or why not."""

    site_id: str
    site_name: str
    timezone: str
    child_id: str
    class_name: str
    approved: bool
    consented: bool
    hours: str
    until_us: int | None
    looks: tuple[Look, ...]


class ChildrenReader:
    """Thread-safe."""

    def __init__(self, database: Database, desk: LeaseDesk, clock: Clock) -> None:
        self._database = database
        self._desk = desk
        self._clock = clock

    def of(self, person: Scope) -> list[ChildView]:
        """Every child of the guardian's, also where nothing can be seen yet."""
        if person.role != Role.GUARDIAN:
            return []
        now_us = self._clock.utc_us()
        looks = self._desk.cameras_for(person, now_us)
        with self._database.reading() as session:
            return [
                _child(session, bond, child, name, looks, now_us)
                for bond in leases.guardians_of(session, person.account_name)
                for child, name in _children(session, bond)
            ]


def _children(session: Session, bond: GuardianAccount) -> list[tuple[Child, str]]:
    query = (
        select(Child, ClassGroup.name)
        .join(GuardianChild, (GuardianChild.site_id == Child.site_id) & (GuardianChild.child_id == Child.id))
        .outerjoin(ClassGroup, (ClassGroup.site_id == Child.site_id) & (ClassGroup.id == Child.class_id))
        .where(GuardianChild.site_id == bond.site_id, GuardianChild.guardian_id == bond.guardian_id)
        .order_by(Child.id)
    )
    return [(child, name or "") for child, name in session.execute(query)]


def _child(
    session: Session, bond: GuardianAccount, child: Child, class_name: str, looks: list[Look], now_us: int
) -> ChildView:
    site = session.get_one(Site, bond.site_id)
    mine = (LeaseRow.guardian_id == bond.guardian_id, LeaseRow.child_id == child.id, LeaseRow.site_id == site.id)
    lease = session.scalars(
        select(LeaseRow).where(*mine, LeaseRow.revoked_us.is_(None), LeaseRow.until_us > now_us).limit(1)
    ).first()
    said = select(ConsentRow.id).where(
        ConsentRow.site_id == site.id,
        ConsentRow.purpose == LIVE_VIEW,
        ConsentRow.guardian_id == bond.guardian_id,
        ConsentRow.child_id == child.id,
        ConsentRow.version == CURRENT[LIVE_VIEW].version,
        ConsentRow.withdrawn_us.is_(None),
    )
    return ChildView(
        site_id=site.id,
        site_name=site.name,
        timezone=site.timezone,
        child_id=child.id,
        class_name=class_name,
        approved=bond.approved_us is not None,
        consented=session.scalar(said.limit(1)) is not None,
        hours=lease.hours if lease is not None else "",
        until_us=lease.until_us if lease is not None else None,
        looks=tuple(one for one in looks if one.site_id == site.id and child.id in one.child_ids),
    )
