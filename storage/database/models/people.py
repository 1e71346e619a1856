"""Who may sign in, by what, and who has."""

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, validates

from config.base.errors import InvalidInput
from config.base.ids import RESERVED
from storage.database.models.base import Base, RowId, Sha256, Slug


class Account(Base):
    """A person who may sign in. ``role`` is one of ``server.domain.authorisation.Role``."""

    __tablename__ = "account"
    name: Mapped[str] = mapped_column(Slug, primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    region: Mapped[str] = mapped_column(String(64), default="")
    password_hash: Mapped[str] = mapped_column(String(200))
    created_us: Mapped[int] = mapped_column(BigInteger)
    locked_us: Mapped[int | None] = mapped_column(BigInteger)
    """Since when it is locked; null where it may sign in."""
    locked_by: Mapped[str | None] = mapped_column(Slug)

    @validates("name")
    def _not_reserved(self, _key: str, name: str) -> str:
        """However an account is made. Raises InvalidInput (``reserved_name``)."""
        if name in RESERVED:
            raise InvalidInput(f"{name} is a name of the centre itself: choose another", code="reserved_name")
        return name


class AccountSite(Base):
    """The sites that an account of a facility may see."""

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
    proof: Mapped[str] = mapped_column(String(16), default="password", server_default="password")
    """How the person proved who they are: password, totp, recovery, passkey, authority."""
    source: Mapped[str] = mapped_column(String(64), default="", server_default="")
    device: Mapped[str] = mapped_column(String(120), default="", server_default="")
    """What the browser says it is."""
    only: Mapped[str] = mapped_column(String(16), default="", server_default="")
    """What it is for alone, such as ``wall``; empty where it is for all that the account may."""


class HalfSignIn(Base):
    """A password was right and the second step is still to come; also what a passkey has to sign."""

    __tablename__ = "half_sign_in"
    token_sha256: Mapped[str] = mapped_column(Sha256, primary_key=True)
    account_name: Mapped[str] = mapped_column(Slug, default="")
    """Empty while a passkey has not yet said whose it is."""
    purpose: Mapped[str] = mapped_column(String(16))
    challenge: Mapped[bytes] = mapped_column(LargeBinary(64))
    expires_us: Mapped[int] = mapped_column(BigInteger, index=True)


class SignInFailure(Base):
    """A failed attempt, by account and by address; it counts for minutes and is kept as a log (``failures.py``)."""

    __tablename__ = "sign_in_failure"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    account_name: Mapped[str] = mapped_column(Slug)
    source: Mapped[str] = mapped_column(String(64))
    device_sha256: Mapped[str] = mapped_column(Sha256, default="", server_default="")
    """Of a browser in which the account has signed in before; empty for every other."""
    at_us: Mapped[int] = mapped_column(BigInteger, index=True)
    __table_args__ = (
        Index("ix_sign_in_failure_device", "device_sha256", "at_us"),
        Index("ix_sign_in_failure_account", "account_name", "at_us"),
        Index("ix_sign_in_failure_source", "source", "at_us"),
    )


class Totp(Base):
    """A second step by codes of time (RFC 6238); none counts before it was confirmed once, none counts twice."""

    __tablename__ = "totp"
    account_name: Mapped[str] = mapped_column(ForeignKey("account.name"), primary_key=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary(200))
    """Encrypted under the server's own key, where it has one."""
    made_us: Mapped[int] = mapped_column(BigInteger)
    confirmed_us: Mapped[int | None] = mapped_column(BigInteger)
    last_step: Mapped[int] = mapped_column(BigInteger, default=0)
    """The step of the last code that was taken; only later ones are."""


class Passkey(Base):
    """A public key of a person's device (WebAuthn)."""

    __tablename__ = "passkey"
    credential_sha256: Mapped[str] = mapped_column(Sha256, primary_key=True)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary(1023))
    account_name: Mapped[str] = mapped_column(ForeignKey("account.name"), index=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary(2048))
    sign_count: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(64))
    backed_up: Mapped[bool] = mapped_column(Boolean)
    made_us: Mapped[int] = mapped_column(BigInteger)
    used_us: Mapped[int | None] = mapped_column(BigInteger)


class RecoveryCode(Base):
    """A code that stands in for a lost second step, once; kept as its SHA-256, for it has 117 random bits."""

    __tablename__ = "recovery_code"
    code_sha256: Mapped[str] = mapped_column(Sha256, primary_key=True)
    account_name: Mapped[str] = mapped_column(ForeignKey("account.name"), index=True)
    made_us: Mapped[int] = mapped_column(BigInteger)
    used_us: Mapped[int | None] = mapped_column(BigInteger)


class PersonInvitation(Base):
    """Leave to open one account. The link names the invitation; the code, told another way, is needed as well."""

    __tablename__ = "person_invitation"
    link_sha256: Mapped[str] = mapped_column(Sha256, primary_key=True)
    code_sha256: Mapped[str] = mapped_column(Sha256)
    role: Mapped[str] = mapped_column(String(16))
    site_id: Mapped[str] = mapped_column(ForeignKey("site.id"), index=True)
    guardian_id: Mapped[str] = mapped_column(Slug, default="")
    staff_id: Mapped[str] = mapped_column(Slug, default="")
    created_us: Mapped[int] = mapped_column(BigInteger)
    created_by: Mapped[str] = mapped_column(Slug)
    expires_us: Mapped[int] = mapped_column(BigInteger)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    used_us: Mapped[int | None] = mapped_column(BigInteger)
    used_by: Mapped[str | None] = mapped_column(Slug)
    revoked_us: Mapped[int | None] = mapped_column(BigInteger)
