"""orders to on-site cells: holds, longer locks, deletion, and what agents read back"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cell", sa.Column("floor_days", sa.Integer(), nullable=True))
    op.add_column("cell_copy", sa.Column("held", sa.Boolean(), nullable=True))
    op.add_column("cell_copy", sa.Column("gone_us", sa.BigInteger(), nullable=True))
    op.create_index("ix_cell_copy_end", "cell_copy", ["site_id", "gone_us", "retain_until_us"])
    op.create_index("ix_cell_copy_held", "cell_copy", ["site_id", "held"])
    op.add_column("deletion_run", sa.Column("site_id", sa.String(64), nullable=True))
    op.create_table(
        "cell_order",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("site_id", sa.String(64), sa.ForeignKey("site.id"), nullable=False),
        sa.Column("agent_id", sa.String(64), sa.ForeignKey("agent.id"), nullable=False),
        sa.Column("asked_id", sa.String(64), nullable=True),
        sa.Column("camera_id", sa.String(64), nullable=False),
        sa.Column("segment_id", sa.String(32), sa.ForeignKey("segment.id"), nullable=False),
        sa.Column("action", sa.String(8), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.Column("versions", sa.Text(), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("due_us", sa.BigInteger(), nullable=True),
        sa.Column("sent_us", sa.BigInteger(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("deadline_us", sa.BigInteger(), nullable=False),
        sa.Column("alarmed_us", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(16), nullable=True),
        sa.Column("answered_us", sa.BigInteger(), nullable=True),
        sa.Column("detail", sa.String(200), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=True),
    )
    op.create_index("ix_cell_order_due_us", "cell_order", ["due_us"])
    op.create_index("ix_cell_order_site", "cell_order", ["site_id", "outcome", "made_us"])
    op.create_index("ix_cell_order_segment", "cell_order", ["segment_id", "made_us"])
