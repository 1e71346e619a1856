"""Reports as they were handed out; never changed (I4)."""

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, HexId, Sha256, Slug


class _HandedOut:
    """What a report of anything says of itself. ``facts_sha256``: of everything it says; the same is set once in a language."""

    id: Mapped[str] = mapped_column(HexId, primary_key=True)
    month: Mapped[str] = mapped_column(String(7))
    """YYYY-MM, of the site's own calendar."""
    language: Mapped[str] = mapped_column(String(8))
    made_us: Mapped[int] = mapped_column(BigInteger)
    made_by: Mapped[str] = mapped_column(Slug)
    status: Mapped[str] = mapped_column(String(16))
    final: Mapped[bool] = mapped_column(Boolean)
    expected_us: Mapped[int] = mapped_column(BigInteger)
    covered_us: Mapped[int] = mapped_column(BigInteger)
    facts_sha256: Mapped[str] = mapped_column(Sha256)
    pdf_sha256: Mapped[str] = mapped_column(Sha256)
    pdf: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)


class Report(_HandedOut, Base):
    """A site's month on paper."""

    __tablename__ = "report"
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    __table_args__ = (Index("ix_report_site_month", "site_id", "month"),)


class RegionReport(_HandedOut, Base):
    """A region's month on paper."""

    __tablename__ = "region_report"
    region: Mapped[str] = mapped_column(String(64))
    """Empty: every region."""
    sites: Mapped[int] = mapped_column(Integer)
    __table_args__ = (Index("ix_region_report_month", "region", "month"),)
