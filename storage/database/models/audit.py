"""What the audits of the store found (I4: findings are added and marked as settled, never taken out)."""

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, HexId, RowId, Slug


class AuditRound(Base):
    """One pass over every version under retention; where it stands is part of the row, so that it can go on."""

    __tablename__ = "audit_round"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    started_us: Mapped[int] = mapped_column(BigInteger)
    finished_us: Mapped[int | None] = mapped_column(BigInteger)
    versions: Mapped[int] = mapped_column(BigInteger)
    """How many there were to check when it began."""
    checked: Mapped[int] = mapped_column(BigInteger, default=0)
    extended: Mapped[int] = mapped_column(BigInteger, default=0)
    """Locks that were lengthened because the policy has grown."""
    found: Mapped[int] = mapped_column(BigInteger, default=0)
    camera_id: Mapped[str] = mapped_column(Slug, default="")
    """The camera-days up to this one are done: cameras in order of their ids, days by the key's UTC date."""
    day_us: Mapped[int] = mapped_column(BigInteger, default=-1)
    store_clock_us: Mapped[int | None] = mapped_column(BigInteger)
    """How far the store's clock was off when the round began (store minus centre)."""


class AuditFinding(Base):
    """Something that is not as it should be; open until ``settled_us``."""

    __tablename__ = "audit_finding"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    site_id: Mapped[str | None] = mapped_column(ForeignKey("site.id"))
    """Null where it is about the store itself."""
    camera_id: Mapped[str | None] = mapped_column(Slug)
    segment_id: Mapped[str | None] = mapped_column(HexId)
    drift: Mapped[str] = mapped_column(String(32))
    object_key: Mapped[str] = mapped_column(String(512))
    version_id: Mapped[str] = mapped_column(String(256))
    detail: Mapped[str] = mapped_column(Text)
    found_us: Mapped[int] = mapped_column(BigInteger)
    settled_us: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (
        UniqueConstraint("object_key", "version_id", "drift", name="uq_audit_finding"),
        Index("ix_audit_finding_site", "site_id", "settled_us"),
    )
