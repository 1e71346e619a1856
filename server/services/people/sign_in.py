"""Accounts, passwords and sessions.

Passwords are kept as argon2id (OWASP's first choice), session tokens as their SHA-256. A wrong name costs the same time
as a wrong password, and failures from one address are limited.
"""

import functools
import hashlib
import secrets
from collections import deque
from dataclasses import dataclass, field
from threading import Lock

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete

from config.base.clock import US_PER_S, Clock
from config.base.errors import PermissionDenied, ResourceExhausted
from storage.database.models import Account, LoginSession
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

FAILURES_MAX = 10
FAILURES_WINDOW_US = 300 * US_PER_S
SOURCES_MAX = 10_000
PASSWORD_CHARS_MAX = 256


@dataclass
class FailureLimit:
    """At most ten failures in five minutes from one source; bounded memory."""

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


class SignIn:
    """Checks passwords and keeps sessions."""

    def __init__(self, database: Database, clock: Clock, session_hours: int) -> None:
        self._database = database
        self._clock = clock
        self._session_us = session_hours * 3_600 * US_PER_S
        self._hasher = PasswordHasher()
        self._nobody = _hash_of_nobody()
        self._limit = FailureLimit(clock)

    def check_password(self, name: str, password: str, source: str) -> Scope:
        """Who this is. Raises PermissionDenied, or ResourceExhausted after too many failures."""
        self._limit.check(source)
        with self._database.reading() as session:
            account = session.get(Account, name)
        stored = account.password_hash if account is not None else self._nobody
        try:
            self._hasher.verify(stored, password[:PASSWORD_CHARS_MAX])
        except (VerificationError, InvalidHashError) as error:
            self._limit.failed(source)
            raise PermissionDenied("name or password is wrong", code="wrong_password") from error
        if account is None:
            raise PermissionDenied("name or password is wrong", code="wrong_password")
        return Scope(account.name, account.role, account.region)

    def open_session(self, account_name: str) -> str:
        """A fresh token for the cookie; only its digest is kept."""
        token = secrets.token_urlsafe(32)
        now_us = self._clock.utc_us()
        with self._database.unit_of_work() as session:
            session.execute(delete(LoginSession).where(LoginSession.expires_us <= now_us))
            session.add(
                LoginSession(
                    token_sha256=_digest(token),
                    account_name=account_name,
                    created_us=now_us,
                    expires_us=now_us + self._session_us,
                )
            )
        return token

    def resume(self, token: str) -> Scope | None:
        """Who holds this token; None where it is unknown or over."""
        with self._database.reading() as session:
            found = session.get(LoginSession, _digest(token))
            if found is None or found.expires_us <= self._clock.utc_us():
                return None
            account = session.get_one(Account, found.account_name)
            return Scope(account.name, account.role, account.region)

    def close_session(self, token: str) -> None:
        """Ends a session at once."""
        with self._database.unit_of_work() as session:
            session.execute(delete(LoginSession).where(LoginSession.token_sha256 == _digest(token)))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
