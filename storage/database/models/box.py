"""What agents said of their own boxes, and which recordings they gave up; rows are inserted, never deleted (I4)."""

from sqlalchemy import BigInteger, Boolean, Float, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, HexId, Sha256


class BoxNotice(Base):
    """From ``at_us`` on something holds of an agent's box, or no longer does."""

    __tablename__ = "box_notice"
    message_id: Mapped[str] = mapped_column(HexId, primary_key=True)
    agent_id: Mapped[str] = mapped_column(ForeignKey("agent.id"))
    timeline_id: Mapped[str] = mapped_column(HexId)
    at_us: Mapped[int] = mapped_column(BigInteger)
    notice: Mapped[str] = mapped_column(String(32))
    raised: Mapped[bool] = mapped_column(Boolean)
    hours_left: Mapped[float | None] = mapped_column(Float)
    detail: Mapped[str] = mapped_column(String(200))
    received_us: Mapped[int] = mapped_column(BigInteger)
    envelope: Mapped[bytes] = mapped_column(LargeBinary)
    """The signed envelope, byte for byte as it was received."""
    __table_args__ = (Index("ix_box_notice_agent", "agent_id", "at_us"),)


class SegmentEviction(Base):
    """An agent's word that it gave a segment up for want of room; of one that the server may never have heard of."""

    __tablename__ = "segment_eviction"
    message_id: Mapped[str] = mapped_column(HexId, primary_key=True)
    segment_id: Mapped[str] = mapped_column(HexId, index=True)
    camera_id: Mapped[str] = mapped_column(ForeignKey("camera.id"))
    timeline_id: Mapped[str] = mapped_column(HexId)
    start_us: Mapped[int] = mapped_column(BigInteger)
    end_us: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(Sha256)
    evicted_us: Mapped[int] = mapped_column(BigInteger)
    received_us: Mapped[int] = mapped_column(BigInteger)
    envelope: Mapped[bytes] = mapped_column(LargeBinary)
    """The signed envelope, byte for byte as it was received."""
    __table_args__ = (Index("ix_segment_eviction_camera", "camera_id", "end_us"),)
