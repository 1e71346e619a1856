"""What agents found wrong with pictures; findings are evidence, their stills are kept only as long as footage."""

from sqlalchemy import BigInteger, Float, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, HexId, Sha256


class PictureFindingRow(Base):
    """One fault of one camera from its first bad picture on; run-length: a lasting one is one row (I4).

    What a clearing says is filled in when it comes, and nothing else is ever changed.
    """

    __tablename__ = "picture_finding"
    id: Mapped[str] = mapped_column(HexId, primary_key=True)
    camera_id: Mapped[str] = mapped_column(ForeignKey("camera.id"))
    finding: Mapped[str] = mapped_column(String(16))
    timeline_id: Mapped[str] = mapped_column(ForeignKey("timeline.id"))
    since_us: Mapped[int] = mapped_column(BigInteger)
    score: Mapped[float] = mapped_column(Float)
    threshold: Mapped[float] = mapped_column(Float)
    still_sha256: Mapped[str | None] = mapped_column(Sha256)
    no_still: Mapped[str] = mapped_column(String(16))
    raised_received_us: Mapped[int | None] = mapped_column(BigInteger)
    """Null where its clearing came first and the raising not yet."""
    raised_envelope: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The signed envelope, byte for byte as it was received; so is the other."""
    cleared_timeline_id: Mapped[str | None] = mapped_column(ForeignKey("timeline.id"))
    until_us: Mapped[int | None] = mapped_column(BigInteger)
    """The first good picture; null while the finding is open."""
    cleared_received_us: Mapped[int | None] = mapped_column(BigInteger)
    cleared_envelope: Mapped[bytes | None] = mapped_column(LargeBinary)
    __table_args__ = (Index("ix_picture_finding_camera", "camera_id", "until_us"),)


class FindingStillRow(Base):
    """The still of a finding, sealed to the server's key as it came; deleted with the footage of its day."""

    __tablename__ = "finding_still"
    finding_id: Mapped[str] = mapped_column(ForeignKey("picture_finding.id"), primary_key=True)
    taken_us: Mapped[int] = mapped_column(BigInteger)
    kept_from_us: Mapped[int] = mapped_column(BigInteger, index=True)
    """What its retention counts from: when it was taken, but no later than when it came."""
    sha256: Mapped[str] = mapped_column(Sha256)
    size_bytes: Mapped[int] = mapped_column(Integer)
    key_id: Mapped[str] = mapped_column(HexId)
    box: Mapped[bytes] = mapped_column(LargeBinary)
    """HPKE, base64 as in the message."""
