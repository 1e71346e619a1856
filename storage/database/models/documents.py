"""Documents of a site: the impact assessment, photographs of the sign that says cameras record."""

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, HexId, Sha256, Slug


class SiteDocument(Base):
    """One document as it is handed out; another one of its kind stands beside it, never in its place."""

    __tablename__ = "site_document"
    id: Mapped[str] = mapped_column(HexId, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    kind: Mapped[str] = mapped_column(String(24))
    """``impact_assessment`` or ``sign_photo``"""
    name: Mapped[str] = mapped_column(String(120))
    """As whoever sent it called the file."""
    media_type: Mapped[str] = mapped_column(String(16))
    sha256: Mapped[str] = mapped_column(Sha256)
    size_bytes: Mapped[int] = mapped_column(Integer)
    data: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    uploaded_us: Mapped[int] = mapped_column(BigInteger)
    uploaded_by: Mapped[str] = mapped_column(Slug)
    __table_args__ = (Index("ix_site_document_site", "site_id", "uploaded_us"),)
