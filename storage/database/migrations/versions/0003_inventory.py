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
    _discovery()
    _stored()
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
        sa.Column("due_us", sa.BigInteger(), nullable=True),
        sa.Column("sent_us", sa.BigInteger(), nullable=False),
        sa.Column("reported_version", sa.BigInteger(), nullable=False),
        sa.Column("report", sa.LargeBinary(), nullable=True),
        sa.Column("reported_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agent.id"]),
        sa.PrimaryKeyConstraint("agent_id"),
    )
    with op.batch_alter_table("agent_configuration", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_agent_configuration_due_us"), ["due_us"], unique=False)


def _stored() -> None:
    """Footage from cameras' own memories: which timelines are of it, and the readings that its time hangs on."""
    with op.batch_alter_table("timeline", schema=None) as batch_op:
        batch_op.add_column(sa.Column("stored", sa.Boolean(), nullable=False, server_default=sa.false()))
    readings = [
        column
        for side in ("before", "after")
        for column in (
            sa.Column(f"{side}_timeline_id", sa.String(length=32), nullable=False),
            sa.Column(f"{side}_at_us", sa.BigInteger(), nullable=False),
            sa.Column(f"{side}_offset_us", sa.BigInteger(), nullable=False),
            sa.Column(f"{side}_bound_us", sa.BigInteger(), nullable=False),
        )
    ]
    op.create_table(
        "stored_span",
        sa.Column("segment_id", sa.String(length=32), nullable=False),
        sa.Column("timeline_id", sa.String(length=32), nullable=False),
        sa.Column("camera_id", sa.String(length=64), nullable=False),
        sa.Column("start_us", sa.BigInteger(), nullable=False),
        sa.Column("end_us", sa.BigInteger(), nullable=False),
        *readings,
        sa.ForeignKeyConstraint(["timeline_id"], ["timeline.id"]),
        sa.ForeignKeyConstraint(["camera_id"], ["camera.id"]),
        sa.PrimaryKeyConstraint("segment_id"),
    )
    op.create_index("ix_stored_span_timeline_id", "stored_span", ["timeline_id"])
    op.create_index("ix_stored_span_before", "stored_span", ["before_timeline_id", "before_at_us"])
    op.create_index("ix_stored_span_after", "stored_span", ["after_timeline_id", "after_at_us"])


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


def _discovery() -> None:
    """Cameras that were found, cameras that were asked for missing time, and who looked at pictures."""
    op.create_table(
        "discovered_camera",
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.String(length=32), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agent.id"]),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"]),
        sa.PrimaryKeyConstraint("agent_id", "id"),
    )
    op.create_index("ix_discovered_camera_site_id", "discovered_camera", ["site_id"])
    op.create_table(
        "replay_report",
        sa.Column("message_id", sa.String(length=32), nullable=False),
        sa.Column("camera_id", sa.String(length=64), nullable=False),
        sa.Column("timeline_id", sa.String(length=32), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("start_us", sa.BigInteger(), nullable=False),
        sa.Column("end_us", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.String(length=200), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["camera_id"], ["camera.id"]),
        sa.PrimaryKeyConstraint("message_id"),
    )
    op.create_index("ix_replay_report_camera", "replay_report", ["camera_id", "end_us"])
    op.create_table(
        "access_record",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("account_name", sa.String(length=64), nullable=False),
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("subject_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_access_record_site", "access_record", ["site_id", "at_us"])
