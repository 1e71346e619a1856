"""a rectification order may come from the docket instead of an inspection"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("rectification_order") as batch:
        batch.alter_column("draw_id", existing_type=sa.String(length=32), nullable=True)
        batch.alter_column("number", existing_type=sa.Integer(), nullable=True)
        batch.add_column(sa.Column("incident_id", sa.String(length=32), nullable=True))
