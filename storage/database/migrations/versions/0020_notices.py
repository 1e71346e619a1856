"""notices: who hears of what, and what became of it"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

SLUG, HEX = sa.String(length=64), sa.String(length=32)
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _column(name: str, kind: sa.types.TypeEngine[Any], *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable)


def upgrade() -> None:
    _notice_subscription()
    _notice_event()
    _notice_message()
    _notice_of()


def _notice_subscription() -> None:
    op.create_table(
        "notice_subscription",
        _column("id", ROW_ID),
        _column("account_name", SLUG),
        _column("site_id", SLUG),
        _column("kinds", sa.String(length=120)),
        _column("channel", sa.String(length=16)),
        _column("target", sa.Text()),
        _column("secret", sa.String(length=80)),
        _column("language", sa.String(length=8)),
        _column("quiet_from_min", sa.Integer(), nullable=True),
        _column("quiet_until_min", sa.Integer(), nullable=True),
        _column("escalate_to", SLUG, nullable=True),
        _column("escalate_min", sa.Integer()),
        _column("created_us", sa.BigInteger()),
        _column("removed_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_name"], ["account.name"]),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_notice_subscription_account", "notice_subscription", ["account_name", "removed_us"])
    op.create_index("ix_notice_subscription_site", "notice_subscription", ["site_id", "removed_us"])


def _notice_event() -> None:
    op.create_table(
        "notice_event",
        _column("id", ROW_ID),
        _column("key", sa.String(length=120)),
        _column("site_id", SLUG),
        _column("kind", sa.String(length=16)),
        _column("about", SLUG),
        _column("link", sa.String(length=200)),
        _column("urgent", sa.Boolean()),
        _column("at_us", sa.BigInteger()),
        _column("planned_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"]),
        sa.UniqueConstraint("key"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_notice_event_planned_us", "notice_event", ["planned_us"])


def _notice_message() -> None:
    op.create_table(
        "notice_message",
        _column("id", HEX),
        _column("subscription_id", ROW_ID),
        _column("account_name", SLUG),
        _column("site_id", SLUG),
        _column("channel", sa.String(length=16)),
        _column("urgent", sa.Boolean()),
        _column("events", sa.Integer()),
        _column("kinds", sa.String(length=120)),
        _column("title", sa.String(length=200)),
        _column("body", sa.Text()),
        _column("link", sa.String(length=300)),
        _column("made_us", sa.BigInteger()),
        _column("due_us", sa.BigInteger()),
        _column("state", sa.String(length=16)),
        _column("attempts", sa.Integer()),
        _column("claimed_us", sa.BigInteger(), nullable=True),
        _column("sent_us", sa.BigInteger(), nullable=True),
        _column("why", sa.String(length=200)),
        _column("seen_us", sa.BigInteger(), nullable=True),
        _column("escalated_us", sa.BigInteger(), nullable=True),
        _column("escalated_from", HEX, nullable=True),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"]),
        sa.ForeignKeyConstraint(["subscription_id"], ["notice_subscription.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_notice_message_account", "notice_message", ["account_name", "made_us"])
    op.create_index("ix_notice_message_state", "notice_message", ["state", "due_us"])
    op.create_index("ix_notice_message_subscription", "notice_message", ["subscription_id", "made_us"])


def _notice_of() -> None:
    op.create_table(
        "notice_of",
        _column("message_id", HEX),
        _column("event_id", ROW_ID),
        _column("subscription_id", ROW_ID),
        sa.ForeignKeyConstraint(["event_id"], ["notice_event.id"]),
        sa.ForeignKeyConstraint(["message_id"], ["notice_message.id"]),
        sa.ForeignKeyConstraint(["subscription_id"], ["notice_subscription.id"]),
        sa.UniqueConstraint("event_id", "subscription_id", name="uq_notice_of"),
        sa.PrimaryKeyConstraint("message_id", "event_id"),
    )
