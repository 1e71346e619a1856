"""Which days of a site were attested, and what the site's agents have seen of its ledger."""

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, Sha256, Slug


class DayAttestation(Base):
    """An attestation in the ledger: the ``revision``-th of its day, from 0; written with its entry, never changed."""

    __tablename__ = "day_attestation"
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    """The site's own date, ISO 8601."""
    revision: Mapped[int] = mapped_column(Integer, primary_key=True)
    entry_sha256: Mapped[str] = mapped_column(Sha256)
    told_sha256: Mapped[str] = mapped_column(Sha256)
    """Of what it says, without what it is tied to: another one is made only to say something else."""
    made_us: Mapped[int] = mapped_column(BigInteger)


class AttestationMark(Base):
    """How far the verdicts and the audit's findings of a site have been looked through for something to attest."""

    __tablename__ = "attestation_mark"
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    verdict_id: Mapped[int] = mapped_column(BigInteger, default=0)
    looked_us: Mapped[int] = mapped_column(BigInteger, default=0)


class LedgerWitness(Base):
    """What an agent has kept of its site's ledger, by its own signed word, and when it is to be shown the next of it."""

    __tablename__ = "ledger_witness"
    agent_id: Mapped[str] = mapped_column(ForeignKey("agent.id"), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    """Of the newest checkpoint that it keeps."""
    cosigned_size: Mapped[int] = mapped_column(BigInteger, default=0)
    """Of the newest checkpoint that it cosigned."""
    due_us: Mapped[int] = mapped_column(BigInteger, default=0)
    """Not shown anything before this instant."""
    refused_size: Mapped[int | None] = mapped_column(BigInteger)
    """Of the checkpoint that it last refused to cosign; null since it cosigned a later one."""
    refused_us: Mapped[int | None] = mapped_column(BigInteger)
    refused_why: Mapped[str | None] = mapped_column(Slug)
    __table_args__ = (Index("ix_ledger_witness_due", "due_us"),)
