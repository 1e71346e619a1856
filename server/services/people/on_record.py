"""Writes consents and leases into the site's ledger, and tells the guardian of what somebody else changed.

Invariant (I4): each change stands in the ledger in the transaction that makes it, by pseudonyms of the register alone; what it
tells of is told once.
"""

from typing import Literal

from sqlalchemy.orm import Session

from config.evidence.entries import ConsentChanged, LeaseChanged, encode
from server.services.notices.tell import LEASE, News, tell_guardian
from storage.database import ledger
from storage.database.models import ConsentRow, LeaseRow

CONSENT, LEASES = "consent", "lease"
PAGE = "/live"


def consent(
    session: Session, row: ConsentRow, action: Literal["given", "withdrawn"], by: str, at_us: int, *, on_paper: bool
) -> None:
    """A word given or taken back."""
    whose = row.guardian_id or row.staff_id
    entry = ConsentChanged(
        site_id=row.site_id,
        at_us=at_us,
        action=action,
        purpose=row.purpose,
        whose=whose,
        child=row.child_id or None,
        version=row.version,
        text_sha256=row.text_sha256,
        by=by,
        on_paper=on_paper,
    )
    ledger.add(session, row.site_id, CONSENT, whose, encode(entry))


def lease(session: Session, row: LeaseRow, action: Literal["granted", "ended"], by: str, at_us: int) -> None:
    """A lease began, or was ended."""
    entry = LeaseChanged(
        site_id=row.site_id,
        at_us=at_us,
        lease_id=row.id,
        action=action,
        guardian=row.guardian_id,
        child=row.child_id,
        hours=row.hours,
        until_us=row.until_us,
        by=by,
    )
    ledger.add(session, row.site_id, LEASES, row.guardian_id, encode(entry))


def tell(session: Session, site_id: str, guardian_id: str, about: str, at_us: int) -> None:
    """What changed for one guardian; several changes of one transaction are one piece of news."""
    key = f"{site_id}:{guardian_id}:{about}:{at_us}"
    tell_guardian(session, guardian_id, News(key, site_id, LEASE, about, PAGE, at_us))
