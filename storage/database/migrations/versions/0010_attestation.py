"""daily attestations, cosignatures and timestamps"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "day_attestation",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("entry_sha256", sa.String(length=64), nullable=False),
        sa.Column("told_sha256", sa.String(length=64), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"]),
        sa.PrimaryKeyConstraint("site_id", "day", "revision"),
    )
    op.create_table(
        "attestation_mark",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("verdict_id", sa.BigInteger(), nullable=False),
        sa.Column("looked_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"]),
        sa.PrimaryKeyConstraint("site_id"),
    )
    op.create_table(
        "ledger_witness",
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("cosigned_size", sa.BigInteger(), nullable=False),
        sa.Column("due_us", sa.BigInteger(), nullable=False),
        sa.Column("refused_size", sa.BigInteger(), nullable=True),
        sa.Column("refused_us", sa.BigInteger(), nullable=True),
        sa.Column("refused_why", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agent.id"]),
        sa.PrimaryKeyConstraint("agent_id"),
    )
    op.create_index("ix_ledger_witness_due", "ledger_witness", ["due_us"])
    op.add_column("ledger_checkpoint", sa.Column("cosigned_us", sa.BigInteger(), nullable=True))
    op.add_column("ledger_checkpoint", sa.Column("stamped_us", sa.BigInteger(), nullable=True))
