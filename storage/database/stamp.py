"""Whether anything at all was committed since: one cheap question in place of a dozen.

    before = stamp.read()
    ...                      # read facts
    stamp.read() == before   # then what was read still stands

Invariant: equal stamps mean that both questions saw the same committed rows, whoever wrote and by what road; the database itself
says so, so that no writer can forget to. It errs to one side alone: a change of something else makes it differ as well.
Source: SQLite, ``PRAGMA data_version``; PostgreSQL 13, 9.27 (``pg_current_snapshot``): equal snapshots see the same transactions.
"""

import sqlite3
from contextlib import suppress
from threading import Lock

from sqlalchemy import PoolProxiedConnection, text
from sqlalchemy.exc import SQLAlchemyError

from config.base.errors import Unavailable
from config.base.ids import fresh_id
from storage.database.unit_of_work import Database


class ChangeStamp:
    """Thread-safe. On SQLite it keeps one connection of its own, which never writes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = Lock()
        self._own: PoolProxiedConnection | None = None
        self._name = ""

    def read(self) -> str:
        """Raises Unavailable."""
        if self._database.engine.dialect.name != "sqlite":
            with self._database.reading() as session:
                return str(session.scalar(text("SELECT CAST(pg_current_snapshot() AS text)")))
        with self._lock:
            return self._of_sqlite()

    def close(self) -> None:
        """Gives the connection back."""
        with self._lock:
            self._drop()

    def _of_sqlite(self) -> str:
        try:
            if self._own is None:
                self._own = self._database.engine.raw_connection()
                self._name = fresh_id()  # versions of two connections say nothing of each other
            (version,) = self._own.execute("PRAGMA data_version").fetchone()
        except (SQLAlchemyError, sqlite3.Error) as error:
            self._drop()
            raise Unavailable(f"the database does not answer: {error}") from error
        return f"{self._name}:{version}"

    def _drop(self) -> None:
        own, self._own = self._own, None
        if own is not None:
            with suppress(SQLAlchemyError, sqlite3.Error):
                own.close()
