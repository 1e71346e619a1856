"""Verdicts by rule, and what is measured for them as it goes by; entries are inserted, never changed (I4)."""

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, RowId, Sha256, Slug


class ComplianceEntry(Base):
    """A verdict on a place, a site or a region over a day or a month; a correction names what it replaces (I4)."""

    __tablename__ = "compliance_entry"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(8))
    """zone, site or region."""
    site_id: Mapped[str | None] = mapped_column(ForeignKey("site.id"))
    """Null of a region."""
    subject_id: Mapped[str] = mapped_column(Slug)
    """The zone, the site, or the region's path."""
    period: Mapped[str] = mapped_column(String(10))
    """The site's own date, or month: 2026-11-22, 2026-11."""
    status: Mapped[str] = mapped_column(String(16))
    final: Mapped[bool] = mapped_column(Boolean)
    book: Mapped[str] = mapped_column(Text)
    """The packs that it was made with, each with its version; of a region those of all its sites."""
    assessed_us: Mapped[int] = mapped_column(BigInteger)
    told_sha256: Mapped[str] = mapped_column(Sha256)
    """Of what it says: another one is made only to say something else."""
    told: Mapped[bytes] = mapped_column(LargeBinary)
    """JSON, deflated: the outcomes by rule, or of a region its sites."""
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("compliance_entry.id"))
    __table_args__ = (
        Index("ix_compliance_entry_site", "site_id", "kind", "subject_id", "period", "id"),
        Index("ix_compliance_entry_subject", "kind", "subject_id", "period", "id"),
    )


class ComplianceMark(Base):
    """How far a site's verdicts were looked through, and by which book."""

    __tablename__ = "compliance_mark"
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    verdict_id: Mapped[int] = mapped_column(BigInteger, default=0)
    book: Mapped[str] = mapped_column(Text, default="")
    book_since_us: Mapped[int] = mapped_column(BigInteger, default=0)
    """Since when this book is the site's: an audit that began before knows nothing of its floor."""
    looked_us: Mapped[int] = mapped_column(BigInteger, default=0)
    final_before: Mapped[str] = mapped_column(String(10), default="")
    """Every day before this one has its final entries."""


class ClockReadingDay(Base):
    """How far off a clock was over a site's day, as sampled from heartbeats: a camera's own, or an agent's."""

    __tablename__ = "clock_reading_day"
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    """camera or agent."""
    subject_id: Mapped[str] = mapped_column(Slug, primary_key=True)
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    worst_us: Mapped[int] = mapped_column(BigInteger)
    """The furthest that it can have been off in any reading: |offset| + bound."""
    least_us: Mapped[int] = mapped_column(BigInteger)
    """The furthest that it is known to have been off: |offset| - bound."""
    readings: Mapped[int] = mapped_column(Integer)
    first_us: Mapped[int] = mapped_column(BigInteger)
    last_us: Mapped[int] = mapped_column(BigInteger)
    longest_gap_us: Mapped[int] = mapped_column(BigInteger)
    """Between two readings."""


class PanelHeard(Base):
    """A stretch in which a panel was heard again and again, as sampled from heartbeats; run-length."""

    __tablename__ = "panel_heard"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    panel_id: Mapped[str] = mapped_column(Slug)
    start_us: Mapped[int] = mapped_column(BigInteger)
    end_us: Mapped[int] = mapped_column(BigInteger)
    longest_gap_us: Mapped[int] = mapped_column(BigInteger)
    """Between two times that it was heard."""
    __table_args__ = (UniqueConstraint("site_id", "panel_id", "start_us", name="uq_panel_heard"),)
