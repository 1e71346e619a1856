"""The history of verdicts; append-only (I4)."""

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, RowId


class Verdict(Base):
    """An entry in the history of a camera-day; a correction is a new entry that names what it replaces (I4)."""

    __tablename__ = "verdict"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    camera_id: Mapped[str] = mapped_column(ForeignKey("camera.id"))
    day: Mapped[str] = mapped_column(String(10))
    """The site's own date, ISO 8601."""
    status: Mapped[str] = mapped_column(String(16))
    final: Mapped[bool] = mapped_column(Boolean)
    expected_us: Mapped[int] = mapped_column(BigInteger)
    covered_us: Mapped[int] = mapped_column(BigInteger)
    assessed_us: Mapped[int] = mapped_column(BigInteger)
    gaps: Mapped[bytes] = mapped_column(LargeBinary)
    """JSON: a list of [start_us, end_us or null, cause, certainty]."""
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("verdict.id"))
    __table_args__ = (Index("ix_verdict_camera_day", "camera_id", "day", "id"),)
