"""Legal holds, and the deletions of what is past its day (I4: rows say what was done, and stay)."""

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, HexId, RowId, Slug


class LegalHold(Base):
    """Recordings that stay whatever their day: for an incident, or because the police asked."""

    __tablename__ = "legal_hold"
    id: Mapped[str] = mapped_column(HexId, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    camera_id: Mapped[str | None] = mapped_column(ForeignKey("camera.id"))
    """Null: every camera of the site."""
    start_us: Mapped[int] = mapped_column(BigInteger)
    end_us: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String(200))
    owner: Mapped[str] = mapped_column(Slug)
    """Who answers for it."""
    placed_by: Mapped[str | None] = mapped_column(Slug)
    """Who placed it; null in rows from before this was written down."""
    review_us: Mapped[int] = mapped_column(BigInteger)
    """When somebody has to say whether it is still needed."""
    placed_us: Mapped[int] = mapped_column(BigInteger)
    lift_requested_by: Mapped[str | None] = mapped_column(Slug)
    lift_requested_us: Mapped[int | None] = mapped_column(BigInteger)
    lifted_by: Mapped[str | None] = mapped_column(Slug)
    lifted_us: Mapped[int | None] = mapped_column(BigInteger)
    on_store: Mapped[bool] = mapped_column(Boolean, default=False)
    """Whether the store's own legal hold is what this row says."""
    __table_args__ = (Index("ix_legal_hold_site", "site_id", "lifted_us"),)


class DeletionRun(Base):
    """A deletion that is so large that a person has to confirm it first; or, over from the start, what went in a smaller one."""

    __tablename__ = "deletion_run"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    site_id: Mapped[str | None] = mapped_column(Slug)
    """Whose own store it is about; null: the centre's."""
    asked_us: Mapped[int] = mapped_column(BigInteger)
    versions: Mapped[int] = mapped_column(BigInteger)
    of_versions: Mapped[int] = mapped_column(BigInteger)
    confirmed_by: Mapped[str | None] = mapped_column(Slug)
    confirmed_us: Mapped[int | None] = mapped_column(BigInteger)
    done: Mapped[int | None] = mapped_column(BigInteger)
    """How many of them were claimed since it was confirmed; of a smaller one, since it began."""
    finished_us: Mapped[int | None] = mapped_column(BigInteger)
