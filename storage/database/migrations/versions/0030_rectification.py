"""results of inspections, rectification orders and their acts"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "inspection_result",
        sa.Column("draw_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("told", sa.String(length=400), nullable=False),
        sa.Column("checklist", sa.Text(), nullable=False),
        sa.Column("entered_us", sa.BigInteger(), nullable=False),
        sa.Column("entered_by", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["draw_id", "number"], ["inspection.draw_id", "inspection.number"]),
        sa.PrimaryKeyConstraint("draw_id", "number"),
    )
    op.create_table(
        "rectification_order",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("draw_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("rule", sa.String(length=200), nullable=False),
        sa.Column("told", sa.String(length=400), nullable=False),
        sa.ForeignKeyConstraint(["draw_id", "number"], ["inspection_result.draw_id", "inspection_result.number"]),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_rectification_order_site_id", "rectification_order", ["site_id"])
    op.create_table(
        "rectification_act",
        sa.Column("order_id", sa.String(length=32), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("told", sa.String(length=400), nullable=False),
        sa.Column("due", sa.String(length=10), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["rectification_order.id"]),
        sa.PrimaryKeyConstraint("order_id", "place"),
    )
