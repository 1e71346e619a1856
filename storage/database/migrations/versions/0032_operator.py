"""floor plans with places and cameras on them, pictures of what cameras see, tests of the set-up"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

SLUG = sa.String(length=64)


def upgrade() -> None:
    op.create_table(
        "floor_plan",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("site_id", SLUG, nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        *_picture(),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_floor_plan_site_id", "floor_plan", ["site_id"])
    op.create_table(
        "plan_point",
        sa.Column("site_id", SLUG, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("subject_id", SLUG, nullable=False),
        sa.Column("plan_id", sa.String(length=32), nullable=False),
        sa.Column("x", sa.Integer(), nullable=False),
        sa.Column("y", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"]),
        sa.ForeignKeyConstraint(["plan_id"], ["floor_plan.id"]),
        sa.PrimaryKeyConstraint("site_id", "kind", "subject_id"),
    )
    op.create_index("ix_plan_point_plan_id", "plan_point", ["plan_id"])
    op.create_table(
        "camera_picture",
        sa.Column("camera_id", SLUG, nullable=False),
        *_picture(),
        sa.ForeignKeyConstraint(["camera_id"], ["camera.id"]),
        sa.PrimaryKeyConstraint("camera_id"),
    )
    op.create_table(
        "setup_test",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("site_id", SLUG, nullable=False),
        sa.Column("begun_us", sa.BigInteger(), nullable=False),
        sa.Column("begun_by", SLUG, nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_setup_test_site", "setup_test", ["site_id", "begun_us"])


def _picture() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("media_type", sa.String(length=16), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("uploaded_us", sa.BigInteger(), nullable=False),
        sa.Column("uploaded_by", SLUG, nullable=False),
    )
