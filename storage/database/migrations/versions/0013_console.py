"""what the console keeps: what became of discovered cameras"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("discovered_camera", sa.Column("adopted_as", sa.String(length=64), nullable=True))
    op.add_column("discovered_camera", sa.Column("dismissed_us", sa.BigInteger(), nullable=True))
    op.add_column("discovered_camera", sa.Column("dismissed_by", sa.String(length=64), nullable=True))
