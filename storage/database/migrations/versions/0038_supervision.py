"""News of one person alone is found by the person."""

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_notice_event_account", "notice_event", ["for_account", "at_us"])
