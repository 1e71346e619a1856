"""the registers: regions, records of sites and cameras, staff, classes"""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

SLUG, TEXT, DAY = sa.String(length=64), sa.String(length=120), sa.String(length=10)
SITE = (
    ("type", sa.String(length=24)),
    ("ownership", sa.String(length=24)),
    ("inclusive", sa.Boolean()),
    ("reg799_class", sa.String(length=8)),
    ("policy_pack", SLUG),
    ("places", sa.Integer()),
    ("indoor_m2", sa.Float()),
    ("outdoor_m2", sa.Float()),
    ("star_rating", sa.Integer()),
    ("filing_status", sa.String(length=16)),
    ("filing_number", SLUG),
)


def _is(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _may(name: str, kind: sa.types.TypeEngine[Any], *, unique: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True, unique=unique)


def _table(name: str, key: Iterable[str], *columns: sa.schema.SchemaItem, site: bool = True) -> None:
    own = [_is("site_id", SLUG), sa.ForeignKeyConstraint(["site_id"], ["site.id"])] if site else []
    op.create_table(name, *own, *columns, sa.PrimaryKeyConstraint(*key))


def _of_site(columns: list[str], target: str, *, cascade: bool = False) -> sa.ForeignKeyConstraint:
    wanted = [f"{target}.site_id", f"{target}.id"]
    return sa.ForeignKeyConstraint(["site_id", *columns], wanted, ondelete="CASCADE" if cascade else None)


def upgrade() -> None:
    for name, kind in SITE:
        op.add_column("site", _may(name, kind))
    op.add_column("zone", _may("required", sa.Boolean()))
    _regions()
    _cameras()
    _alarms()
    _people()
    _imports()


def _regions() -> None:
    region = op.create_table(
        "region",
        _is("path", SLUG),
        _may("parent", SLUG),
        _may("code", sa.String(length=16), unique=True),
        _may("level", sa.String(length=16)),
        _is("name", TEXT),
        _is("name_en", TEXT),
        sa.ForeignKeyConstraint(["parent"], ["region.path"]),
        sa.PrimaryKeyConstraint("path"),
    )
    op.create_index("ix_region_parent", "region", ["parent"])
    named = op.get_bind().execute(sa.text("SELECT region FROM site UNION SELECT region FROM account"))
    found: set[str] = set()
    for (path,) in named:
        steps = path.split("/") if path not in ("", "*") else []
        found.update("/".join(steps[: count + 1]) for count in range(len(steps)))
    rows = [
        {"path": path, "parent": path.rpartition("/")[0] or None, "name": path.rpartition("/")[2], "name_en": ""}
        for path in sorted(found)
    ]
    if rows:
        op.bulk_insert(region, rows)


def _cameras() -> None:
    _table(
        "camera_record",
        ["camera_id"],
        _is("camera_id", SLUG),
        _may("gb28181_id", sa.String(length=20), unique=True),
        *[_may(name, TEXT) for name in ("maker", "model", "firmware")],
        _may("mac", sa.String(length=17)),
        _may("place", TEXT),
        _may("installed_on", DAY),
        _may("maintainer", TEXT),
        sa.ForeignKeyConstraint(["camera_id"], ["camera.id"]),
        site=False,
    )
    _table(
        "camera_zone",
        ["camera_id", "zone_id"],
        _is("camera_id", SLUG),
        _is("zone_id", SLUG),
        _is("site_id", SLUG),
        sa.ForeignKeyConstraint(["camera_id"], ["camera.id"]),
        _of_site(["zone_id"], "zone"),
        site=False,
    )
    op.create_index("ix_camera_zone_zone", "camera_zone", ["site_id", "zone_id"])


def _alarms() -> None:
    _table(
        "alarm_area",
        ["site_id", "panel", "partition"],
        _is("panel", SLUG),
        _is("partition", sa.String(length=32)),
        _is("name", TEXT),
        _is("arming", sa.String(length=16)),
        _may("hours", sa.String(length=400)),
    )
    _table(
        "alarm_point",
        ["site_id", "panel", "partition", "point"],
        _is("panel", SLUG),
        _is("partition", sa.String(length=32)),
        _is("point", sa.String(length=32)),
        _is("name", TEXT),
        _is("kind", sa.String(length=16)),
        _may("zone_id", SLUG),
    )


def _people() -> None:
    _table(
        "staff",
        ["site_id", "id"],
        _is("id", SLUG),
        _is("name", TEXT),
        _is("role", sa.String(length=16)),
        _may("hired_on", DAY),
        _may("left_on", DAY),
        _is("banned", sa.Boolean()),
    )
    _table(
        "dated_record",
        ["site_id", "staff_id", "kind", "done_on"],
        _is("staff_id", SLUG),
        _is("kind", sa.String(length=32)),
        _is("done_on", DAY),
        _may("valid_until", DAY),
        _may("reference", TEXT),
    )
    _table(
        "class_group",
        ["site_id", "id"],
        _is("id", SLUG),
        _is("name", TEXT),
        _is("kind", sa.String(length=16)),
        _may("size", sa.Integer()),
        _may("carers", sa.Integer()),
        _may("zone_id", SLUG),
    )
    _table("child", ["site_id", "id"], _is("id", SLUG), _is("class_id", SLUG), _of_site(["class_id"], "class_group"))
    op.create_index("ix_child_class", "child", ["site_id", "class_id"])
    _table("guardian", ["site_id", "id"], _is("id", SLUG), _may("contact", TEXT))
    _table(
        "guardian_child",
        ["site_id", "guardian_id", "child_id"],
        *[_is(name, SLUG) for name in ("site_id", "guardian_id", "child_id")],
        _of_site(["guardian_id"], "guardian", cascade=True),
        _of_site(["child_id"], "child", cascade=True),
        site=False,
    )


def _imports() -> None:
    op.create_table(
        "register_import",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        _is("at_us", sa.BigInteger()),
        _is("account_name", SLUG),
        _may("site_id", SLUG),
        _is("sha256", SLUG),
        *[_is(name, sa.Integer()) for name in ("added", "changed", "removed")],
        sa.ForeignKeyConstraint(["site_id"], ["site.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_register_import_site_id", "register_import", ["site_id"])
