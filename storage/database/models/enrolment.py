"""Codes that operators made, and the certificates that agents were given; rows are never deleted."""

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, Sha256, Slug

Serial = String(40)


class Invitation(Base):
    """A one-time code: whoever holds it becomes ``agent_id`` of ``site_id``, once, before ``expires_us``."""

    __tablename__ = "invitation"
    code_sha256: Mapped[str] = mapped_column(Sha256, primary_key=True)
    """SHA-256 of the code's public key: neither the code nor what it signs with can be had from it."""
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    agent_id: Mapped[str] = mapped_column(Slug)
    created_by: Mapped[str] = mapped_column(String(64))
    created_us: Mapped[int] = mapped_column(BigInteger)
    expires_us: Mapped[int] = mapped_column(BigInteger)
    voided_us: Mapped[int | None] = mapped_column(BigInteger)
    """A newer code for the same agent was made, or the agent was revoked."""
    redeemed_us: Mapped[int | None] = mapped_column(BigInteger)
    serial: Mapped[str | None] = mapped_column(ForeignKey("agent_certificate.serial"))
    """The one certificate that came of it."""
    __table_args__ = (Index("ix_invitation_agent", "site_id", "agent_id"),)


class AgentCertificate(Base):
    """A certificate, and the signing key that the agent had then: old messages are checked by it."""

    __tablename__ = "agent_certificate"
    serial: Mapped[str] = mapped_column(Serial, primary_key=True)
    agent_id: Mapped[str] = mapped_column(ForeignKey("agent.id"), index=True)
    identity_key: Mapped[bytes] = mapped_column(LargeBinary(32))
    csr_sha256: Mapped[str] = mapped_column(Sha256)
    """Asking again with the same request is answered with the same certificate."""
    pem: Mapped[str] = mapped_column(Text)
    issued_us: Mapped[int] = mapped_column(BigInteger)
    ends_us: Mapped[int] = mapped_column(BigInteger)
    successor: Mapped[str | None] = mapped_column(Serial)
    """The certificate that replaced it; two different requests to replace one mean that a box was copied."""
    revoked_us: Mapped[int | None] = mapped_column(BigInteger)
