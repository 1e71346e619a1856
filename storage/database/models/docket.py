"""The docket: what of required time is missing and what people did about it, and maintenance declared beforehand.

Rows of ``case_act`` are inserted and never changed (I4); ``docket_case`` holds the present that follows from them. Of a
``maintenance`` only its end is ever filled in, once.
"""

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, HexId, RowId, Slug


class DocketCase(Base):
    """A stretch of one camera's required time that is missing for one cause, and where the work on it stands."""

    __tablename__ = "docket_case"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    camera_id: Mapped[str] = mapped_column(ForeignKey("camera.id"))
    incident_id: Mapped[str] = mapped_column(HexId)
    """What several cameras lost together, for one cause: one piece of work."""
    cause: Mapped[str] = mapped_column(String(32))
    start_us: Mapped[int] = mapped_column(BigInteger)
    end_us: Mapped[int | None] = mapped_column(BigInteger)
    """Null while it lasts."""
    missing_us: Mapped[int] = mapped_column(BigInteger)
    """How much of it is missing: late recordings may have come for the rest; up to now while it lasts."""
    status: Mapped[str] = mapped_column(String(16))
    opened_us: Mapped[int] = mapped_column(BigInteger)
    due_us: Mapped[int] = mapped_column(BigInteger)
    owner: Mapped[str] = mapped_column(Slug, default="")
    explained_by: Mapped[str] = mapped_column(Slug, default="")
    """Whose explanation stands; empty while there is none."""
    closed_us: Mapped[int | None] = mapped_column(BigInteger)
    closed_why: Mapped[str] = mapped_column(String(16), default="")
    follows_id: Mapped[int | None] = mapped_column(ForeignKey("docket_case.id"))
    """The case that this time stood under before."""
    __table_args__ = (
        Index("ix_docket_case_site", "site_id", "status", "end_us"),
        Index("ix_docket_case_incident", "incident_id"),
        Index("ix_docket_case_due", "status", "due_us"),
    )


class CaseAct(Base):
    """What somebody did about a case, or what the system saw of it; an empty name is the system."""

    __tablename__ = "case_act"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("docket_case.id"), index=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    at_us: Mapped[int] = mapped_column(BigInteger)
    act: Mapped[str] = mapped_column(String(16))
    account_name: Mapped[str] = mapped_column(String(64), default="")
    """No reference: what somebody did outlives the account."""
    text: Mapped[str] = mapped_column(String(1_000), default="")
    start_us: Mapped[int | None] = mapped_column(BigInteger)
    """The case's stretch from then on, where the act is about that; so are the next two."""
    end_us: Mapped[int | None] = mapped_column(BigInteger)
    missing_us: Mapped[int | None] = mapped_column(BigInteger)
    evidence: Mapped[str] = mapped_column(String(400), default="")
    """What it rests on, separated by spaces: ``verdict:DAY finding:ID drift:ID maintenance:ID case:ID``."""


class MaintenanceWindow(Base):
    """Maintenance as it was declared, before it began; what is missing meanwhile stays missing."""

    __tablename__ = "maintenance"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    camera_id: Mapped[str | None] = mapped_column(ForeignKey("camera.id"))
    """Null: every camera of the site."""
    start_us: Mapped[int] = mapped_column(BigInteger)
    end_us: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String(200))
    declared_by: Mapped[str] = mapped_column(Slug)
    declared_us: Mapped[int] = mapped_column(BigInteger)
    """By the server's clock; before ``start_us``."""
    cut_us: Mapped[int | None] = mapped_column(BigInteger)
    """Where it ended after all, before ``end_us``; ``start_us`` where it was called off."""
    cut_by: Mapped[str | None] = mapped_column(Slug)
    __table_args__ = (Index("ix_maintenance_site", "site_id", "end_us"),)
