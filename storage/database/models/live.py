"""Tickets to a live view, and the views themselves.

A ticket is spent once, whoever shows it. A view's row is written before its first byte and closed after its last; it is never
deleted by the application (I4).
"""

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, HexId, Sha256, Slug


class LiveTicket(Base):
    """Leave to begin one view within a minute, bound to session, camera and lease; only its digest is kept."""

    __tablename__ = "live_ticket"
    ticket_sha256: Mapped[str] = mapped_column(Sha256, primary_key=True)
    session_sha256: Mapped[str] = mapped_column(Sha256)
    camera_id: Mapped[str] = mapped_column(ForeignKey("camera.id"))
    lease_id: Mapped[str | None] = mapped_column(HexId)
    """None where the person needs no lease."""
    reason: Mapped[str] = mapped_column(String(200))
    """Why, in the person's own words; empty where nobody is asked."""
    expires_us: Mapped[int] = mapped_column(BigInteger)
    used_us: Mapped[int | None] = mapped_column(BigInteger)
    relay_source: Mapped[str | None] = mapped_column(String(64))
    """For a relay that the site runs itself: the address that asked, from which alone it is good; None for our own."""
    __table_args__ = (Index("ix_live_ticket_expires_us", "expires_us"),)


class LiveView(Base):
    """A live view that is on the access record (``view``) under the same id, while it runs and after."""

    __tablename__ = "live_view"
    id: Mapped[str] = mapped_column(HexId, primary_key=True)
    account_name: Mapped[str] = mapped_column(Slug)
    opened_us: Mapped[int] = mapped_column(BigInteger)
    replaced_us: Mapped[int | None] = mapped_column(BigInteger)
    """The same person began another view then: this one is to end."""
    ended_us: Mapped[int | None] = mapped_column(BigInteger)
    sent_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    marking_key: Mapped[str | None] = mapped_column(String(16))
    """The name of the key that its code word follows from, with its id; None: its pictures were not marked."""
    __table_args__ = (Index("ix_live_view_account", "account_name", "ended_us"),)
