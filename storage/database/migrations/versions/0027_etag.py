"""what a store calls a version's bytes, for listings to know them by"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("segment", sa.Column("etag", sa.String(length=128), nullable=True))
