"""on-site cells and challenges"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

SLUG, HEX = sa.String(length=64), sa.String(length=32)


def _column(name: str, kind: sa.types.TypeEngine[Any], *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable)


def _belongs(*also: tuple[str, str]) -> list[sa.ForeignKeyConstraint]:
    pairs = [("site_id", "site.id"), *also]
    return [sa.ForeignKeyConstraint([name], [target]) for name, target in pairs]


def upgrade() -> None:
    op.create_table(
        "cell",
        _column("site_id", SLUG),
        _column("endpoint", sa.String(length=255)),
        _column("tls", sa.Boolean()),
        _column("region", sa.String(length=64)),
        _column("bucket", sa.String(length=63)),
        _column("access_key", sa.String(length=128)),
        _column("secret", sa.LargeBinary()),
        _column("set_us", sa.BigInteger()),
        *_belongs(),
        sa.PrimaryKeyConstraint("site_id"),
    )
    _copies()
    _challenges()
    _fetches()


def _copies() -> None:
    op.create_table(
        "cell_copy",
        _column("segment_id", HEX),
        _column("site_id", SLUG),
        _column("agent_id", SLUG),
        _column("camera_id", SLUG),
        _column("leaf_root", sa.String(length=64)),
        _column("object_key", sa.String(length=512)),
        _column("version_id", sa.String(length=256)),
        _column("retain_until_us", sa.BigInteger()),
        _column("floor_us", sa.BigInteger()),
        _column("read_us", sa.BigInteger()),
        _column("envelope", sa.LargeBinary()),
        _column("state", sa.String(length=8)),
        _column("first_leaf", sa.BigInteger(), nullable=True),
        _column("leaves", sa.Integer()),
        *_belongs(("segment_id", "segment.id"), ("agent_id", "agent.id"), ("camera_id", "camera.id")),
        sa.PrimaryKeyConstraint("segment_id"),
    )
    op.create_index("ix_cell_copy_state", "cell_copy", ["agent_id", "state", "read_us"])
    op.create_index("uq_cell_copy_leaf", "cell_copy", ["agent_id", "first_leaf"], unique=True)
    op.create_index("ix_cell_copy_lock", "cell_copy", ["agent_id", "retain_until_us"])


def _challenges() -> None:
    op.create_table(
        "cell_challenge",
        _column("id", HEX),
        _column("site_id", SLUG),
        _column("agent_id", SLUG),
        _column("camera_id", SLUG),
        _column("segment_id", HEX),
        _column("leaf", sa.Integer()),
        _column("why", sa.String(length=8)),
        _column("drawn_us", sa.BigInteger()),
        _column("due_us", sa.BigInteger(), nullable=True),
        _column("deadline_us", sa.BigInteger()),
        _column("outcome", sa.String(length=16), nullable=True),
        _column("answered_us", sa.BigInteger(), nullable=True),
        _column("detail", sa.String(length=200)),
        _column("envelope", sa.LargeBinary(), nullable=True),
        *_belongs(("segment_id", "segment.id"), ("agent_id", "agent.id")),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_cell_challenge_due_us", "cell_challenge", ["due_us"])
    op.create_index("ix_cell_challenge_agent", "cell_challenge", ["agent_id", "why", "drawn_us"])
    op.create_index("ix_cell_challenge_camera", "cell_challenge", ["camera_id", "drawn_us"])


def _fetches() -> None:
    op.create_table(
        "cell_fetch",
        _column("id", HEX),
        _column("site_id", SLUG),
        _column("agent_id", SLUG),
        _column("camera_id", SLUG),
        _column("segment_id", HEX),
        _column("asked_by", SLUG),
        _column("reason", sa.String(length=200)),
        _column("asked_us", sa.BigInteger()),
        _column("due_us", sa.BigInteger(), nullable=True),
        _column("expires_us", sa.BigInteger()),
        _column("outcome", sa.String(length=16), nullable=True),
        _column("version_id", sa.String(length=256), nullable=True),
        *_belongs(("segment_id", "segment.id"), ("agent_id", "agent.id")),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_cell_fetch_due_us", "cell_fetch", ["due_us"])
    op.create_index("ix_cell_fetch_segment", "cell_fetch", ["segment_id", "asked_us"])
