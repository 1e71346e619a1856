"""picture findings"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What agents found wrong with pictures, and the stills that show it."""
    op.create_table(
        "picture_finding",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("camera_id", sa.String(length=64), nullable=False),
        sa.Column("finding", sa.String(length=16), nullable=False),
        sa.Column("timeline_id", sa.String(length=32), nullable=False),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("threshold", sa.Float(), nullable=False),
        sa.Column("still_sha256", sa.String(length=64), nullable=True),
        sa.Column("no_still", sa.String(length=16), nullable=False),
        sa.Column("raised_received_us", sa.BigInteger(), nullable=True),
        sa.Column("raised_envelope", sa.LargeBinary(), nullable=True),
        sa.Column("cleared_timeline_id", sa.String(length=32), nullable=True),
        sa.Column("until_us", sa.BigInteger(), nullable=True),
        sa.Column("cleared_received_us", sa.BigInteger(), nullable=True),
        sa.Column("cleared_envelope", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["camera_id"], ["camera.id"]),
        sa.ForeignKeyConstraint(["cleared_timeline_id"], ["timeline.id"]),
        sa.ForeignKeyConstraint(["timeline_id"], ["timeline.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_picture_finding_camera", "picture_finding", ["camera_id", "until_us"])
    op.create_table(
        "finding_still",
        sa.Column("finding_id", sa.String(length=32), nullable=False),
        sa.Column("taken_us", sa.BigInteger(), nullable=False),
        sa.Column("kept_from_us", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.String(length=32), nullable=False),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["finding_id"], ["picture_finding.id"]),
        sa.PrimaryKeyConstraint("finding_id"),
    )
    op.create_index(op.f("ix_finding_still_kept_from_us"), "finding_still", ["kept_from_us"])
