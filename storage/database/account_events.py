"""What happened to an account: appended in the transaction of what it tells of, never changed (I4)."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.database.models import AccountEvent

SIGNED_IN, PASSWORD, RESET_MADE, RESET_USED, BOUND, UNBOUND, SCREEN = (
    "signed_in", "password", "reset_made", "reset_used", "bound", "unbound", "screen",
)  # fmt: skip


def add(
    session: Session, account_name: str, what: str, by: str, at_us: int, *, proof: str = "", source: str = ""
) -> None:
    """``by``: an account, ``server-admin`` or ``mail``."""
    session.add(AccountEvent(account_name=account_name, what=what, by=by, proof=proof, source=source[:64], at_us=at_us))


def newest(session: Session, account_name: str, limit: int) -> list[AccountEvent]:
    """The newest first."""
    query = select(AccountEvent).where(AccountEvent.account_name == account_name)
    return list(session.scalars(query.order_by(AccountEvent.at_us.desc(), AccountEvent.id.desc()).limit(limit)))
