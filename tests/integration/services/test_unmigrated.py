"""A database that was never set up says so, and one that is down is no such thing."""

from pathlib import Path

import pytest

from config.base.errors import ConfigurationError
from storage.database.unit_of_work import Database


def test_no_tables_is_a_configuration_error_that_names_the_command(tmp_path: Path) -> None:
    empty = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(ConfigurationError, match=r"server\.admin init"):
        empty.check_migrated()
    empty.close()


def test_a_migrated_database_passes(database: Database) -> None:
    database.check_migrated()


def test_one_that_does_not_answer_is_left_to_be_waited_for() -> None:
    Database("postgresql+psycopg://127.0.0.1:1/nowhere").check_migrated()
