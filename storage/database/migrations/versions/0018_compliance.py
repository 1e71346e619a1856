"""verdicts by rule, and what is measured for them as it goes by"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SLUG = sa.String(64)


def upgrade() -> None:
    op.add_column("zone", sa.Column("registered_us", sa.BigInteger()))
    op.create_table(
        "compliance_entry",
        sa.Column("id", ROW_ID, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("site_id", SLUG, sa.ForeignKey("site.id")),
        sa.Column("subject_id", SLUG, nullable=False),
        sa.Column("period", sa.String(10), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("assessed_us", sa.BigInteger(), nullable=False),
        sa.Column("told_sha256", sa.String(64), nullable=False),
        sa.Column("told", sa.LargeBinary(), nullable=False),
        sa.Column("replaces_id", ROW_ID, sa.ForeignKey("compliance_entry.id")),
    )
    op.create_index("ix_compliance_entry_site", "compliance_entry", ["site_id", "kind", "subject_id", "period", "id"])
    op.create_index("ix_compliance_entry_subject", "compliance_entry", ["kind", "subject_id", "period", "id"])
    op.create_table(
        "compliance_mark",
        sa.Column("site_id", SLUG, sa.ForeignKey("site.id"), primary_key=True),
        sa.Column("verdict_id", sa.BigInteger(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("book_since_us", sa.BigInteger(), nullable=False),
        sa.Column("looked_us", sa.BigInteger(), nullable=False),
        sa.Column("final_before", sa.String(10), nullable=False),
    )
    op.create_table(
        "clock_reading_day",
        sa.Column("site_id", SLUG, sa.ForeignKey("site.id"), primary_key=True),
        sa.Column("kind", sa.String(8), primary_key=True),
        sa.Column("subject_id", SLUG, primary_key=True),
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("worst_us", sa.BigInteger(), nullable=False),
        sa.Column("least_us", sa.BigInteger(), nullable=False),
        sa.Column("readings", sa.Integer(), nullable=False),
        sa.Column("first_us", sa.BigInteger(), nullable=False),
        sa.Column("last_us", sa.BigInteger(), nullable=False),
        sa.Column("longest_gap_us", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "panel_heard",
        sa.Column("id", ROW_ID, primary_key=True, autoincrement=True),
        sa.Column("site_id", SLUG, sa.ForeignKey("site.id"), nullable=False),
        sa.Column("panel_id", SLUG, nullable=False),
        sa.Column("start_us", sa.BigInteger(), nullable=False),
        sa.Column("end_us", sa.BigInteger(), nullable=False),
        sa.Column("longest_gap_us", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("site_id", "panel_id", "start_us", name="uq_panel_heard"),
    )
