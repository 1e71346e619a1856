"""Accounts of guardians and staff: only by the facility's invitation, never by open registration.

    made = desk.invite(manager, "sunflower", guardian_id="g1")   # made.link goes by message, made.code is told in person
    name = desk.accept(made.link, made.code, "lin-wei", password)
    desk.approve(manager, "sunflower", name)

Invariants: the link and the code are both needed, each is kept only as a digest, five wrong codes end the invitation, it works
once and for three days. A guardian sees nothing before the facility has looked at who accepted, and approved.
Source: OWASP ASVS 5.0, V6 (authentication), NIST SP 800-63B.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from argon2 import PasswordHasher
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, Clock
from config.base.errors import Conflict, InvalidInput, NotFound, PermissionDenied, ResourceExhausted
from config.base.ids import is_slug
from config.base.roles import Role
from server.domain.authorisation import Action
from server.services.people import on_record
from server.services.people.grant_leases import grant_all
from server.services.people.operators import site_for
from server.services.people.passwords import check_password_allowed
from storage.database.models import (
    Account,
    AccountSite,
    Guardian,
    GuardianAccount,
    LoginSession,
    PersonInvitation,
    Staff,
    StaffAccount,
)
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

INVITATION_US = 3 * US_PER_DAY
ATTEMPTS_MAX = 5
OPEN_MAX = 500
_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True)
class MadeInvite:
    """Both halves, shown once."""

    link: str
    code: str
    expires_us: int
    whose: str


class InvitationDesk:
    """Raises NotFound for a site out of reach and PermissionDenied for who may not manage people, everywhere."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def invite(self, person: Scope, site_id: str, *, guardian_id: str = "", staff_id: str = "") -> MadeInvite:
        """Leave for one person to open an account; an open one for the same person works no more."""
        link, letters = secrets.token_urlsafe(24), "".join(secrets.choice(_LETTERS) for _ in range(8))
        code, now_us = f"{letters[:4]}-{letters[4:]}", self._clock.utc_us()
        with self._database.unit_of_work() as session:
            site = site_for(session, person, site_id, Action.PEOPLE_MANAGE)
            key = guardian_id or staff_id
            known = session.get(Guardian, (site.id, key)) if guardian_id else session.get(Staff, (site.id, key))
            if not is_slug(key) or known is None:
                raise NotFound("nobody of that id is in the register", code="no_such_person")
            if _has_account(session, site.id, guardian_id, staff_id):
                told = "this person has an account: take it away first, then invite them again"
                raise Conflict(told, code="has_account")
            mine = (
                PersonInvitation.site_id == site.id,
                PersonInvitation.used_us.is_(None),
                PersonInvitation.revoked_us.is_(None),
            )
            whose = (PersonInvitation.guardian_id == guardian_id, PersonInvitation.staff_id == staff_id)
            session.execute(update(PersonInvitation).where(*mine, *whose).values(revoked_us=now_us))
            still = select(PersonInvitation.link_sha256).where(*mine, PersonInvitation.expires_us > now_us)
            if len(session.scalars(still.limit(OPEN_MAX)).all()) >= OPEN_MAX:
                raise ResourceExhausted("too many invitations of this site are open", code="too_many_codes")
            session.add(
                PersonInvitation(
                    link_sha256=_digest(link),
                    code_sha256=_digest(_plain(code)),
                    role=Role.GUARDIAN if guardian_id else Role.FACILITY_STAFF,
                    site_id=site.id,
                    guardian_id=guardian_id,
                    staff_id=staff_id,
                    created_us=now_us,
                    created_by=person.account_name,
                    expires_us=now_us + INVITATION_US,
                    attempts=0,
                )
            )
        return MadeInvite(link, code, now_us + INVITATION_US, key)

    def accept(self, link: str, code: str, name: str, password: str) -> str:
        """Opens the account. Raises PermissionDenied where link and code do not belong together or have ended."""
        name = name.strip().lower()
        if not is_slug(name):
            raise InvalidInput("a name has a-z, 0-9 and inner hyphens, at most 64", code="bad_account_name")
        check_password_allowed(password, (name,))
        if not self._count_attempt(link, code):
            raise PermissionDenied("this invitation does not work: ask the facility for another", code="bad_invitation")
        hashed = PasswordHasher().hash(password)
        with self._database.unit_of_work() as session:
            invitation = session.get_one(PersonInvitation, _digest(link), with_for_update=True)
            if invitation.used_us is not None or invitation.revoked_us is not None:
                raise PermissionDenied("this invitation was used", code="bad_invitation")
            if session.get(Account, name) is not None:
                raise Conflict("this name is taken: choose another", code="name_taken")
            now_us = self._clock.utc_us()
            session.add(Account(name=name, role=invitation.role, region="", password_hash=hashed, created_us=now_us))
            session.flush()
            _bind(session, invitation, name, now_us)
            invitation.used_us, invitation.used_by = now_us, name
        return name

    def approve(self, person: Scope, site_id: str, account_name: str) -> None:
        """The facility has looked at who this is; leases on the rooms of their children begin."""
        now_us = self._clock.utc_us()
        with self._database.unit_of_work() as session:
            site = site_for(session, person, site_id, Action.PEOPLE_MANAGE)
            for bond in _bonds(session, site.id, account_name):
                if bond.approved_us is None:
                    bond.approved_us, bond.approved_by = now_us, person.account_name
                if grant_all(session, site.id, bond.guardian_id, person.account_name, now_us):
                    on_record.tell(session, site.id, bond.guardian_id, "lease_granted", now_us)

    def remove(self, person: Scope, site_id: str, account_name: str) -> None:
        """Ends what an account may see here, at once; its sessions end with it."""
        with self._database.unit_of_work() as session:
            site = site_for(session, person, site_id, Action.PEOPLE_MANAGE)
            staff = session.get(StaffAccount, (account_name, site.id))
            for bond in [staff] if staff is not None else _bonds(session, site.id, account_name):
                session.delete(bond)
            if staff is not None:
                given = (AccountSite.account_name == account_name, AccountSite.site_id == site.id)
                session.execute(delete(AccountSite).where(*given))
            session.execute(delete(LoginSession).where(LoginSession.account_name == account_name))

    def _count_attempt(self, link: str, code: str) -> bool:
        """Whether link and code are right; the count stays, whatever comes of the account."""
        now_us = self._clock.utc_us()
        with self._database.unit_of_work() as session:
            found = session.get(PersonInvitation, _digest(link), with_for_update=True)
            if found is None or found.used_us is not None or found.revoked_us is not None:
                return False
            if now_us >= found.expires_us or now_us < found.created_us or found.attempts >= ATTEMPTS_MAX:
                return False
            right = hmac.compare_digest(found.code_sha256, _digest(_plain(code)))
            found.attempts += 0 if right else 1
            return right


def _bind(session: Session, invitation: PersonInvitation, name: str, now_us: int) -> None:
    if invitation.guardian_id:
        session.add(
            GuardianAccount(
                account_name=name, site_id=invitation.site_id, guardian_id=invitation.guardian_id, joined_us=now_us
            )
        )
        return
    session.add(AccountSite(account_name=name, site_id=invitation.site_id))
    session.add(StaffAccount(account_name=name, site_id=invitation.site_id, staff_id=invitation.staff_id))


def _has_account(session: Session, site_id: str, guardian_id: str, staff_id: str) -> bool:
    """One person, one account: a second one would be one that nobody sees on the page."""
    if guardian_id:
        guardians = select(GuardianAccount.account_name)
        query = guardians.where(GuardianAccount.site_id == site_id, GuardianAccount.guardian_id == guardian_id)
    else:
        members = select(StaffAccount.account_name)
        query = members.where(StaffAccount.site_id == site_id, StaffAccount.staff_id == staff_id)
    return session.scalar(query.limit(1)) is not None


def _bonds(session: Session, site_id: str, account_name: str) -> list[GuardianAccount]:
    query = select(GuardianAccount).where(
        GuardianAccount.site_id == site_id, GuardianAccount.account_name == account_name
    )
    found = list(session.scalars(query))
    if not found:
        raise NotFound("nobody of that name is a guardian here", code="no_such_person")
    return found


def _plain(code: str) -> str:
    return code.strip().upper().replace("-", "").replace(" ", "")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
