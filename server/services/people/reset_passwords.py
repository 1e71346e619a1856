"""A forgotten password: a link for one account, given by who answers for the person, or sent to the contact on file.

    made = desk.make(manager, "sunflower", "mum")     # made.link goes by message, made.code is told in person
    desk.use(made.link, made.code, password, source)

Invariants: the link works once and for an hour, five wrong codes end it, another one ends it; both halves are kept as digests.
Second steps stay as they are, all sessions end, and it stands on the account's record who made it. A facility gives none to an
account that also belongs elsewhere. What is asked for by mail is answered alike whether or not there is such an account, and
the work is done after the answer.
Source: OWASP ASVS 5.0, 6.4.3; OWASP Forgot Password Cheat Sheet.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from argon2 import PasswordHasher
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, US_PER_MINUTE, Clock
from config.base.errors import Conflict, NightlightError, NotFound, PermissionDenied
from config.base.ids import MAIL, SERVER_ADMIN, is_slug
from config.base.logs import get_logger
from config.base.roles import Role
from server.domain.authorisation import Action
from server.services.people.operators import site_for
from server.services.people.passwords import check_password_allowed
from server.services.people.sign_in import set_password
from storage.database import account_events
from storage.database.models import (
    Account,
    AccountSite,
    Guardian,
    GuardianAccount,
    PasswordReset,
    StaffAccount,
)
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

LINK_US = 60 * US_PER_MINUTE
ATTEMPTS_MAX = 5
MAILS_A_DAY = 3
RESET_BY_FACILITY = frozenset({Role.GUARDIAN, Role.FACILITY_STAFF})
_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
log = get_logger("people")


@dataclass(frozen=True)
class MadeReset:
    """Both halves, shown once; ``code`` is empty where the link went by mail."""

    link: str
    code: str
    expires_us: int
    whose: str


class ResetDesk:
    """Thread-safe."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def make(self, person: Scope, site_id: str, account_name: str) -> MadeReset:
        """By the facility, for a guardian or a member of its staff.

        Raises NotFound, PermissionDenied, Conflict (``account_elsewhere``, ``account_locked``).
        """
        with self._database.unit_of_work() as session:
            site = site_for(session, person, site_id, Action.PEOPLE_MANAGE)
            account = session.get(Account, account_name) if is_slug(account_name) else None
            if account is None or account.role not in RESET_BY_FACILITY or not _is_of(session, site.id, account_name):
                raise NotFound("nobody of that name has an account here", code="no_such_person")
            if _sites_of(session, account_name) != {site.id}:
                raise Conflict("the account belongs to another site too", code="account_elsewhere")
            return self._make(session, account_name, person.account_name, with_code=True)

    def make_for(self, account_name: str) -> MadeReset:
        """By who runs the server, for anybody. Raises NotFound, Conflict (``account_locked``)."""
        with self._database.unit_of_work() as session:
            return self._make(session, account_name, SERVER_ADMIN, with_code=True)

    def mail(self, account_name: str, source: str, send: Callable[[str, MadeReset], None]) -> None:
        """To the contact on file, where there is one; says nothing of it. ``send``: (address, made)."""
        try:
            with self._database.unit_of_work() as session:
                address = _contact(session, account_name) if is_slug(account_name) else ""
                if not address or self._mailed(session, account_name) >= MAILS_A_DAY:
                    return
                made = self._make(session, account_name, MAIL, with_code=False, source=source)
            send(address, made)
        except NightlightError as error:
            log.warning("reset_not_mailed", code=error.code)

    def needs_code(self, link: str) -> bool:
        """Whether the page asks for a code; also for a link that there is not."""
        with self._database.reading() as session:
            found = session.get(PasswordReset, _digest(link))
            return found is None or found.code_sha256 != ""

    def use(self, link: str, code: str, password: str, source: str) -> str:
        """Whose password it is now. Raises PermissionDenied (``bad_reset``), InvalidInput (the password)."""
        refused = PermissionDenied("this link does not work any more: ask for another", code="bad_reset")
        name = self._count_attempt(link, code)
        if not name:
            raise refused
        check_password_allowed(password, (name,))
        hashed, now_us = PasswordHasher().hash(password), self._clock.utc_us()
        with self._database.unit_of_work() as session:
            found = session.get_one(PasswordReset, _digest(link), with_for_update=True)
            account = session.get_one(Account, name, with_for_update=True)
            if found.used_us is not None or found.revoked_us is not None or account.locked_us is not None:
                raise refused
            found.used_us = now_us
            set_password(session, name, hashed)
            account_events.add(session, name, account_events.RESET_USED, found.made_by, now_us, source=source)
        return name

    def _make(self, session: Session, account_name: str, by: str, *, with_code: bool, source: str = "") -> MadeReset:
        account = session.get(Account, account_name, with_for_update=True) if is_slug(account_name) else None
        if account is None:
            raise NotFound(f"no account {account_name}", code="no_such_person")
        if account.locked_us is not None:
            raise Conflict("the account is locked: open it first", code="account_locked")
        now_us = self._clock.utc_us()
        letters = "".join(secrets.choice(_LETTERS) for _ in range(8)) if with_code else ""
        code, link = f"{letters[:4]}-{letters[4:]}" if letters else "", secrets.token_urlsafe(24)
        mine = (PasswordReset.account_name == account.name, PasswordReset.used_us.is_(None))
        session.execute(update(PasswordReset).where(*mine).values(revoked_us=now_us))
        session.add(
            PasswordReset(
                link_sha256=_digest(link),
                code_sha256=_digest(letters) if letters else "",
                account_name=account.name,
                made_us=now_us,
                made_by=by,
                expires_us=now_us + LINK_US,
                attempts=0,
            )
        )
        account_events.add(session, account.name, account_events.RESET_MADE, by, now_us, source=source)
        return MadeReset(link, code, now_us + LINK_US, account.name)

    def _mailed(self, session: Session, account_name: str) -> int:
        since_us = self._clock.utc_us() - US_PER_DAY
        mine = (PasswordReset.account_name == account_name, PasswordReset.made_by == MAIL)
        query = select(func.count()).select_from(PasswordReset).where(*mine, PasswordReset.made_us > since_us)
        return session.scalar(query) or 0

    def _count_attempt(self, link: str, code: str) -> str:
        """Whose link it is, where link and code are right; the count of wrong codes stays."""
        now_us = self._clock.utc_us()
        with self._database.unit_of_work() as session:
            found = session.get(PasswordReset, _digest(link), with_for_update=True)
            if found is None or found.used_us is not None or found.revoked_us is not None:
                return ""
            if not found.made_us <= now_us < found.expires_us or found.attempts >= ATTEMPTS_MAX:
                return ""
            plain = "".join(code.split()).upper().replace("-", "")
            right = not found.code_sha256 or hmac.compare_digest(found.code_sha256, _digest(plain))
            found.attempts += 0 if right else 1
            return found.account_name if right else ""


def _is_of(session: Session, site_id: str, account_name: str) -> bool:
    """A guardian of the site, or one of its staff that was invited; not another manager."""
    guardian = select(GuardianAccount.account_name).where(
        GuardianAccount.account_name == account_name, GuardianAccount.site_id == site_id
    )
    return (
        session.scalar(guardian.limit(1)) is not None or session.get(StaffAccount, (account_name, site_id)) is not None
    )


def _sites_of(session: Session, account_name: str) -> set[str]:
    found: set[str] = set()
    for table in (GuardianAccount, StaffAccount, AccountSite):
        found |= set(session.scalars(select(table.site_id).where(table.account_name == account_name)))
    return found


def _contact(session: Session, account_name: str) -> str:
    """The one address of a guardian; empty where there is none, or more than one."""
    query = (
        select(Guardian.contact)
        .join(
            GuardianAccount,
            (GuardianAccount.site_id == Guardian.site_id) & (GuardianAccount.guardian_id == Guardian.id),
        )
        .where(GuardianAccount.account_name == account_name, GuardianAccount.approved_us.is_not(None))
    )
    found = {contact for contact in session.scalars(query) if contact and "@" in contact}
    return found.pop() if len(found) == 1 else ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
