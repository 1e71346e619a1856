"""The history of places begins with what the registers themselves prove, and with nothing more (I1)."""

from alembic import command
from sqlalchemy import text

from storage.database.migrate import alembic_config
from storage.database.unit_of_work import Database

BEFORE = (
    "INSERT INTO site (id, name, region, timezone, created_us, published) VALUES ('{site}', 's', 'cn', 'UTC', 1, {no})",
    "INSERT INTO zone (site_id, id, name, kind, registered_us) VALUES ('{site}', 'nap', 'n', 'sleeping', 10)",
    "INSERT INTO zone (site_id, id, name, kind) VALUES ('{site}', 'hall', 'h', 'corridor')",
    "INSERT INTO agent (id, site_id, public_key, created_us) VALUES ('{site}-box', '{site}', {blob}, 1)",
    (
        "INSERT INTO camera (id, site_id, zone_id, agent_id, name, registered_us, settled_until_us)"
        " VALUES ('{site}-cam', '{site}', 'nap', '{site}-box', 'c', 20, 0)"
    ),
)


def test_it_begins_with_the_last_change_that_an_import_made(tmp_path) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    database = Database(url)
    config = alembic_config(database)
    command.upgrade(config, "0035")
    with database.engine.begin() as connection:
        for site in ("quiet", "imported"):
            for statement in BEFORE:
                connection.execute(text(statement.format(site=site, no="false", blob="x'00'")))
        connection.execute(
            text("INSERT INTO camera_zone (camera_id, zone_id, site_id) VALUES ('imported-cam', 'hall', 'imported')")
        )
        told = "INSERT INTO register_import (at_us, account_name, site_id, sha256, added, changed, removed) VALUES "
        connection.execute(text(told + "(50, '', 'imported', '', 0, 1, 0), (60, '', 'imported', '', 3, 0, 0)"))
    command.upgrade(config, "0036")
    with database.engine.connect() as connection:
        sights = connection.execute(text("SELECT camera_id, zone_id, from_us FROM camera_sight ORDER BY 1, 2")).all()
        words = connection.execute(text("SELECT site_id, zone_id, from_us FROM zone_word ORDER BY 1, 2")).all()
    database.close()
    assert [tuple(row) for row in sights] == [
        ("imported-cam", "hall", 60),
        ("imported-cam", "nap", 50),
        ("quiet-cam", "nap", 20),
    ]
    assert [tuple(row) for row in words] == [
        ("imported", "hall", 50),
        ("imported", "nap", 50),
        ("quiet", "hall", 0),
        ("quiet", "nap", 10),
    ]


def test_where_children_are_begins_with_the_last_import_and_where_there_was_none_now(tmp_path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'old.db'}")
    config = alembic_config(database)
    command.upgrade(config, "0036")
    told = "INSERT INTO register_import (at_us, account_name, site_id, sha256, added, changed, removed) VALUES "
    with database.engine.begin() as connection:
        for site in ("quiet", "imported"):
            for statement in (
                *BEFORE,
                "INSERT INTO class_group (site_id, id, name, kind, zone_id) VALUES ('{site}', 'small', 's', 'mixed', 'hall')",
                "INSERT INTO class_group (site_id, id, name, kind) VALUES ('{site}', 'out', 'o', 'mixed')",
                "INSERT INTO class_zone (site_id, class_id, zone_id) VALUES ('{site}', 'small', 'nap')",
                "INSERT INTO child (site_id, id, class_id) VALUES ('{site}', 'c1', 'small'), ('{site}', 'c2', 'out')",
            ):
                connection.execute(text(statement.format(site=site, no="false", blob="x'00'")))
        connection.execute(text(told + "(50, '', 'imported', '', 0, 1, 0), (60, '', 'imported', '', 3, 0, 0)"))
    command.upgrade(config, "0037")
    query = (
        "SELECT site_id, child_id, class_id, zone_id, from_us FROM child_room WHERE until_us IS NULL ORDER BY 1, 2, 4"
    )
    with database.engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    database.close()
    where = [("c1", "small", "hall"), ("c1", "small", "nap"), ("c2", "out", "")]
    assert found[:3] == [("imported", *one, 60) for one in where]
    assert [row[:4] for row in found[3:]] == [("quiet", *one) for one in where]
    assert all(row[4] > 1_600_000_000_000_000 for row in found[3:])
