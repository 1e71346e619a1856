"""A database that was never set up says so, and one that is down is no such thing."""

from pathlib import Path

import pytest
from sqlalchemy import text

from config.base.errors import ConfigurationError
from storage.database.migrate import migrate
from storage.database.unit_of_work import Database


def test_no_tables_is_a_configuration_error_that_names_the_command(tmp_path: Path) -> None:
    empty = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(ConfigurationError, match=r"server\.admin init"):
        empty.check_migrated()
    empty.close()


def test_a_database_of_a_version_that_is_not_known_says_so_and_stays_as_it_is(tmp_path: Path) -> None:
    strange = Database(f"sqlite:///{tmp_path / 'strange.db'}")
    with strange.unit_of_work() as session:
        session.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        session.execute(text("INSERT INTO alembic_version VALUES ('0039')"))
    with pytest.raises(ConfigurationError, match="empty database"):
        migrate(strange)
    with strange.reading() as session:
        assert session.scalar(text("SELECT COUNT(*) FROM sqlite_master")) == 1
    strange.close()


def test_a_migrated_database_passes(database: Database) -> None:
    database.check_migrated()


def test_one_that_does_not_answer_is_left_to_be_waited_for() -> None:
    Database("postgresql+psycopg://127.0.0.1:1/nowhere").check_migrated()
