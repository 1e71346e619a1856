"""since when cameras see places and places are what they are said to be; reports of regions; calendar"""

import sqlalchemy as sa
from alembic import op

from config.base.clock import SystemClock

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SLUG = sa.String(length=64)
EVENT_INDEXES = ("region", "site_id", "day")
SPAN = (("from_us", False), ("until_us", True))


def upgrade() -> None:
    for table, columns in (
        ("camera_sight", (sa.Column("camera_id", SLUG, nullable=False), sa.Column("zone_id", SLUG, nullable=False))),
        (
            "zone_word",
            (
                sa.Column("zone_id", SLUG, nullable=False),
                sa.Column("kind", sa.String(length=32), nullable=False),
                sa.Column("required", sa.Boolean(), nullable=True),
            ),
        ),
    ):
        op.create_table(
            table,
            sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
            sa.Column("site_id", SLUG, nullable=False),
            *columns,
            *(sa.Column(name, sa.BigInteger(), nullable=nullable) for name, nullable in SPAN),
            sa.ForeignKeyConstraint(["site_id"], ["site.id"]),
            sa.PrimaryKeyConstraint("id"),
        )
        op.create_index(f"ix_{table}_site_id", table, ["site_id"])
    _begin_history()
    op.create_table(
        "region_report",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("region", SLUG, nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("made_by", SLUG, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("sites", sa.Integer(), nullable=False),
        sa.Column("expected_us", sa.BigInteger(), nullable=False),
        sa.Column("covered_us", sa.BigInteger(), nullable=False),
        sa.Column("facts_sha256", SLUG, nullable=False),
        sa.Column("pdf_sha256", SLUG, nullable=False),
        sa.Column("pdf", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_region_report_month", "region_report", ["region", "month"])
    op.create_table(
        "agenda_event",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("region", SLUG, nullable=False),
        sa.Column("site_id", SLUG, nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("told", sa.String(length=400), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("made_by", SLUG, nullable=False),
        sa.Column("done_on", sa.String(length=10), nullable=True),
        sa.Column("minutes", sa.Text(), nullable=True),
        sa.Column("closed_us", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", SLUG, nullable=True),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    for column in EVENT_INDEXES:
        op.create_index(f"ix_agenda_event_{column}", "agenda_event", [column])


def _begin_history() -> None:
    """What holds today has held since the last import that changed or removed anything, or since it was registered.

    Nothing but an import ever changed these columns. Before that instant nobody knows: it is left unsaid.
    """
    now_us = SystemClock().utc_us()
    changed = (
        "COALESCE((SELECT MAX(i.at_us) FROM register_import i"
        " WHERE i.changed + i.removed > 0 AND (i.site_id IS NULL OR i.site_id = {site})), 0)"
    )
    anything = changed.replace("i.changed + i.removed", "i.added + i.changed + i.removed")

    def since(registered: str, site: str, imports: str) -> str:
        known = imports.format(site=site)
        return f"CASE WHEN {known} > {registered} THEN {known} ELSE {registered} END"

    begun = since("c.registered_us", "c.site_id", changed)
    seen = since("c.registered_us", "l.site_id", anything)
    word = since("COALESCE(z.registered_us, 0)", "z.site_id", changed)
    op.execute(
        "INSERT INTO camera_sight (site_id, camera_id, zone_id, from_us)"  # noqa: S608 - no word from outside
        f" SELECT c.site_id, c.id, c.zone_id, {begun} FROM camera c"
    )
    op.execute(
        "INSERT INTO camera_sight (site_id, camera_id, zone_id, from_us)"  # noqa: S608 - as above
        f" SELECT l.site_id, l.camera_id, l.zone_id, {seen} FROM camera_zone l JOIN camera c ON c.id = l.camera_id"
        " WHERE l.zone_id <> c.zone_id"
    )
    op.execute(
        "INSERT INTO zone_word (site_id, zone_id, kind, required, from_us)"  # noqa: S608 - as above
        f" SELECT z.site_id, z.id, z.kind, z.required, {word} FROM zone z"
    )
    for table in ("camera_sight", "zone_word"):
        op.execute(f"UPDATE {table} SET from_us = {now_us} WHERE from_us > {now_us}")  # noqa: S608
