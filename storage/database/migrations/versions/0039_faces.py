"""faces: sessions for one purpose alone"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("login_session", sa.Column("only", sa.String(length=16), nullable=False, server_default=""))
