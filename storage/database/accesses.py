"""The access record: who looked at footage or took it away, as a row to be found again and as an entry of the ledger.

Invariant: both are written in the transaction that allows the access, before its first byte (I4). The row can be read
fast; the ledger's entry is what nobody can take out unnoticed.
"""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from config.base.timespan import Span
from config.evidence.entries import AccessRecorded, decode, encode
from storage.database import ledger
from storage.database.models import AccessRecord

ACCESS = "access"
What = Literal["playback", "export", "still", "live", "deep-audit", "support"]


@dataclass(frozen=True)
class Access:
    """One access; ``source`` is an address, or the machine that a command was given on.

    ``camera_id`` is None where it is about a camera that belongs to no site yet.
    """

    site_id: str
    camera_id: str | None
    account: str
    what: What
    span: Span
    subject: str
    subject_id: str
    reason: str = ""
    source: str = ""


def record(session: Session, access: Access, at_us: int) -> None:
    """Writes both in the caller's transaction."""
    session.add(
        AccessRecord(
            at_us=at_us,
            account_name=access.account,
            site_id=access.site_id,
            subject=access.subject,
            subject_id=access.subject_id,
            camera_id=access.camera_id,
            start_us=access.span.start_us,
            end_us=access.span.end_us,
            reason=access.reason or None,
            source=access.source or None,
        )
    )
    entry = AccessRecorded(
        site_id=access.site_id,
        at_us=at_us,
        account=access.account,
        what=access.what,
        camera_id=access.camera_id,
        start_us=access.span.start_us,
        end_us=access.span.end_us,
        reason=access.reason,
        source=access.source,
    )
    ledger.add(session, access.site_id, ACCESS, access.camera_id or access.subject_id, encode(entry))


def newest_of(session: Session, site_id: str, limit: int) -> list[AccessRecorded]:
    """The accesses at a site as its ledger holds them, the newest first."""
    told = (decode(row.body) for row in ledger.newest_about(session, site_id, ACCESS, limit))
    return [entry for entry in told if isinstance(entry, AccessRecorded)]
