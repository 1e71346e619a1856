"""Each site's ledger: entries, the Merkle tree over them in tiles, and its checkpoints (I4)."""

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, RowId, Slug


class Ledger(Base):
    """The head of a ledger; whoever numbers entries holds this row."""

    __tablename__ = "ledger"
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger, default=0)


class LedgerEntry(Base):
    """One entry, as the bytes that are hashed. It is written with what it tells, and numbered soon after."""

    __tablename__ = "ledger_entry"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    number: Mapped[int | None] = mapped_column(BigInteger)
    """Its place in the tree, from 0; null until it has one."""
    kind: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(Slug)
    """What it is about: the id of a segment or a hold, or a day."""
    body: Mapped[bytes] = mapped_column(LargeBinary)
    __table_args__ = (
        UniqueConstraint("site_id", "number", name="uq_ledger_entry_number"),
        Index("ix_ledger_entry_waiting", "number", "site_id", "id"),
        Index("ix_ledger_entry_subject", "subject", "kind"),
    )


class LedgerTile(Base):
    """Up to 256 hashes side by side: those of tree level ``8 * level``, from ``256 * number`` on."""

    __tablename__ = "ledger_tile"
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    level: Mapped[int] = mapped_column(Integer, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    hashes: Mapped[bytes] = mapped_column(LargeBinary)
    """Only ever extended; 32 bytes each."""


class LedgerCheckpoint(Base):
    """What the ledger was at one size, signed; signatures of witnesses are added, nothing else changes."""

    __tablename__ = "ledger_checkpoint"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    size: Mapped[int] = mapped_column(BigInteger)
    note: Mapped[bytes] = mapped_column(LargeBinary)
    timestamp: Mapped[bytes | None] = mapped_column(LargeBinary)
    """RFC 3161 response (DER) over the note's text, where an authority is configured."""
    cosigned_us: Mapped[int | None] = mapped_column(BigInteger)
    """When the first witness's signature was added."""
    stamped_us: Mapped[int | None] = mapped_column(BigInteger)
    """When the timestamp was added, by the server's clock."""
    made_us: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (UniqueConstraint("site_id", "size", name="uq_ledger_checkpoint_size"),)
