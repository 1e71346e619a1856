"""Browsers in which an account has signed in before: they keep their way in while strangers guess at its password.

Invariant: the cookie opens nothing. It says only that failures from there are counted by themselves, so that nobody who knows a
name can lock its owner out; after too many failures of its own the browser is a stranger again.
Source: OWASP, "Slow Down Online Guessing Attacks with Device Cookies".
"""

import hashlib
import secrets

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, Clock
from storage.database.models import KnownDevice
from storage.database.unit_of_work import Database

DEVICES_MAX = 20
KEEP_DAYS = 400
TOKEN_CHARS = 43


class KnownDevices:
    """Thread-safe."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def remember(self, account_name: str, token: str = "") -> str:
        """After a whole sign-in; the token for the cookie: the browser's own where it is one of ours, else a fresh one."""
        now_us = self._clock.utc_us()
        with self._database.unit_of_work() as session:
            old = KnownDevice.made_us <= now_us - KEEP_DAYS * US_PER_DAY
            session.execute(delete(KnownDevice).where(KnownDevice.account_name == account_name, old))
            ours = select(KnownDevice.made_us).where(KnownDevice.token_sha256 == digest(token)).limit(1)
            if len(token) != TOKEN_CHARS or session.scalar(ours) is None:
                token = secrets.token_urlsafe(32)
            if session.get(KnownDevice, (digest(token), account_name)) is None:
                mine = select(KnownDevice).where(KnownDevice.account_name == account_name)
                for row in session.scalars(mine.order_by(KnownDevice.made_us.desc()).offset(DEVICES_MAX - 1)).all():
                    session.delete(row)
                session.add(KnownDevice(token_sha256=digest(token), account_name=account_name, made_us=now_us))
        return token


def knows(session: Session, account_name: str, token: str) -> bool:
    """Whether the account has signed in where this token is kept."""
    return bool(token) and session.get(KnownDevice, (digest(token), account_name)) is not None


def digest(token: str) -> str:
    """As tokens are kept."""
    return hashlib.sha256(token.encode()).hexdigest()
