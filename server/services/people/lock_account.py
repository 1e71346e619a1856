"""Locks an account and opens it again, from the server's own command line.

Invariant: with the lock every session of the account is over at once, and so is what it watches (``server/domain/lease.py``).
"""

from sqlalchemy import delete

from config.base.clock import Clock
from config.base.errors import NotFound
from config.base.ids import SERVER_ADMIN, is_slug
from storage.database.models import Account, LoginSession
from storage.database.unit_of_work import Database


def lock(database: Database, clock: Clock, name: str) -> None:
    """Locked already: stays as it is. Raises NotFound."""
    with database.unit_of_work() as session:
        account = session.get(Account, name, with_for_update=True) if is_slug(name) else None
        if account is None:
            raise NotFound(f"no account {name}")
        if account.locked_us is None:
            account.locked_us, account.locked_by = clock.utc_us(), SERVER_ADMIN
        session.execute(delete(LoginSession).where(LoginSession.account_name == name))


def unlock(database: Database, name: str) -> None:
    """May sign in again; no session comes back. Raises NotFound."""
    with database.unit_of_work() as session:
        account = session.get(Account, name, with_for_update=True) if is_slug(name) else None
        if account is None:
            raise NotFound(f"no account {name}")
        account.locked_us, account.locked_by = None, None
