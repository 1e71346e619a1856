"""Accounts, passwords and sessions.

Passwords are kept as argon2id (OWASP's first choice), session tokens as their SHA-256. A wrong name costs the same time
as a wrong password, and failures are limited (``failures.py``). Sessions die with the password, the role and the lock, and those
of support with the leave that they were used under. Who signed in, and by what, stays on record (``AccountEvent``).
"""

import functools
import hashlib
import secrets
from collections import deque
from dataclasses import dataclass, field
from threading import Lock

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_S, Clock
from config.base.errors import PermissionDenied, ResourceExhausted
from config.base.roles import Role
from server.services.people.failures import Failures
from server.services.people.passwords import PASSWORD_CHARS_MAX, check_password_allowed
from server.services.people.steady_time import SteadyTime
from storage.database import account_events, support
from storage.database.models import Account, HalfSignIn, LoginSession, Passkey, Totp
from storage.database.scope import Scope, home_of
from storage.database.unit_of_work import Database

FAILURES_MAX = 10
FAILURES_WINDOW_US = 300 * US_PER_S
SOURCES_MAX = 10_000
HANDLE_CHARS = 16
EVENTS_SHOWN = 20
SCREEN_HOURS = 7 * 24
"""How long a duty room's screen stays open."""
SCREEN_US = SCREEN_HOURS * 3_600 * US_PER_S
SET_BACK_US = 300 * US_PER_S
"""A session that begins further in the future was made by a clock that was set back since; it is over."""


@dataclass
class FailureLimit:
    """In memory, for what is no account: at most ten failures in five minutes from one source; bounded memory."""

    clock: Clock
    _failures: dict[str, deque[int]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def check(self, source: str) -> None:
        """Raises ResourceExhausted while the source has to wait."""
        with self._lock:
            if len(self._recent(source)) >= FAILURES_MAX:
                raise ResourceExhausted("too many failed attempts: wait five minutes", code="too_many_attempts")

    def failed(self, source: str) -> None:
        """Counts one failure."""
        with self._lock:
            if source not in self._failures and len(self._failures) >= SOURCES_MAX:
                self._failures.pop(next(iter(self._failures)))
            self._failures.setdefault(source, deque(maxlen=FAILURES_MAX)).append(self.clock.monotonic_us())

    def _recent(self, source: str) -> list[int]:
        since = self.clock.monotonic_us() - FAILURES_WINDOW_US
        return [at for at in self._failures.get(source, ()) if at >= since]


@functools.cache
def _hash_of_nobody() -> str:
    """What the password of a name that there is not is checked against; made once in a process, for it costs as one."""
    return PasswordHasher().hash(secrets.token_hex(16))


@dataclass(frozen=True)
class SessionView:
    """A signed-in browser, as its owner sees it; ``handle`` names it and is of no use elsewhere."""

    handle: str
    created_us: int
    expires_us: int
    proof: str
    source: str
    device: str
    current: bool
    only: str
    """What it is for alone; empty where it is for everything."""


@dataclass(frozen=True)
class EventView:
    """One line of an account's record; ``by`` is an account, ``server-admin`` or ``mail``."""

    what: str
    by: str
    proof: str
    source: str
    at_us: int


class SignIn:
    """Checks passwords and keeps sessions."""

    def __init__(self, database: Database, clock: Clock, session_hours: int) -> None:
        self._database = database
        self._clock = clock
        self._session_us = session_hours * 3_600 * US_PER_S
        self._hasher = PasswordHasher()
        self._nobody = _hash_of_nobody()
        self._failures = Failures(database, clock)
        self._time = SteadyTime(database, clock)

    def check_password(self, name: str, password: str, source: str, device: str = "", *, guesses: bool = True) -> Scope:
        """Who this is. Raises PermissionDenied, or ResourceExhausted after too many failures.

        ``device``: what ``KnownDevices`` gave the browser. ``guesses``: False where this very password was right before.
        """
        if guesses:
            self._failures.check(name, source, device)
        with self._database.reading() as session:
            account = session.get(Account, name)
        stored = account.password_hash if account is not None else self._nobody
        try:
            # One more than any password has: what is longer is cut, and still is nobody's.
            self._hasher.verify(stored, password[: PASSWORD_CHARS_MAX + 1])
        except (VerificationError, InvalidHashError) as error:
            self._failures.failed(name, source, device)
            raise PermissionDenied("name or password is wrong", code="wrong_password") from error
        if account is None or account.locked_us is not None:
            raise PermissionDenied("name or password is wrong", code="wrong_password")
        return Scope(account.name, account.role, account.region)

    def password_mark(self, account_name: str) -> str:
        """Changes with the password; empty for a name that there is not."""
        with self._database.reading() as session:
            account = session.get(Account, account_name)
            return digest_of(account.password_hash) if account is not None else ""

    def stands(self, scope: Scope) -> bool:
        """Whether the account is still what it was: not locked, of the same role and region, without a second step."""
        with self._database.reading() as session:
            account = session.get(Account, scope.account_name)
        if account is None or account.locked_us is not None:
            return False
        same = (account.role, account.region) == (scope.role, scope.region)
        return same and not self.second_steps(scope.account_name)

    def second_steps(self, account_name: str) -> frozenset[str]:
        """What the account has set up beside its password: ``totp``, ``passkey``; none where the password alone is asked."""
        with self._database.reading() as session:
            totp = session.get(Totp, account_name)
            key = session.scalar(select(Passkey.made_us).where(Passkey.account_name == account_name).limit(1))
        found = {"totp"} if totp is not None and totp.confirmed_us is not None else set()
        return frozenset(found | ({"passkey"} if key is not None else set()))

    def open_screen(self, person: Scope, token: str, source: str, device: str) -> str:
        """A session of a week for the duty room's screen alone, in place of the person's own here (``token``), on record."""
        opened = self.open_session(person.account_name, proof=person.proof, source=source, device=device, only="wall")
        self.close_session(token)
        return opened

    def open_session(
        self, account_name: str, *, proof: str = "password", source: str = "", device: str = "", only: str = ""
    ) -> str:
        """A fresh token for the cookie; only its digest is kept. ``only``: what it is for alone."""
        token = secrets.token_urlsafe(32)
        now_us = self._clock.utc_us()
        with self._database.unit_of_work() as session:
            session.execute(delete(LoginSession).where(LoginSession.expires_us <= now_us))
            session.add(
                LoginSession(
                    token_sha256=digest_of(token),
                    account_name=account_name,
                    created_us=now_us,
                    expires_us=now_us + (SCREEN_US if only else self._session_us),
                    proof=proof,
                    source=source[:64],
                    device=device[:120],
                    only=only,
                )
            )
            what = account_events.SCREEN if only else account_events.SIGNED_IN
            account_events.add(session, account_name, what, account_name, now_us, proof=proof, source=source)
        return token

    def resume(self, token: str) -> Scope | None:
        """Who holds this token; None where it is unknown, over, or its account is locked."""
        with self._database.reading() as session:
            found = session.get(LoginSession, digest_of(token))
            if found is None or not found.created_us - SET_BACK_US <= self._clock.utc_us() < found.expires_us:
                return None
            account = session.get_one(Account, found.account_name)
            if account.locked_us is not None:
                return None
            home = home_of(session, account.name, account.role)
        helps: frozenset[str] | None = frozenset()
        if account.role == Role.PLATFORM_ADMIN:
            now_us = self._time.now_us()  # it may write: never within another's transaction
            with self._database.reading() as session:
                helps = support.standing(session, account.name, found.created_us, now_us)
        if helps is None:
            return None
        return Scope(
            account.name,
            account.role,
            account.region,
            proof=found.proof,
            session=found.token_sha256,
            only=found.only,
            support=helps,
            home=home,
        )

    def close_session(self, token: str) -> None:
        """Ends a session at once."""
        with self._database.unit_of_work() as session:
            session.execute(delete(LoginSession).where(LoginSession.token_sha256 == digest_of(token)))

    def sessions(self, account_name: str, token: str) -> list[SessionView]:
        """The account's open sessions, the newest first; ``token``: the one that asks."""
        now_us, mine = self._clock.utc_us(), digest_of(token)
        query = select(LoginSession).where(LoginSession.account_name == account_name, LoginSession.expires_us > now_us)
        with self._database.reading() as session:
            rows = session.scalars(query.order_by(LoginSession.created_us.desc())).all()
        return [
            SessionView(
                row.token_sha256[:HANDLE_CHARS],
                row.created_us,
                row.expires_us,
                row.proof,
                row.source,
                row.device,
                row.token_sha256 == mine,
                row.only,
            )
            for row in rows
        ]

    def events(self, account_name: str) -> list[EventView]:
        """What happened to the account, the newest first."""
        with self._database.reading() as session:
            rows = account_events.newest(session, account_name, EVENTS_SHOWN)
        return [EventView(row.what, row.by, row.proof, row.source, row.at_us) for row in rows]

    def end_sessions(self, account_name: str, *, handle: str = "", but: str = "") -> None:
        """Ends one session by its handle, or all of the account but that of a token."""
        query = delete(LoginSession).where(LoginSession.account_name == account_name)
        if handle:
            query = query.where(LoginSession.token_sha256.startswith(handle, autoescape=True))
        if but:
            query = query.where(LoginSession.token_sha256 != digest_of(but))
        with self._database.unit_of_work() as session:
            session.execute(query)

    def change_password(self, account_name: str, old: str, new: str, source: str, device: str = "") -> None:
        """Every session of the account ends with it. Raises PermissionDenied, InvalidInput, ResourceExhausted."""
        self.check_password(account_name, old, source, device)
        check_password_allowed(new, (account_name,))
        hashed = self._hasher.hash(new)
        with self._database.unit_of_work() as session:
            set_password(session, account_name, hashed)
            account_events.add(
                session, account_name, account_events.PASSWORD, account_name, self._clock.utc_us(), source=source
            )


def set_password(session: Session, account_name: str, hashed: str) -> None:
    """Another password: what was open by the one before is over, half sign-ins too."""
    session.get_one(Account, account_name).password_hash = hashed
    for table in (LoginSession, HalfSignIn):
        session.execute(delete(table).where(table.account_name == account_name))


def digest_of(token: str) -> str:
    """What is kept of a session's token, and what the lease desk knows it by."""
    return hashlib.sha256(token.encode()).hexdigest()
