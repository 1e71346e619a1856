"""live: tickets and views"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

SLUG, SHA256, US, HEX = sa.String(length=64), sa.String(length=64), sa.BigInteger(), sa.String(length=32)


def upgrade() -> None:
    op.create_table(
        "live_ticket",
        sa.Column("ticket_sha256", SHA256, nullable=False),
        sa.Column("session_sha256", SHA256, nullable=False),
        sa.Column("camera_id", SLUG, nullable=False),
        sa.Column("lease_id", HEX, nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("expires_us", US, nullable=False),
        sa.Column("used_us", US, nullable=True),
        sa.ForeignKeyConstraint(["camera_id"], ["camera.id"]),
        sa.PrimaryKeyConstraint("ticket_sha256"),
    )
    op.create_index("ix_live_ticket_expires_us", "live_ticket", ["expires_us"])
    op.create_table(
        "live_view",
        sa.Column("id", HEX, nullable=False),
        sa.Column("account_name", SLUG, nullable=False),
        sa.Column("opened_us", US, nullable=False),
        sa.Column("replaced_us", US, nullable=True),
        sa.Column("ended_us", US, nullable=True),
        sa.Column("sent_bytes", US, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_live_view_account", "live_view", ["account_name", "ended_us"])
