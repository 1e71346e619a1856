"""What agents said and what the server found; rows are inserted, never deleted by the application (I4)."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, HexId, RowId, Sha256

_REFUSED = text("refusal IS NOT NULL")


class Timeline(Base):
    """One unbroken stretch of an agent's clock: the agent ran from ``started_us`` to at least ``last_us`` of it."""

    __tablename__ = "timeline"
    id: Mapped[str] = mapped_column(HexId, primary_key=True)
    agent_id: Mapped[str] = mapped_column(ForeignKey("agent.id"), index=True)
    started_us: Mapped[int] = mapped_column(BigInteger)
    last_us: Mapped[int] = mapped_column(BigInteger)
    first_heard_us: Mapped[int] = mapped_column(BigInteger)
    """When the server first heard of it, by the server's clock: of two timelines the one heard of later is the newer."""
    compared_us: Mapped[int | None] = mapped_column(BigInteger)
    """The last comparison with the server's clock that was within the tolerance."""
    vouched_until_us: Mapped[int] = mapped_column(BigInteger, default=0)
    """How far that comparison reaches forward, once a later one confirms it."""
    distrusted_from_us: Mapped[int | None] = mapped_column(BigInteger)
    """From here on this clock was proved wrong: never trusted again."""
    stored: Mapped[bool] = mapped_column(Boolean, default=False)
    """Not of the agent's clock: footage that a camera recorded by itself and its agent fetched later."""


class StoredSpan(Base):
    """One manifest of fetched footage with the readings that its time hangs on; never changed.

    ``before`` and ``after``: the camera's clock compared with a timeline of the agent, before the footage and after it.
    """

    __tablename__ = "stored_span"
    segment_id: Mapped[str] = mapped_column(HexId, primary_key=True)
    timeline_id: Mapped[str] = mapped_column(ForeignKey("timeline.id"), index=True)
    camera_id: Mapped[str] = mapped_column(ForeignKey("camera.id"))
    start_us: Mapped[int] = mapped_column(BigInteger)
    end_us: Mapped[int] = mapped_column(BigInteger)
    before_timeline_id: Mapped[str] = mapped_column(HexId)
    before_at_us: Mapped[int] = mapped_column(BigInteger)
    before_offset_us: Mapped[int] = mapped_column(BigInteger)
    before_bound_us: Mapped[int] = mapped_column(BigInteger)
    after_timeline_id: Mapped[str] = mapped_column(HexId)
    after_at_us: Mapped[int] = mapped_column(BigInteger)
    after_offset_us: Mapped[int] = mapped_column(BigInteger)
    after_bound_us: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (
        Index("ix_stored_span_before", "before_timeline_id", "before_at_us"),
        Index("ix_stored_span_after", "after_timeline_id", "after_at_us"),
    )


class TrustedSpan(Base):
    """Where comparisons with the server's clock vouch for a timeline; run-length."""

    __tablename__ = "trusted_span"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    timeline_id: Mapped[str] = mapped_column(ForeignKey("timeline.id"))
    start_us: Mapped[int] = mapped_column(BigInteger)
    end_us: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (Index("ix_trusted_span_timeline", "timeline_id", "start_us"),)


class CoverageSpan(Base):
    """Claimed, secured, backfilled and evicted time of a camera; run-length: an uninterrupted day is one row a kind."""

    __tablename__ = "coverage_span"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    camera_id: Mapped[str] = mapped_column(ForeignKey("camera.id"))
    kind: Mapped[str] = mapped_column(String(16))
    timeline_id: Mapped[str] = mapped_column(HexId)
    start_us: Mapped[int] = mapped_column(BigInteger)
    end_us: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (Index("ix_coverage_span_camera", "camera_id", "kind", "timeline_id", "end_us"),)


_CLAIMED = text("deleted_us IS NOT NULL AND certified_us IS NULL")
"""Claimed for deletion and on no certificate yet: next to no rows, looked for often."""


class Segment(Base):
    """A manifest as received, and what became of its object."""

    __tablename__ = "segment"
    id: Mapped[str] = mapped_column(HexId, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    camera_id: Mapped[str] = mapped_column(ForeignKey("camera.id"))
    agent_id: Mapped[str] = mapped_column(ForeignKey("agent.id"))
    timeline_id: Mapped[str] = mapped_column(HexId)
    chain_id: Mapped[str] = mapped_column(HexId)
    sequence: Mapped[int] = mapped_column(BigInteger)
    start_us: Mapped[int] = mapped_column(BigInteger)
    end_us: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(Sha256)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    payload_sha256: Mapped[str] = mapped_column(Sha256)
    """What the next manifest of this camera must name as ``previous``."""
    envelope: Mapped[bytes] = mapped_column(LargeBinary)
    """The signed envelope, byte for byte as it was received."""
    received_us: Mapped[int] = mapped_column(BigInteger)
    object_key: Mapped[str | None] = mapped_column(String(512))
    version_id: Mapped[str | None] = mapped_column(String(256))
    retain_until_us: Mapped[int | None] = mapped_column(BigInteger)
    secured_us: Mapped[int | None] = mapped_column(BigInteger)
    """When the server had read the version back whole and locked; null until then (I3)."""
    refusal: Mapped[str | None] = mapped_column(String(32))
    """Why the last read-back, of the version named above, was refused; null once secured."""
    deleted_us: Mapped[int | None] = mapped_column(BigInteger)
    """When its version was deleted, past its day and without a hold."""
    certified_us: Mapped[int | None] = mapped_column(BigInteger)
    """When a certificate of the deletion went into the ledger."""
    etag: Mapped[str | None] = mapped_column(String(128))
    """What the store called this version's bytes when it was asked for their SHA-256; listings know them by it."""
    __table_args__ = (
        UniqueConstraint("chain_id", "camera_id", "sequence", name="uq_segment_chain"),
        Index("ix_segment_claimed", "site_id", "start_us", sqlite_where=_CLAIMED, postgresql_where=_CLAIMED),
        Index("ix_segment_life", "site_id", "deleted_us", "retain_until_us"),
        Index("ix_segment_camera", "camera_id", "end_us"),
        Index("ix_segment_footage", "camera_id", "sha256"),
        Index("ix_segment_refused", "camera_id", "end_us", postgresql_where=_REFUSED, sqlite_where=_REFUSED),
    )


class PendingVerification(Base):
    """An uploaded version that waits to be read back: a work queue that survives a restart."""

    __tablename__ = "pending_verification"
    segment_id: Mapped[str] = mapped_column(ForeignKey("segment.id"), primary_key=True)
    object_key: Mapped[str] = mapped_column(String(512))
    version_id: Mapped[str] = mapped_column(String(256))
    due_us: Mapped[int] = mapped_column(BigInteger, index=True)
    """Not before this instant; a worker that takes the row moves it ahead, so that a crash only delays it."""
    tries: Mapped[int] = mapped_column(Integer, default=0)


class ConditionChange(Base):
    """What an agent said of a camera from ``at_us`` on."""

    __tablename__ = "condition_change"
    message_id: Mapped[str] = mapped_column(HexId, primary_key=True)
    camera_id: Mapped[str] = mapped_column(ForeignKey("camera.id"))
    timeline_id: Mapped[str] = mapped_column(HexId)
    at_us: Mapped[int] = mapped_column(BigInteger)
    condition: Mapped[str] = mapped_column(String(16))
    detail: Mapped[str] = mapped_column(String(200))
    __table_args__ = (Index("ix_condition_change_camera", "camera_id", "at_us"),)


class QuarantinedMessage(Base):
    """A message that could not be handled, with its reason (I11)."""

    __tablename__ = "quarantined_message"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    received_us: Mapped[int] = mapped_column(BigInteger, index=True)
    topic: Mapped[str] = mapped_column(String(512))
    reason: Mapped[str] = mapped_column(String(32))
    detail: Mapped[str] = mapped_column(Text)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(Sha256)
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    """At most the first 64 KiB; ``size_bytes`` and ``sha256`` are of the whole."""
    __table_args__ = (UniqueConstraint("topic", "sha256", "reason", name="uq_quarantined_message"),)
