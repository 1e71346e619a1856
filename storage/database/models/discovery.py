"""Cameras that agents found, what came of asking cameras for missing time, and who looked at a picture."""

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, HexId, RowId, Slug


class DiscoveredCamera(Base):
    """One lens that an agent found; the newest word of it replaces the one before."""

    __tablename__ = "discovered_camera"
    agent_id: Mapped[str] = mapped_column(ForeignKey("agent.id"), primary_key=True)
    id: Mapped[str] = mapped_column(HexId, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), index=True)
    at_us: Mapped[int] = mapped_column(BigInteger)
    """When it was found, by the agent's machine."""
    message_id: Mapped[str] = mapped_column(HexId)
    received_us: Mapped[int] = mapped_column(BigInteger)
    envelope: Mapped[bytes] = mapped_column(LargeBinary)
    """As received; the picture in it is sealed to the server's key."""
    adopted_as: Mapped[str | None] = mapped_column(Slug)
    """The camera that an operator made of it; null where none was made at a console."""
    dismissed_us: Mapped[int | None] = mapped_column(BigInteger)
    """Since when an operator wants to see it no more; found again, it stays so until it is brought back."""
    dismissed_by: Mapped[str | None] = mapped_column(String(64))


class ReplayReport(Base):
    """A camera was asked for time that was missing; evidence, never changed (I4)."""

    __tablename__ = "replay_report"
    message_id: Mapped[str] = mapped_column(HexId, primary_key=True)
    camera_id: Mapped[str] = mapped_column(ForeignKey("camera.id"))
    timeline_id: Mapped[str] = mapped_column(HexId)
    at_us: Mapped[int] = mapped_column(BigInteger)
    start_us: Mapped[int] = mapped_column(BigInteger)
    end_us: Mapped[int] = mapped_column(BigInteger)
    outcome: Mapped[str] = mapped_column(String(16))
    detail: Mapped[str] = mapped_column(String(200))
    received_us: Mapped[int] = mapped_column(BigInteger)
    envelope: Mapped[bytes] = mapped_column(LargeBinary)
    __table_args__ = (Index("ix_replay_report_camera", "camera_id", "end_us"),)


class AccessRecord(Base):
    """Somebody looked at a picture or took footage away; never changed, never deleted by the application (I4)."""

    __tablename__ = "access_record"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    at_us: Mapped[int] = mapped_column(BigInteger)
    account_name: Mapped[str] = mapped_column(Slug)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    subject: Mapped[str] = mapped_column(String(32))
    """``discovered_picture``, ``finding_still``, ``export``"""
    subject_id: Mapped[str] = mapped_column(String(64))
    camera_id: Mapped[str | None] = mapped_column(Slug)
    start_us: Mapped[int | None] = mapped_column(BigInteger)
    end_us: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str | None] = mapped_column(String(200))
    """Why, in the person's own words; null where nobody is asked."""
    source: Mapped[str | None] = mapped_column(String(200))
    """From where: an address, or the machine that a command was given on."""
    __table_args__ = (Index("ix_access_record_site", "site_id", "at_us"),)
