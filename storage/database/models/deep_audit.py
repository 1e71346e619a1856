"""Sampled deep audits and what they looked at, and the conditions of the store that people have to know (I4)."""

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, HexId, Sha256, Slug


class DeepAudit(Base):
    """One draw of camera-minutes at a site; kept, with the population it was drawn from, so that it can be drawn again."""

    __tablename__ = "deep_audit"
    id: Mapped[str] = mapped_column(HexId, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    seed: Mapped[str] = mapped_column(String(128))
    wanted: Mapped[int] = mapped_column(Integer)
    """How many samples were asked for."""
    asked_by: Mapped[str] = mapped_column(Slug)
    asked_us: Mapped[int] = mapped_column(BigInteger)
    repeats_id: Mapped[str | None] = mapped_column(HexId)
    """The audit whose population is drawn from again; null where the population is the one of the moment."""
    drawn_us: Mapped[int | None] = mapped_column(BigInteger)
    finished_us: Mapped[int | None] = mapped_column(BigInteger)
    leased_until_us: Mapped[int] = mapped_column(BigInteger, default=0)
    """Whoever works on it moves this ahead; after it somebody else may go on."""
    population: Mapped[int] = mapped_column(BigInteger, default=0)
    """Camera-minutes."""
    population_sha256: Mapped[str | None] = mapped_column(Sha256)
    population_runs: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The lines of the population, deflated (zlib)."""
    samples: Mapped[int] = mapped_column(Integer, default=0)
    checked: Mapped[int] = mapped_column(Integer, default=0)
    faults: Mapped[int] = mapped_column(Integer, default=0)
    unknown: Mapped[int] = mapped_column(Integer, default=0)
    gone: Mapped[int] = mapped_column(Integer, default=0)
    bytes_read: Mapped[int] = mapped_column(BigInteger, default=0)
    __table_args__ = (
        Index("ix_deep_audit_site", "site_id", "asked_us"),
        Index("ix_deep_audit_open", "finished_us", "leased_until_us"),
    )


class DeepSample(Base):
    """One camera-minute of a deep audit, in the order of the draw, and what was found."""

    __tablename__ = "deep_sample"
    audit_id: Mapped[str] = mapped_column(ForeignKey("deep_audit.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    camera_id: Mapped[str] = mapped_column(ForeignKey("camera.id"))
    minute: Mapped[int] = mapped_column(BigInteger)
    """UTC minutes since 1970."""
    outcome: Mapped[str] = mapped_column(String(16))
    drift: Mapped[str] = mapped_column(String(32), default="")
    detail: Mapped[str] = mapped_column(String(200), default="")
    segments: Mapped[int] = mapped_column(Integer, default=0)
    bytes_read: Mapped[int] = mapped_column(BigInteger, default=0)
    pictures: Mapped[int] = mapped_column(Integer, default=0)
    tries: Mapped[int] = mapped_column(Integer, default=0)
    checked_us: Mapped[int | None] = mapped_column(BigInteger)


class StoreCondition(Base):
    """What is known of the store as a whole, one row a matter; the only rows here that are overwritten.

    ``clock`` (amount: microseconds that it is ahead), ``canary``, ``forecast`` (detail: JSON).
    """

    __tablename__ = "store_condition"
    name: Mapped[str] = mapped_column(String(16), primary_key=True)
    good: Mapped[bool] = mapped_column(Boolean)
    since_us: Mapped[int] = mapped_column(BigInteger)
    """Since when it is so."""
    checked_us: Mapped[int] = mapped_column(BigInteger)
    amount: Mapped[int] = mapped_column(BigInteger, default=0)
    detail: Mapped[str] = mapped_column(String(1_000), default="")
