"""Ways back in, devices that have signed in before, identities at an authority's own sign-in, support's access, and its record."""

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, HexId, RowId, Sha256, Slug


class AccountEvent(Base):
    """What happened to an account: signed in, another password, a way back made or used. Appended to, never changed."""

    __tablename__ = "account_event"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    account_name: Mapped[str] = mapped_column(Slug)
    what: Mapped[str] = mapped_column(String(24))
    by: Mapped[str] = mapped_column(Slug)
    """An account, ``server-admin``, or ``mail``."""
    proof: Mapped[str] = mapped_column(String(16), default="")
    source: Mapped[str] = mapped_column(String(64), default="")
    at_us: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (Index("ix_account_event_account", "account_name", "at_us"),)


class PasswordReset(Base):
    """Leave to choose a new password, once; link and code are kept as digests. ``code_sha256`` empty: it went by mail."""

    __tablename__ = "password_reset"
    link_sha256: Mapped[str] = mapped_column(Sha256, primary_key=True)
    code_sha256: Mapped[str] = mapped_column(Sha256)
    account_name: Mapped[str] = mapped_column(ForeignKey("account.name"))
    made_us: Mapped[int] = mapped_column(BigInteger)
    made_by: Mapped[str] = mapped_column(Slug)
    expires_us: Mapped[int] = mapped_column(BigInteger)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    used_us: Mapped[int | None] = mapped_column(BigInteger)
    revoked_us: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (Index("ix_password_reset_account", "account_name", "made_us"),)


class KnownDevice(Base):
    """A browser in which an account has signed in; its cookie's token is kept as its SHA-256. It opens nothing by itself."""

    __tablename__ = "known_device"
    token_sha256: Mapped[str] = mapped_column(Sha256, primary_key=True)
    account_name: Mapped[str] = mapped_column(ForeignKey("account.name"), primary_key=True)
    made_us: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (Index("ix_known_device_account", "account_name", "made_us"),)


class AccountIdentity(Base):
    """Who somebody is at an authority's own sign-in, bound to an account by an administrator."""

    __tablename__ = "account_identity"
    issuer: Mapped[str] = mapped_column(String(255), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    account_name: Mapped[str] = mapped_column(ForeignKey("account.name"), index=True)
    bound_us: Mapped[int] = mapped_column(BigInteger)
    used_us: Mapped[int | None] = mapped_column(BigInteger)


class SupportAccess(Base):
    """A platform administrator's leave to help at a site: asked, confirmed by a second one, approved by the facility, ended."""

    __tablename__ = "support_access"
    id: Mapped[str] = mapped_column(HexId, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"))
    asked_by: Mapped[str] = mapped_column(ForeignKey("account.name"))
    asked_us: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String(200))
    hours: Mapped[int] = mapped_column(Integer)
    lapses_us: Mapped[int] = mapped_column(BigInteger)
    """What nobody approved by then is over."""
    confirmed_by: Mapped[str | None] = mapped_column(Slug)
    confirmed_us: Mapped[int | None] = mapped_column(BigInteger)
    approved_by: Mapped[str | None] = mapped_column(Slug)
    approved_us: Mapped[int | None] = mapped_column(BigInteger)
    until_us: Mapped[int | None] = mapped_column(BigInteger)
    ended_by: Mapped[str | None] = mapped_column(Slug)
    ended_us: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (
        Index("ix_support_access_site", "site_id", "asked_us"),
        Index("ix_support_access_account", "asked_by", "asked_us"),
    )
