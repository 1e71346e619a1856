"""The spool's SQLite file: one connection, one lock, short transactions.

Invariant: when ``transaction`` has returned, its effect survives a power cut (WAL with synchronous=FULL); when it has
raised, it had none.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from config.base.errors import ConfigurationError, NightlightError, ResourceExhausted, Unavailable
from config.base.ids import fresh_id
from edge_agent.spool.ballast import Ballast, free_bytes, full_disk

CHANGES = (
    "CREATE TABLE closing_heartbeats (timeline_id TEXT PRIMARY KEY, body BLOB NOT NULL)",
    """CREATE INDEX outbox_express ON outbox (position) WHERE name = 'alarm-event';
    CREATE TABLE alarm_frames (digest TEXT PRIMARY KEY, taken_us INTEGER NOT NULL);
    CREATE TABLE alarm_states (name TEXT PRIMARY KEY, value TEXT NOT NULL)""",
    """CREATE INDEX outbox_live ON outbox (position) WHERE name IN ('camera-state', 'box-notice', 'configuration-report');
    CREATE TABLE notices (notice TEXT PRIMARY KEY, raised INTEGER NOT NULL)""",
    """CREATE TABLE picture_findings (camera_id TEXT NOT NULL, finding TEXT NOT NULL, finding_id TEXT NOT NULL,
        open INTEGER NOT NULL, since_us INTEGER NOT NULL, PRIMARY KEY (camera_id, finding));
    DROP INDEX outbox_live;
    CREATE INDEX outbox_live ON outbox (position)
        WHERE name IN ('camera-state', 'box-notice', 'configuration-report', 'picture-finding')""",
    """CREATE TABLE camera_clocks (camera_id TEXT NOT NULL, at_us INTEGER NOT NULL, timeline_id TEXT NOT NULL,
        offset_us INTEGER NOT NULL, bound_us INTEGER NOT NULL, PRIMARY KEY (camera_id, at_us));
    CREATE TABLE recorded_spans (camera_id TEXT NOT NULL, start_us INTEGER NOT NULL, end_us INTEGER NOT NULL,
        PRIMARY KEY (camera_id, start_us));
    CREATE TABLE replay_asks (camera_id TEXT NOT NULL, start_us INTEGER NOT NULL, end_us INTEGER NOT NULL,
        tries INTEGER NOT NULL, due_us INTEGER NOT NULL, settled INTEGER NOT NULL, PRIMARY KEY (camera_id, start_us))""",
    "ALTER TABLE alarm_frames ADD COLUMN stamp_us INTEGER",
    """CREATE TABLE witnessed (server_key TEXT PRIMARY KEY, origin TEXT NOT NULL, size INTEGER NOT NULL,
        root BLOB NOT NULL, note BLOB NOT NULL, refused BLOB)""",
)
"""What makes version 2 of a file of version 1, 3 of 2, and so on; schema.sql is the newest."""
SCHEMA_VERSION = len(CHANGES) + 1
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
ROOM_NEEDED_BYTES = 256 * 1024
"""With less on the disk, whatever SQLite complains of is taken for want of room: some of it calls itself an I/O error."""
BUSY_TIMEOUT_S = 5.0
WAL_BYTES_MAX = 16 * 1024 * 1024


class SpoolDatabase:
    """Thread-safe. Raises ConfigurationError where the file cannot serve, ResourceExhausted on a disk that stays full."""

    def __init__(self, path: Path, ballast: Ballast) -> None:
        self._lock = threading.RLock()
        self._path = path
        self._ballast = ballast
        try:
            self._connection = self._open()
        except ResourceExhausted:
            if not ballast.drop():
                raise
            self._connection = self._open()

    def _open(self) -> sqlite3.Connection:
        opened: sqlite3.Connection | None = None
        try:
            opened = sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
            opened.row_factory = sqlite3.Row
            _prepare(opened)
        except sqlite3.Error as error:
            if opened is not None:
                with suppress(sqlite3.Error):
                    opened.close()
            raise self._unusable(error) from error
        return opened

    def _unusable(self, error: sqlite3.Error) -> NightlightError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        what = f"'agent.state_dir': {self._path} cannot be used as the spool ({error})"
        if isinstance(error, _Damaged) or code in DAMAGED:
            return ConfigurationError(
                f"{what}. The file is damaged: move it away and keep it; the recordings beside it are then left untouched"
            )
        if code == sqlite3.SQLITE_FULL or free_bytes(self._path.parent) < ROOM_NEEDED_BYTES:
            return full_disk(self._path.parent)
        return ConfigurationError(what)

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
                if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                    self._ballast.drop()  # for the next try
                raise self._translated(error) from error

    def all(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Every row of a query, which should have a LIMIT or an aggregate."""
        with self._lock:
            try:
                return self._connection.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise self._translated(error) from error

    def one(self, query: str, *values: object) -> sqlite3.Row | None:
        found = self.all(query, *values)
        return found[0] if found else None

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _translated(self, error: sqlite3.Error) -> NightlightError:
        code = getattr(error, "sqlite_errorcode", None)
        if code == sqlite3.SQLITE_FULL or free_bytes(self._path.parent) < ROOM_NEEDED_BYTES:
            return ResourceExhausted("the disk is full: the spool's database cannot be written")
        return Unavailable(f"the spool's database does not work: {error}")


class _Damaged(sqlite3.DatabaseError):
    """The database's own check found a fault."""


def _prepare(connection: sqlite3.Connection) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"journal_size_limit={WAL_BYTES_MAX}"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise _Damaged(verdict)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise sqlite3.NotSupportedError(f"written by a newer version of Nightlight (schema {version})")
    if version == SCHEMA_VERSION:
        return
    changes = ";\n".join(CHANGES[version - 1 :])
    if version == 0:
        schema = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
        # The id is hexadecimal: nothing in it needs quoting.
        changes = f"{schema}\nINSERT INTO spool (chain_id) VALUES ('{fresh_id()}')"
    connection.executescript(f"BEGIN IMMEDIATE;\n{changes};\nPRAGMA user_version={SCHEMA_VERSION};\nCOMMIT;")
