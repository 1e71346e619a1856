"""the docket, and planned maintenance"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

SLUG, HEX = sa.String(length=64), sa.String(length=32)
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _column(name: str, kind: sa.types.TypeEngine[Any], *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable)


def upgrade() -> None:
    _docket_case()
    _case_act()
    _maintenance()


def _docket_case() -> None:
    op.create_table(
        "docket_case",
        _column("id", ROW_ID),
        _column("site_id", SLUG),
        _column("camera_id", SLUG),
        _column("incident_id", HEX),
        _column("cause", HEX),
        _column("start_us", sa.BigInteger()),
        _column("end_us", sa.BigInteger(), nullable=True),
        _column("missing_us", sa.BigInteger()),
        _column("status", sa.String(length=16)),
        _column("opened_us", sa.BigInteger()),
        _column("due_us", sa.BigInteger()),
        _column("owner", SLUG),
        _column("explained_by", SLUG),
        _column("closed_us", sa.BigInteger(), nullable=True),
        _column("closed_why", sa.String(length=16)),
        _column("follows_id", ROW_ID, nullable=True),
        sa.ForeignKeyConstraint(["camera_id"], ["camera.id"]),
        sa.ForeignKeyConstraint(["follows_id"], ["docket_case.id"]),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_docket_case_due", "docket_case", ["status", "due_us"])
    op.create_index("ix_docket_case_incident", "docket_case", ["incident_id"])
    op.create_index("ix_docket_case_site", "docket_case", ["site_id", "status", "end_us"])


def _case_act() -> None:
    op.create_table(
        "case_act",
        _column("id", ROW_ID),
        _column("case_id", ROW_ID),
        _column("site_id", SLUG),
        _column("at_us", sa.BigInteger()),
        _column("act", sa.String(length=16)),
        _column("account_name", SLUG),
        _column("text", sa.String(length=1000)),
        _column("start_us", sa.BigInteger(), nullable=True),
        _column("end_us", sa.BigInteger(), nullable=True),
        _column("missing_us", sa.BigInteger(), nullable=True),
        _column("evidence", sa.String(length=400)),
        sa.ForeignKeyConstraint(["case_id"], ["docket_case.id"]),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_case_act_case_id", "case_act", ["case_id"])


def _maintenance() -> None:
    op.create_table(
        "maintenance",
        _column("id", ROW_ID),
        _column("site_id", SLUG),
        _column("camera_id", SLUG, nullable=True),
        _column("start_us", sa.BigInteger()),
        _column("end_us", sa.BigInteger()),
        _column("reason", sa.String(length=200)),
        _column("declared_by", SLUG),
        _column("declared_us", sa.BigInteger()),
        _column("cut_us", sa.BigInteger(), nullable=True),
        _column("cut_by", SLUG, nullable=True),
        sa.ForeignKeyConstraint(["camera_id"], ["camera.id"]),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_maintenance_site", "maintenance", ["site_id", "end_us"])
