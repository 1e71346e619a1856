"""sites that mark their live view, by which key a view was marked, and tickets for a relay that the site runs itself"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("site_live", sa.Column("marked", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("live_view", sa.Column("marking_key", sa.String(length=16), nullable=True))
    op.add_column("live_ticket", sa.Column("relay_source", sa.String(length=64), nullable=True))
