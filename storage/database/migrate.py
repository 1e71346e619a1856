"""Brings a database to the newest schema; migrations live beside this file and run the same on both databases."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from config.base.errors import ConfigurationError
from storage.database.unit_of_work import Database


def alembic_config(database: Database) -> Config:
    """Alembic's view of one database; no ini file, no URL with a password in it."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["engine"] = database.engine
    return config


def migrate(database: Database) -> None:
    """Applies every migration that is missing. Raises ConfigurationError for a database of no release that is known."""
    try:
        command.upgrade(alembic_config(database), "head")
    except CommandError as error:
        raise ConfigurationError(
            f"'database.url': made by a version that this one does not know ({error}): start with an empty database,"
            " or with the version that made it · 数据库由本版本不认识的版本建立：请使用空数据库，或使用建立它的版本"
        ) from error
