"""Engine and units of work: one transaction per use case, committed at its end, no network I/O inside it.

SQLite runs in WAL mode with ``synchronous=FULL``: what is committed survives a power cut. A writing unit of work begins
with ``BEGIN IMMEDIATE``, because a transaction that reads first and writes later cannot wait for another writer.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from config.base.errors import ConfigurationError, Conflict, Unavailable
from storage.database.turns import Turns

SQLITE_BUSY_TIMEOUT_MS = 20_000
_READ_ONLY = "nightlight_read_only"


class Database:
    """The one way to the database. Raises Unavailable where it does not answer, Conflict where two writers collided."""

    def __init__(self, url: str, *, password: str = "", pool_size: int = 8, read_only: bool = False) -> None:
        """``read_only``: the connections themselves refuse to change anything."""
        target = make_url(url)
        if password:
            target = target.set(password=password)
        options: dict[str, Any] = {"pool_pre_ping": True}
        if target.get_backend_name() == "postgresql":
            arguments: dict[str, Any] = {"connect_timeout": 5}
            if read_only:
                arguments["options"] = "-c default_transaction_read_only=on"
            options |= {"pool_size": pool_size, "max_overflow": pool_size, "connect_args": arguments}
        elif read_only and target.database:
            # SQLite makes a file that is not there; opened by this URI it neither makes nor changes one.
            target = target.set(database=f"file:{quote(target.database)}").update_query_dict(
                {"mode": "ro", "uri": "true"}
            )
        self.engine: Engine = create_engine(target, **options)
        if target.get_backend_name() == "sqlite":
            event.listen(self.engine, "connect", _configure_reading_sqlite if read_only else _configure_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        # A server database lets its writers pass each other; SQLite has one, and is not fair to those who wait.
        self._turns = Turns(SQLITE_BUSY_TIMEOUT_MS / 1_000) if target.get_backend_name() == "sqlite" else None

    @contextmanager
    def unit_of_work(self) -> Iterator[Session]:
        """One writing transaction: committed where the block ends, rolled back where it raises."""
        with self._turns.mine() if self._turns else nullcontext(), self._session(read_only=False) as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One consistent view for reading; never commits."""
        with self._session(read_only=True) as session:
            yield session

    @contextmanager
    def _session(self, *, read_only: bool) -> Iterator[Session]:
        try:
            with (
                self.engine.connect().execution_options(**{_READ_ONLY: read_only}) as connection,
                Session(connection, expire_on_commit=False) as session,
            ):
                yield session
                if read_only:
                    # What was read stays readable after the block; a rollback would empty it.
                    session.expunge_all()
                    session.rollback()
                else:
                    session.commit()
                    connection.commit()
        except (OperationalError, ProgrammingError) as error:
            if _lacks_table(error):
                raise ConfigurationError(
                    "the database has no tables yet: run 'python -m server.admin init' first"
                ) from error
            if isinstance(error, ProgrammingError):
                raise
            raise Unavailable(f"the database does not answer: {error.orig}") from error
        except IntegrityError as error:
            raise Conflict(f"another writer was first: {error.orig}") from error
        except StaleDataError as error:
            raise Conflict("another writer was first") from error

    def ping(self) -> None:
        """Raises Unavailable where the database does not answer."""
        with self.reading() as session:
            session.execute(text("SELECT 1"))

    def check_migrated(self) -> None:
        """Raises ConfigurationError where there are no tables; one that does not answer now is waited for elsewhere."""
        with suppress(Unavailable), self.reading() as session:
            session.execute(text("SELECT 1 FROM site LIMIT 1"))

    def close(self) -> None:
        self.engine.dispose()


def _lacks_table(error: DBAPIError) -> bool:
    # SQLSTATE 42P01 is undefined_table; SQLite has only words.
    return getattr(error.orig, "sqlstate", None) == "42P01" or "no such table" in str(error.orig)


def _configure_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # SQLAlchemy's own BEGIN is issued below; the driver must not add another.
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={SQLITE_BUSY_TIMEOUT_MS}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _configure_reading_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    for pragma in ("query_only=ON", f"busy_timeout={SQLITE_BUSY_TIMEOUT_MS}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
