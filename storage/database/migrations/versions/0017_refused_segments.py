"""the few refused segments of a camera are found without reading all"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_REFUSED = sa.text("refusal IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_segment_refused", "segment", ["camera_id", "end_us"], postgresql_where=_REFUSED, sqlite_where=_REFUSED
    )
