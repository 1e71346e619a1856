"""which class a child was in, and in which rooms that was, from when until when"""

import sqlalchemy as sa
from alembic import op

from config.base.clock import SystemClock

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

SLUG = sa.String(length=64)


def upgrade() -> None:
    op.create_table(
        "child_room",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        *(sa.Column(name, SLUG, nullable=False) for name in ("site_id", "child_id", "class_id", "zone_id")),
        sa.Column("from_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_child_room_child", "child_room", ["site_id", "child_id"])
    _begin_history()


def _begin_history() -> None:
    """What holds today has held since the last import that wrote anything. Before that nobody knows: it is left unsaid."""
    now_us = SystemClock().utc_us()
    written = (
        "SELECT MAX(i.at_us) FROM register_import i"  # noqa: S608 - no word from outside
        f" WHERE i.at_us <= {now_us} AND (i.site_id IS NULL OR i.site_id = c.site_id)"
    )
    rooms = (
        "SELECT site_id, id AS class_id, zone_id FROM class_group WHERE zone_id <> ''"
        " UNION SELECT site_id, class_id, zone_id FROM class_zone"
    )
    op.execute(
        "INSERT INTO child_room (site_id, child_id, class_id, zone_id, from_us)"  # noqa: S608 - no word from outside
        f" SELECT c.site_id, c.id, c.class_id, COALESCE(r.zone_id, ''), COALESCE(({written}), {now_us})"
        f" FROM child c LEFT JOIN ({rooms}) r ON r.site_id = c.site_id AND r.class_id = c.class_id"
    )


def downgrade() -> None:
    op.drop_index("ix_child_room_child", "child_room")
    op.drop_table("child_room")
