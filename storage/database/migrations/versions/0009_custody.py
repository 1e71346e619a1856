"""holds lifted by two, deletions confirmed, exports on record"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


COLUMNS = {
    "access_record": (
        ("camera_id", sa.String(length=64)),
        ("start_us", sa.BigInteger()),
        ("end_us", sa.BigInteger()),
        ("reason", sa.String(length=200)),
        ("source", sa.String(length=200)),
    ),
    "legal_hold": (("placed_by", sa.String(length=64)),),
    "deletion_run": (("done", sa.BigInteger()),),
}


def upgrade() -> None:
    for table, columns in COLUMNS.items():
        for name, kind in columns:
            op.add_column(table, sa.Column(name, kind, nullable=True))
    claimed = sa.text("deleted_us IS NOT NULL AND certified_us IS NULL")
    op.create_index(
        "ix_segment_claimed", "segment", ["site_id", "start_us"], sqlite_where=claimed, postgresql_where=claimed
    )
