"""What guardians ask to see of the past, what the facility answered, and the masked pictures of it.

A request is a row that is answered, never changed back and never removed (I4). Masked pictures are no evidence: they are made from
it, are shown for some days, and are deleted.
"""

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, HexId, Sha256, Slug


class FootageRequest(Base):
    """One guardian asks for a span of one camera; ``state`` is one of ``server.domain.requests.State``."""

    __tablename__ = "footage_request"
    id: Mapped[str] = mapped_column(HexId, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    account_name: Mapped[str] = mapped_column(Slug)
    guardian_id: Mapped[str] = mapped_column(Slug)
    child_id: Mapped[str] = mapped_column(Slug)
    camera_id: Mapped[str] = mapped_column(Slug)
    start_us: Mapped[int] = mapped_column(BigInteger)
    end_us: Mapped[int] = mapped_column(BigInteger)
    why: Mapped[str] = mapped_column(String(300))
    asked_us: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(300), default="")
    """The facility's answer in words."""
    answered_us: Mapped[int | None] = mapped_column(BigInteger)
    answered_by: Mapped[str | None] = mapped_column(Slug)
    hold_id: Mapped[str | None] = mapped_column(HexId)
    cells: Mapped[str] = mapped_column(String(48), default="")
    """The fields of the picture that stay clear, a 1 each, line by line; the others are masked."""
    made_us: Mapped[int | None] = mapped_column(BigInteger)
    """When the masked pictures were complete, for the facility to look through."""
    released_us: Mapped[int | None] = mapped_column(BigInteger)
    released_by: Mapped[str | None] = mapped_column(Slug)
    until_us: Mapped[int | None] = mapped_column(BigInteger)
    """Until then they are shown; after it they are deleted."""
    fault: Mapped[str] = mapped_column(String(200), default="")
    """Why there are no masked pictures."""
    __table_args__ = (
        Index("ix_footage_request_site", "site_id", "asked_us"),
        Index("ix_footage_request_account", "account_name", "asked_us"),
        Index("ix_footage_request_state", "state"),
    )


class MaskedPart(Base):
    """Masked pictures made from one recording, as an MP4 without sound."""

    __tablename__ = "masked_part"
    request_id: Mapped[str] = mapped_column(ForeignKey("footage_request.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    start_us: Mapped[int] = mapped_column(BigInteger)
    end_us: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(Sha256)
    data: Mapped[bytes] = mapped_column(LargeBinary)
