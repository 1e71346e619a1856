"""enrolment"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One-time codes, certificates, and agents that are no longer trusted."""
    op.create_table(
        "agent_certificate",
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("identity_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("csr_sha256", sa.String(length=64), nullable=False),
        sa.Column("pem", sa.Text(), nullable=False),
        sa.Column("issued_us", sa.BigInteger(), nullable=False),
        sa.Column("ends_us", sa.BigInteger(), nullable=False),
        sa.Column("successor", sa.String(length=40), nullable=True),
        sa.Column("revoked_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agent.id"]),
        sa.PrimaryKeyConstraint("serial"),
    )
    with op.batch_alter_table("agent_certificate", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_agent_certificate_agent_id"), ["agent_id"], unique=False)
    op.create_table(
        "invitation",
        sa.Column("code_sha256", sa.String(length=64), nullable=False),
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("voided_us", sa.BigInteger(), nullable=True),
        sa.Column("redeemed_us", sa.BigInteger(), nullable=True),
        sa.Column("serial", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(["serial"], ["agent_certificate.serial"]),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"]),
        sa.PrimaryKeyConstraint("code_sha256"),
    )
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.create_index("ix_invitation_agent", ["site_id", "agent_id"], unique=False)
    with op.batch_alter_table("agent", schema=None) as batch_op:
        batch_op.add_column(sa.Column("revoked_us", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("revoked_reason", sa.String(length=200), nullable=True))
