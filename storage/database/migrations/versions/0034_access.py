"""access: ways back in, known devices, authorities' identities, support's access, and a record of accounts"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

SLUG, SHA256, US = sa.String(length=64), sa.String(length=64), sa.BigInteger()
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _is(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _may(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True)


def _account(column: str = "account_name") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], ["account.name"])


def upgrade() -> None:
    op.create_table(
        "account_event",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        _is("account_name", SLUG),
        _is("what", sa.String(length=24)),
        _is("by", SLUG),
        _is("proof", sa.String(length=16)),
        _is("source", sa.String(length=64)),
        _is("at_us", US),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_account_event_account", "account_event", ["account_name", "at_us"])
    op.create_table(
        "password_reset",
        _is("link_sha256", SHA256),
        _is("code_sha256", SHA256),
        _is("account_name", SLUG),
        _is("made_us", US),
        _is("made_by", SLUG),
        _is("expires_us", US),
        _is("attempts", sa.Integer()),
        _may("used_us", US),
        _may("revoked_us", US),
        _account(),
        sa.PrimaryKeyConstraint("link_sha256"),
    )
    op.create_index("ix_password_reset_account", "password_reset", ["account_name", "made_us"])
    op.add_column("sign_in_failure", sa.Column("device_sha256", SHA256, nullable=False, server_default=""))
    op.create_index("ix_sign_in_failure_device", "sign_in_failure", ["device_sha256", "at_us"])
    op.create_table(
        "known_device",
        _is("token_sha256", SHA256),
        _is("account_name", SLUG),
        _is("made_us", US),
        _account(),
        sa.PrimaryKeyConstraint("token_sha256", "account_name"),
    )
    op.create_index("ix_known_device_account", "known_device", ["account_name", "made_us"])
    op.create_table(
        "account_identity",
        _is("issuer", sa.String(length=255)),
        _is("subject", sa.String(length=255)),
        _is("account_name", SLUG),
        _is("bound_us", US),
        _may("used_us", US),
        _account(),
        sa.PrimaryKeyConstraint("issuer", "subject"),
    )
    op.create_index("ix_account_identity_account_name", "account_identity", ["account_name"])
    op.add_column("view", sa.Column("session_sha256", SHA256, nullable=False, server_default=""))
    _support()


def _support() -> None:
    op.create_table(
        "support_access",
        _is("id", sa.String(length=32)),
        _is("site_id", SLUG),
        _is("asked_by", SLUG),
        _is("asked_us", US),
        _is("reason", sa.String(length=200)),
        _is("hours", sa.Integer()),
        _is("lapses_us", US),
        _may("confirmed_by", SLUG),
        _may("confirmed_us", US),
        _may("approved_by", SLUG),
        _may("approved_us", US),
        _may("until_us", US),
        _may("ended_by", SLUG),
        _may("ended_us", US),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"]),
        _account("asked_by"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_support_access_site", "support_access", ["site_id", "asked_us"])
    op.create_index("ix_support_access_account", "support_access", ["asked_by", "asked_us"])
