"""Reports as they were handed out; never changed (I4)."""

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, HexId, Sha256, Slug


class Report(Base):
    """A site's month on paper. ``facts_sha256``: of everything it says; the same facts are set once in a language."""

    __tablename__ = "report"
    id: Mapped[str] = mapped_column(HexId, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
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
    __table_args__ = (Index("ix_report_site_month", "site_id", "month"),)


class RegionReport(Base):
    """A region's month on paper; as ``Report`` is a site's."""

    __tablename__ = "region_report"
    id: Mapped[str] = mapped_column(HexId, primary_key=True)
    region: Mapped[str] = mapped_column(String(64))
    """Empty: every region."""
    month: Mapped[str] = mapped_column(String(7))
    language: Mapped[str] = mapped_column(String(8))
    made_us: Mapped[int] = mapped_column(BigInteger)
    made_by: Mapped[str] = mapped_column(Slug)
    status: Mapped[str] = mapped_column(String(16))
    final: Mapped[bool] = mapped_column(Boolean)
    sites: Mapped[int] = mapped_column(Integer)
    expected_us: Mapped[int] = mapped_column(BigInteger)
    covered_us: Mapped[int] = mapped_column(BigInteger)
    facts_sha256: Mapped[str] = mapped_column(Sha256)
    pdf_sha256: Mapped[str] = mapped_column(Sha256)
    pdf: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    __table_args__ = (Index("ix_region_report_month", "region", "month"),)
