"""among what a leaf was drawn, by number and not by clock"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cell_challenge", sa.Column("until_leaf", sa.BigInteger(), nullable=True))
    op.create_index("ix_cell_challenge_segment", "cell_challenge", ["segment_id"])
