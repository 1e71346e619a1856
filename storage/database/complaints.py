"""Rows of complaints."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.database.models import Complaint


def of_site(session: Session, site_id: str, limit: int) -> list[Complaint]:
    """Those without an answer first, then the newest."""
    query = select(Complaint).where(Complaint.site_id == site_id)
    return list(
        session.scalars(
            query.order_by(Complaint.answer.is_not(None), Complaint.received_us.desc(), Complaint.number).limit(limit)
        )
    )


def last_number(session: Session, prefix: str) -> str | None:
    """The greatest case number of a day, of all sites."""
    return session.scalar(select(func.max(Complaint.number)).where(Complaint.number.startswith(prefix)))


def coming_due(session: Session, until_us: int, limit: int) -> list[Complaint]:
    """Those without an answer that are due by then, or were."""
    query = select(Complaint).where(Complaint.answer.is_(None), Complaint.due_us <= until_us)
    return list(session.scalars(query.order_by(Complaint.due_us).limit(limit)))
