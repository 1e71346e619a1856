"""What an authority does: draws of inspections, and who must not be sent where. Draws are never changed but by being drawn."""

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, HexId, Sha256, Slug


class InspectionDraw(Base):
    """A list that was published, and once the seed was known, what followed from both."""

    __tablename__ = "inspection_draw"
    id: Mapped[str] = mapped_column(HexId, primary_key=True)
    region: Mapped[str] = mapped_column(String(64), index=True)
    listed: Mapped[str] = mapped_column(Text)
    """The list that is drawn from, byte for byte (``server.domain.draw``)."""
    list_sha256: Mapped[str] = mapped_column(Sha256)
    prepared_us: Mapped[int] = mapped_column(BigInteger)
    prepared_by: Mapped[str] = mapped_column(Slug)
    seed: Mapped[str | None] = mapped_column(String(128))
    drawn_us: Mapped[int | None] = mapped_column(BigInteger)
    drawn_by: Mapped[str | None] = mapped_column(Slug)


class Inspection(Base):
    """A site that was drawn, and who goes there; ``number``: its place in the draw, from 1."""

    __tablename__ = "inspection"
    draw_id: Mapped[str] = mapped_column(ForeignKey("inspection_draw.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    stratum: Mapped[str] = mapped_column(String(64))
    inspectors: Mapped[str] = mapped_column(String(400))
    """Account names with a comma between."""
    made_us: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (Index("ix_inspection_site", "site_id", "made_us"),)


class InspectorInterest(Base):
    """A site from which an inspector is kept: kin, a share in it, work there before."""

    __tablename__ = "inspector_interest"
    account_name: Mapped[str] = mapped_column(ForeignKey("account.name"), primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    reason: Mapped[str] = mapped_column(String(200))
    declared_us: Mapped[int] = mapped_column(BigInteger)
    declared_by: Mapped[str] = mapped_column(Slug)
