"""Where support may help now, and whether what it was let into has ended since: read for each request of a platform administrator."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.database.models import SupportAccess


def standing(session: Session, account_name: str, since_us: int, now_us: int) -> frozenset[str] | None:
    """The sites; None where a leave has ended since ``since_us``: a session from before is over with it.

    What somebody has ended stays so, whatever the clock says.
    """
    query = select(SupportAccess).where(
        SupportAccess.asked_by == account_name,
        SupportAccess.approved_us.is_not(None),
        SupportAccess.until_us > since_us,
    )
    sites = set()
    for row in session.scalars(query):
        end_us = row.ended_us if row.ended_us is not None else row.until_us or 0
        if row.ended_us is None and now_us < end_us:
            sites.add(row.site_id)
        elif end_us >= since_us:
            return None
    return frozenset(sites)
