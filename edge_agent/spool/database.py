"""The spool's SQLite file: one connection, one lock, short transactions.

Invariant: when ``transaction`` has returned, its effect survives a power cut (WAL with synchronous=FULL); when it has
raised, it had none.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.base.errors import ConfigurationError, NightlightError, ResourceExhausted, Unavailable
from config.base.ids import fresh_id

SCHEMA_VERSION = 1
BUSY_TIMEOUT_S = 5.0
WAL_BYTES_MAX = 16 * 1024 * 1024


class SpoolDatabase:
    """Thread-safe. Raises ConfigurationError where the file cannot serve as a spool."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        try:
            self._connection = sqlite3.connect(
                path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            self._connection.row_factory = sqlite3.Row
            self._prepare()
        except sqlite3.Error as error:
            raise ConfigurationError(
                f"'agent.state_dir': {path} cannot be used as the spool ({error}). Where the file is damaged, move it"
                " away and keep it: the recordings beside it are then left untouched"
            ) from error

    def _prepare(self) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", f"journal_size_limit={WAL_BYTES_MAX}"):
            self._connection.execute(f"PRAGMA {pragma}").fetchall()
        verdict = self._connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"damaged: {verdict}")
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise sqlite3.DatabaseError(f"written by a newer version of Nightlight (schema {version})")
        if version == 0:
            schema = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
            # The id is hexadecimal: nothing in it needs quoting.
            schema += f"\nINSERT INTO spool (chain_id) VALUES ('{fresh_id()}');"
            self._connection.executescript(
                f"BEGIN IMMEDIATE;\n{schema}\nPRAGMA user_version={SCHEMA_VERSION};\nCOMMIT;"
            )

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing. Raises ResourceExhausted where the disk is full, Unavailable where it fails otherwise."""
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection
                    self._connection.execute("COMMIT")
                finally:
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
            except sqlite3.Error as error:
                raise _translated(error) from error

    def all(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Every row of a query, which should have a LIMIT or an aggregate."""
        with self._lock:
            try:
                return self._connection.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise _translated(error) from error

    def one(self, query: str, *values: object) -> sqlite3.Row | None:
        found = self.all(query, *values)
        return found[0] if found else None

    def close(self) -> None:
        with self._lock:
            self._connection.close()


def _translated(error: sqlite3.Error) -> NightlightError:
    code = getattr(error, "sqlite_errorcode", None)
    if code == sqlite3.SQLITE_FULL:
        return ResourceExhausted("the disk is full: the spool's database cannot be written")
    return Unavailable(f"the spool's database does not work: {error}")
