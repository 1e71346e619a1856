"""The facts that a look is judged by, read for many looks at once. Nothing is decided here.

Every query is bounded by the sessions and cameras that were asked about.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_
from sqlalchemy.orm import Session

from storage.database.models import (
    Account,
    AccountSite,
    Blanking,
    Camera,
    CameraZone,
    Child,
    ClassGroup,
    ClassZone,
    ConsentRow,
    Guardian,
    GuardianAccount,
    GuardianChild,
    LeaseRow,
    LoginSession,
    PickUp,
    Site,
    SiteLive,
    Staff,
    Zone,
)

Key = tuple[str, str]
"""(site, id within it)"""
AT_ONCE = 400
Item = TypeVar("Item")


@dataclass(frozen=True)
class SeenCamera:
    """A camera in service with its site and all that it sees; an unknown zone has the kind ``""``."""

    camera: Camera
    site: Site
    zones: dict[str, str]
    """Zone → kind."""


@dataclass(frozen=True)
class HeldLease:
    """A lease whose guardian is still one of the child, with the child's class of now."""

    row: LeaseRow
    account_name: str
    approved: bool
    class_id: str


@dataclass
class Consents:
    """Who has to say yes and who has, within some classes of some sites."""

    wanted: dict[Key, set[Key]] = field(default_factory=lambda: defaultdict(set))
    """(site, class) → (guardian, child)."""
    orphans: dict[Key, int] = field(default_factory=dict)
    """(site, class) → children of whom no guardian is known."""
    staff: dict[str, set[Key]] = field(default_factory=lambda: defaultdict(set))
    """site → (staff, "")."""
    given: dict[str, set[Key]] = field(default_factory=lambda: defaultdict(set))
    """site → (guardian, child) and (staff, "") whose consent to the text of today stands."""


def holders(session: Session, digests: Collection[str]) -> dict[str, tuple[Account, LoginSession]]:
    """By digest of the session's token."""
    found: dict[str, tuple[Account, LoginSession]] = {}
    for some in chunks(digests):
        query = select(LoginSession, Account).join(Account, Account.name == LoginSession.account_name)
        for login, account in session.execute(query.where(LoginSession.token_sha256.in_(some))):
            found[login.token_sha256] = (account, login)
    return found


def cameras(session: Session, which: ColumnElement[bool]) -> list[SeenCamera]:
    """The cameras in service that ``which`` names, by id, each with every zone that it sees."""
    rows = session.execute(
        select(Camera, Site, Zone.kind)
        .join(Site, Site.id == Camera.site_id)
        .outerjoin(Zone, and_(Zone.site_id == Camera.site_id, Zone.id == Camera.zone_id))
        .where(which, Camera.retired_us.is_(None))
        .order_by(Camera.id)
    ).all()
    found = {camera.id: SeenCamera(camera, site, {camera.zone_id: kind or ""}) for camera, site, kind in rows}
    for some in list(chunks(found)) or [()]:  # asked for none too: what is not there takes as long as what is
        besides = (
            select(CameraZone.camera_id, CameraZone.zone_id, Zone.kind)
            .outerjoin(Zone, and_(Zone.site_id == CameraZone.site_id, Zone.id == CameraZone.zone_id))
            .where(CameraZone.camera_id.in_(some))
        )
        for camera_id, zone_id, kind in session.execute(besides):
            found[camera_id].zones[zone_id] = kind or ""
    return list(found.values())


def by_ids(session: Session, camera_ids: Collection[str]) -> dict[str, SeenCamera]:
    """The same, by id."""
    return {seen.camera.id: seen for some in chunks(camera_ids) for seen in cameras(session, Camera.id.in_(some))}


def sites_of(session: Session, names: Collection[str]) -> set[Key]:
    """(account, site) of the accounts that were given sites."""
    return {
        (row.account_name, row.site_id)
        for some in chunks(names)
        for row in session.scalars(select(AccountSite).where(AccountSite.account_name.in_(some)))
    }


def held_leases(session: Session, names: Collection[str]) -> dict[str, list[HeldLease]]:
    """By account. A bond or a child that the register no longer has takes its leases along."""
    found: dict[str, list[HeldLease]] = defaultdict(list)
    for some in chunks(names):
        query = (
            select(LeaseRow, GuardianAccount, Child.class_id)
            .join(
                GuardianAccount,
                and_(GuardianAccount.site_id == LeaseRow.site_id, GuardianAccount.guardian_id == LeaseRow.guardian_id),
            )
            .join(
                GuardianChild,
                and_(
                    GuardianChild.site_id == LeaseRow.site_id,
                    GuardianChild.guardian_id == LeaseRow.guardian_id,
                    GuardianChild.child_id == LeaseRow.child_id,
                ),
            )
            .join(Child, and_(Child.site_id == LeaseRow.site_id, Child.id == LeaseRow.child_id))
            .where(GuardianAccount.account_name.in_(some))
            .order_by(LeaseRow.id)
        )
        for row, bond, class_id in session.execute(query):
            found[bond.account_name].append(HeldLease(row, bond.account_name, bond.approved_us is not None, class_id))
    return found


def rooms(session: Session, site_ids: Collection[str]) -> dict[Key, frozenset[str]]:
    """(site, class) → the zones that the class is in."""
    found: dict[Key, set[str]] = {}
    for some in chunks(site_ids):
        for one in session.scalars(select(ClassGroup).where(ClassGroup.site_id.in_(some))):
            found[one.site_id, one.id] = {one.zone_id} if one.zone_id else set()
        for more in session.scalars(select(ClassZone).where(ClassZone.site_id.in_(some))):
            found.setdefault((more.site_id, more.class_id), set()).add(more.zone_id)
    return {key: frozenset(zones) for key, zones in found.items()}


def pick_up_days(session: Session, children: Collection[Key]) -> dict[Key, str]:
    """(site, child) → the last day on which it was fetched and did not come back."""
    found: dict[Key, str] = {}
    for some in chunks(children):
        query = (
            select(PickUp.site_id, PickUp.child_id, func.max(PickUp.day))
            .where(tuple_(PickUp.site_id, PickUp.child_id).in_(some), PickUp.undone_us.is_(None))
            .group_by(PickUp.site_id, PickUp.child_id)
        )
        found |= {(site_id, child_id): day for site_id, child_id, day in session.execute(query)}
    return found


def blanked(session: Session, site_ids: Collection[str]) -> set[Key]:
    """(site, zone) that are dark now."""
    query = select(Blanking.site_id, Blanking.zone_id).where(Blanking.lifted_us.is_(None))
    return {
        (site_id, zone_id)
        for some in chunks(site_ids)
        for site_id, zone_id in session.execute(query.where(Blanking.site_id.in_(some)))
    }


def blanking_changes(session: Session, site_ids: Collection[str]) -> dict[str, int]:
    """Site → when somebody last made a room dark or let it be seen again."""
    last = func.max(func.coalesce(Blanking.lifted_us, Blanking.since_us))
    query = select(Blanking.site_id, last).group_by(Blanking.site_id)
    found: dict[str, int] = {}
    for some in chunks(site_ids):
        found |= dict(session.execute(query.where(Blanking.site_id.in_(some))).all())
    return found


def live_choices(session: Session, site_ids: Collection[str]) -> dict[str, SiteLive]:
    """What the facilities chose."""
    return {
        row.site_id: row
        for some in chunks(site_ids)
        for row in session.scalars(select(SiteLive).where(SiteLive.site_id.in_(some)))
    }


def consents(session: Session, days: dict[str, str], purpose: str, version: int) -> Consents:
    """For the sites in ``days``, each with its own date of today: whose word is needed, and whose stands."""
    found = Consents()
    for some in chunks(days):
        bonds = (
            select(Child.site_id, Child.class_id, Child.id, GuardianChild.guardian_id)
            .outerjoin(GuardianChild, and_(GuardianChild.site_id == Child.site_id, GuardianChild.child_id == Child.id))
            .where(Child.site_id.in_(some))
        )
        for site_id, class_id, child_id, guardian_id in session.execute(bonds):
            if not guardian_id:  # an outer join
                found.orphans[site_id, class_id] = found.orphans.get((site_id, class_id), 0) + 1
            else:
                found.wanted[site_id, class_id].add((guardian_id, child_id))
        for member in session.scalars(select(Staff).where(Staff.site_id.in_(some))):
            if member.left_on is None or member.left_on >= days[member.site_id]:
                found.staff[member.site_id].add((member.id, ""))
        standing = select(ConsentRow).where(
            ConsentRow.site_id.in_(some),
            ConsentRow.purpose == purpose,
            ConsentRow.version == version,
            ConsentRow.withdrawn_us.is_(None),
        )
        for row in session.scalars(standing):
            pair = (row.staff_id, "") if row.staff_id else (row.guardian_id, row.child_id)
            found.given[row.site_id].add(pair)
    return found


def guardians_of(session: Session, account_name: str) -> list[GuardianAccount]:
    """Whose account this is."""
    query = select(GuardianAccount).join(
        Guardian,
        and_(Guardian.site_id == GuardianAccount.site_id, Guardian.id == GuardianAccount.guardian_id),
    )
    return list(session.scalars(query.where(GuardianAccount.account_name == account_name)))


def guardian_accounts(session: Session, names: Collection[str]) -> list[Account]:
    """Those of them that are guardians' and not locked."""
    query = select(Account).where(Account.role == "guardian", Account.locked_us.is_(None))
    return [account for some in chunks(names) for account in session.scalars(query.where(Account.name.in_(some)))]


def cameras_in_zones(session: Session, zones: Collection[Key]) -> list[SeenCamera]:
    """The cameras in service that look into some zones, by id."""
    found: dict[str, SeenCamera] = {}
    for some in chunks(zones):
        linked = select(CameraZone.camera_id).where(tuple_(CameraZone.site_id, CameraZone.zone_id).in_(some))
        own = tuple_(Camera.site_id, Camera.zone_id).in_(some)
        found |= {seen.camera.id: seen for seen in cameras(session, or_(own, Camera.id.in_(linked)))}
    return [found[camera_id] for camera_id in sorted(found)]


def chunks(items: Iterable[Item]) -> Iterable[Sequence[Item]]:
    """As many at once as a statement may name."""
    listed = list(items)
    for at in range(0, len(listed), AT_ONCE):
        yield listed[at : at + AT_ONCE]
