"""people: roles, second steps, passkeys, sessions that say where, invitations"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

SLUG, SHA256, US = sa.String(length=64), sa.String(length=64), sa.BigInteger()
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
RENAMED = {"operator": "facility_manager", "auditor": "police_auditor"}


def _is(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _may(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True)


def _account() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["account_name"], ["account.name"])


def upgrade() -> None:
    op.add_column("account", _may("locked_us", US))
    op.add_column("account", _may("locked_by", SLUG))
    for name, kind, default in (
        ("proof", sa.String(length=16), "password"),
        ("source", sa.String(length=64), ""),
        ("device", sa.String(length=120), ""),
    ):
        op.add_column("login_session", sa.Column(name, kind, nullable=False, server_default=default))
    for old, new in RENAMED.items():
        op.execute(sa.text("UPDATE account SET role = :new WHERE role = :old").bindparams(new=new, old=old))
    _steps()
    _invitations()


def _steps() -> None:
    op.create_table(
        "half_sign_in",
        _is("token_sha256", SHA256),
        _is("account_name", SLUG),
        _is("purpose", sa.String(length=16)),
        _is("challenge", sa.LargeBinary(length=64)),
        _is("expires_us", US),
        sa.PrimaryKeyConstraint("token_sha256"),
    )
    op.create_index("ix_half_sign_in_expires_us", "half_sign_in", ["expires_us"])
    op.create_table(
        "sign_in_failure",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        _is("account_name", SLUG),
        _is("source", sa.String(length=64)),
        _is("at_us", US),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_sign_in_failure_at_us", "sign_in_failure", ["at_us"])
    op.create_index("ix_sign_in_failure_account", "sign_in_failure", ["account_name", "at_us"])
    op.create_index("ix_sign_in_failure_source", "sign_in_failure", ["source", "at_us"])
    op.create_table(
        "totp",
        _is("account_name", SLUG),
        _is("secret", sa.LargeBinary(length=200)),
        _is("made_us", US),
        _may("confirmed_us", US),
        _is("last_step", US),
        _account(),
        sa.PrimaryKeyConstraint("account_name"),
    )
    op.create_table(
        "passkey",
        _is("credential_sha256", SHA256),
        _is("credential_id", sa.LargeBinary(length=1023)),
        _is("account_name", SLUG),
        _is("public_key", sa.LargeBinary(length=2048)),
        _is("sign_count", US),
        _is("name", sa.String(length=64)),
        _is("backed_up", sa.Boolean()),
        _is("made_us", US),
        _may("used_us", US),
        _account(),
        sa.PrimaryKeyConstraint("credential_sha256"),
    )
    op.create_index("ix_passkey_account_name", "passkey", ["account_name"])
    op.create_table(
        "recovery_code",
        _is("code_sha256", SHA256),
        _is("account_name", SLUG),
        _is("made_us", US),
        _may("used_us", US),
        _account(),
        sa.PrimaryKeyConstraint("code_sha256"),
    )
    op.create_index("ix_recovery_code_account_name", "recovery_code", ["account_name"])


def _invitations() -> None:
    op.create_table(
        "person_invitation",
        _is("link_sha256", SHA256),
        _is("code_sha256", SHA256),
        _is("role", sa.String(length=16)),
        _is("site_id", SLUG),
        _is("guardian_id", SLUG),
        _is("staff_id", SLUG),
        _is("created_us", US),
        _is("created_by", SLUG),
        _is("expires_us", US),
        _is("attempts", sa.Integer()),
        _may("used_us", US),
        _may("used_by", SLUG),
        _may("revoked_us", US),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"]),
        sa.PrimaryKeyConstraint("link_sha256"),
    )
    op.create_index("ix_person_invitation_site_id", "person_invitation", ["site_id"])
