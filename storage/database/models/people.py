"""Who may sign in, and who has."""

from sqlalchemy import BigInteger, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.database.models.base import Base, Sha256, Slug


class Account(Base):
    """A person who may sign in. ``role`` is operator (scoped to sites) or auditor (scoped to a region subtree)."""

    __tablename__ = "account"
    name: Mapped[str] = mapped_column(Slug, primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    region: Mapped[str] = mapped_column(String(64), default="")
    password_hash: Mapped[str] = mapped_column(String(200))
    created_us: Mapped[int] = mapped_column(BigInteger)


class AccountSite(Base):
    """The sites an operator may see."""

    __tablename__ = "account_site"
    account_name: Mapped[str] = mapped_column(ForeignKey("account.name"), primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)


class LoginSession(Base):
    """A signed-in browser; the cookie's token is kept only as its SHA-256."""

    __tablename__ = "login_session"
    token_sha256: Mapped[str] = mapped_column(Sha256, primary_key=True)
    account_name: Mapped[str] = mapped_column(ForeignKey("account.name"), index=True)
    created_us: Mapped[int] = mapped_column(BigInteger)
    expires_us: Mapped[int] = mapped_column(BigInteger)
