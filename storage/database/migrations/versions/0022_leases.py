"""leases, consents, pick-ups and blanked zones"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

SLUG, SHA256, US = sa.String(length=64), sa.String(length=64), sa.BigInteger()
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLES = (
    "view",
    "newest_instant",
    "blanking",
    "pick_up",
    "consent",
    "lease",
    "class_zone",
    "site_live",
    "staff_account",
)


def _is(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _may(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True)


def _id() -> sa.Column[Any]:
    return sa.Column("id", ROW_ID, autoincrement=True, nullable=False)


def _site() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["site_id"], ["site.id"])


def _account() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["account_name"], ["account.name"])


def upgrade() -> None:
    _accounts()
    _rooms()
    _leases()
    _days()
    _views()


def _accounts() -> None:
    op.create_table(
        "guardian_account",
        _is("account_name", SLUG),
        _is("site_id", SLUG),
        _is("guardian_id", SLUG),
        _is("joined_us", US),
        _may("approved_us", US),
        _may("approved_by", SLUG),
        _account(),
        _site(),
        sa.PrimaryKeyConstraint("account_name", "site_id", "guardian_id"),
    )
    op.create_index("ix_guardian_account_guardian", "guardian_account", ["site_id", "guardian_id"])
    op.create_table(
        "staff_account",
        _is("account_name", SLUG),
        _is("site_id", SLUG),
        _is("staff_id", SLUG),
        _account(),
        _site(),
        sa.PrimaryKeyConstraint("account_name", "site_id"),
    )


def _rooms() -> None:
    op.create_table(
        "site_live",
        _is("site_id", SLUG),
        _is("mode", sa.String(length=16)),
        _is("hours", sa.String(length=400)),
        _is("changed_us", US),
        _is("changed_by", SLUG),
        _site(),
        sa.PrimaryKeyConstraint("site_id"),
    )
    op.create_table(
        "class_zone",
        _is("site_id", SLUG),
        _is("class_id", SLUG),
        _is("zone_id", SLUG),
        sa.ForeignKeyConstraint(["site_id", "class_id"], ["class_group.site_id", "class_group.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["site_id", "zone_id"], ["zone.site_id", "zone.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("site_id", "class_id", "zone_id"),
    )


def _leases() -> None:
    op.create_table(
        "lease",
        _is("id", sa.String(length=32)),
        _is("site_id", SLUG),
        _is("guardian_id", SLUG),
        _is("child_id", SLUG),
        _is("hours", sa.String(length=400)),
        _is("start_us", US),
        _is("until_us", US),
        _is("granted_us", US),
        _is("granted_by", SLUG),
        _may("revoked_us", US),
        _may("revoked_by", SLUG),
        _site(),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_lease_guardian", "lease", ["site_id", "guardian_id"])
    op.create_table(
        "consent",
        _id(),
        _is("site_id", SLUG),
        _is("purpose", sa.String(length=16)),
        _is("guardian_id", SLUG),
        _is("child_id", SLUG),
        _is("staff_id", SLUG),
        _is("version", sa.Integer()),
        _is("text_sha256", SHA256),
        _is("given_us", US),
        _is("given_by", SLUG),
        _is("reference", sa.String(length=120)),
        _may("withdrawn_us", US),
        _may("withdrawn_by", SLUG),
        _site(),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_consent_site", "consent", ["site_id", "purpose", "withdrawn_us"])


def _days() -> None:
    op.create_table(
        "pick_up",
        _id(),
        _is("site_id", SLUG),
        _is("child_id", SLUG),
        _is("day", sa.String(length=10)),
        _is("at_us", US),
        _is("by", SLUG),
        _may("undone_us", US),
        _may("undone_by", SLUG),
        _site(),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_pick_up_child", "pick_up", ["site_id", "child_id", "day"])
    op.create_table(
        "blanking",
        _id(),
        _is("site_id", SLUG),
        _is("zone_id", SLUG),
        _is("why", sa.String(length=16)),
        _is("since_us", US),
        _is("by", SLUG),
        _may("lifted_us", US),
        _may("lifted_by", SLUG),
        _site(),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_blanking_zone", "blanking", ["site_id", "lifted_us"])
    op.create_table(
        "newest_instant",
        sa.Column("id", sa.Integer(), nullable=False),
        _is("seen_us", US),
        sa.PrimaryKeyConstraint("id"),
    )


def _views() -> None:
    op.create_table(
        "view",
        _is("id", sa.String(length=32)),
        _is("code", sa.String(length=12)),
        _is("account_name", SLUG),
        _is("role", sa.String(length=16)),
        _is("mark", SLUG),
        _is("site_id", SLUG),
        _is("camera_id", SLUG),
        _may("lease_id", sa.String(length=32)),
        _is("what", sa.String(length=16)),
        _is("reason", sa.String(length=200)),
        _is("source", sa.String(length=64)),
        _is("opened_us", US),
        _is("start_us", US),
        _may("end_us", US),
        _may("closed_us", US),
        _is("why_closed", sa.String(length=32)),
        _site(),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code"),
    )
    op.create_index("ix_view_site", "view", ["site_id", "opened_us"])
    op.create_index("ix_view_camera", "view", ["site_id", "camera_id", "opened_us"])
