"""inventory"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Sealing keys of agents, how cameras are reached, and the versions of desired states."""
    _boxes()
    with op.batch_alter_table("agent", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sealing_key", sa.LargeBinary(length=32), nullable=True))
    op.create_table(
        "camera_source",
        sa.Column("camera_id", sa.String(length=64), nullable=False),
        sa.Column("settings", sa.LargeBinary(), nullable=False),
        sa.Column("changed_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["camera_id"], ["camera.id"]),
        sa.PrimaryKeyConstraint("camera_id"),
    )
    op.create_table(
        "agent_configuration",
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("changed_us", sa.BigInteger(), nullable=False),
        sa.Column("sent_version", sa.BigInteger(), nullable=False),
        sa.Column("sent_us", sa.BigInteger(), nullable=False),
        sa.Column("reported_version", sa.BigInteger(), nullable=False),
        sa.Column("report", sa.LargeBinary(), nullable=True),
        sa.Column("reported_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agent.id"]),
        sa.PrimaryKeyConstraint("agent_id"),
    )


def _boxes() -> None:
    """The agents' word of their boxes and of the recordings they gave up."""
    op.create_table(
        "box_notice",
        sa.Column("message_id", sa.String(length=32), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("timeline_id", sa.String(length=32), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("notice", sa.String(length=32), nullable=False),
        sa.Column("raised", sa.Boolean(), nullable=False),
        sa.Column("hours_left", sa.Float(), nullable=True),
        sa.Column("detail", sa.String(length=200), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agent.id"]),
        sa.PrimaryKeyConstraint("message_id"),
    )
    op.create_index("ix_box_notice_agent", "box_notice", ["agent_id", "at_us"])
    op.create_table(
        "segment_eviction",
        sa.Column("message_id", sa.String(length=32), nullable=False),
        sa.Column("segment_id", sa.String(length=32), nullable=False),
        sa.Column("camera_id", sa.String(length=64), nullable=False),
        sa.Column("timeline_id", sa.String(length=32), nullable=False),
        sa.Column("start_us", sa.BigInteger(), nullable=False),
        sa.Column("end_us", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("evicted_us", sa.BigInteger(), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["camera_id"], ["camera.id"]),
        sa.PrimaryKeyConstraint("message_id"),
    )
    op.create_index("ix_segment_eviction_segment_id", "segment_eviction", ["segment_id"])
    op.create_index("ix_segment_eviction_camera", "segment_eviction", ["camera_id", "end_us"])
