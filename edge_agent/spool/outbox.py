"""The durable outbox: every message that the server has not answered, in order, as the bytes that are sent.

Invariant: a row goes only on the server's word: an Acknowledgement, or, for ``segment-uploaded``, a Receipt or a
refusal. A PUBACK removes nothing. A message in quarantine moves to ``dead_letters``; nothing vanishes (I11).
"""

import json
import sqlite3
import threading
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from config.base.logs import get_logger
from edge_agent.messages import SealedMessage
from edge_agent.spool.database import SpoolDatabase

DEAD_LETTERS_MAX = 20_000
SEGMENT_UPLOADED = "segment-uploaded"
Lane = Literal["live", "backlog"]
"""Live state goes before the backlog, and each has a window of its own."""
LANES: tuple[Lane, ...] = ("live", "backlog")
_OF_LANE: dict[Lane, str] = {
    "live": "name IN ('camera-state', 'box-notice', 'configuration-report', 'picture-finding')",  # as the index outbox_live
    "backlog": "name NOT IN ('camera-state', 'box-notice', 'configuration-report', 'picture-finding', 'alarm-event')",
}

log = get_logger("spool")


@dataclass(frozen=True)
class OutboxRow:
    """A message that waits; ``position`` gives the order."""

    position: int
    message_id: str
    name: str
    camera_id: str
    body: bytes


class Outbox:
    """Thread-safe. ``wake`` is set whenever something was put in."""

    def __init__(self, database: SpoolDatabase) -> None:
        self._database = database
        self.wake = threading.Event()

    def put(self, connection: sqlite3.Connection, message: SealedMessage) -> None:
        """Adds a message within the caller's transaction; the caller sets ``wake`` after it."""
        connection.execute(
            "INSERT INTO outbox (message_id, name, camera_id, segment_id, about_us, body) VALUES (?, ?, ?, ?, ?, ?)",
            (message.message_id, message.name, message.camera_id, message.segment_id, message.about_us, message.body),
        )

    def put_state(self, message: SealedMessage, condition: str) -> None:
        """Adds a camera's change of condition and remembers it as the newest one told."""
        with self._database.transaction() as connection:
            self.put(connection, message)
            connection.execute(
                "INSERT INTO cameras (camera_id, condition) VALUES (?, ?)"
                " ON CONFLICT (camera_id) DO UPDATE SET condition = excluded.condition",
                (message.camera_id, condition),
            )
        self.wake.set()

    def told_conditions(self) -> dict[str, str]:
        """The newest condition of each camera that was ever put into the outbox."""
        return {row["camera_id"]: row["condition"] for row in self._database.all("SELECT * FROM cameras")}

    def between(
        self, after: int, until: int | None, limit: int, but: Collection[str] = (), *, lane: Lane = "backlog"
    ) -> list[OutboxRow]:
        """Rows of a lane with ``after < position <= until`` in order, at most ``limit``, but for those of some cameras.

        What goes out by ``express`` is in neither lane.
        """
        rows = self._database.all(
            f"SELECT position, message_id, name, camera_id, body FROM outbox WHERE {_OF_LANE[lane]}"  # noqa: S608 - a constant
            " AND position > ? AND position <= ?"
            " AND camera_id NOT IN (SELECT value FROM json_each(?)) ORDER BY position LIMIT ?",
            after,
            2**62 if until is None else until,
            json.dumps(sorted(but)),
            limit,
        )
        return [OutboxRow(**{**dict(row), "body": bytes(row["body"])}) for row in rows]

    def express(self, limit: int) -> list[OutboxRow]:
        """The oldest alarm events that wait."""
        rows = self._database.all(
            "SELECT position, message_id, name, camera_id, body FROM outbox WHERE name = 'alarm-event'"
            " ORDER BY position LIMIT ?",  # the words of the index outbox_express
            limit,
        )
        return [OutboxRow(**{**dict(row), "body": bytes(row["body"])}) for row in rows]

    @staticmethod
    def express_count(connection: sqlite3.Connection) -> int:
        """How many alarm events wait."""
        row = connection.execute("SELECT COUNT(*) FROM outbox WHERE name = 'alarm-event'").fetchone()
        return int(row[0])

    def oldest_of(self, camera_id: str, limit: int, *, lane: Lane = "backlog") -> list[OutboxRow]:
        """The first rows of one camera."""
        rows = self._database.all(
            f"SELECT position, message_id, name, camera_id, body FROM outbox WHERE {_OF_LANE[lane]}"  # noqa: S608 - a constant
            " AND camera_id = ? ORDER BY position LIMIT ?",
            camera_id,
            limit,
        )
        return [OutboxRow(**{**dict(row), "body": bytes(row["body"])}) for row in rows]

    def acknowledge(
        self, message_id: str, outcome: Literal["committed", "quarantined"], reason: str, now_us: int
    ) -> None:
        """What the server's Acknowledgement does; nothing where no such message waits (it was answered before)."""
        with self._database.transaction() as connection:
            row = connection.execute("SELECT * FROM outbox WHERE message_id = ?", (message_id,)).fetchone()
            if row is None:
                return
            if outcome == "quarantined":
                self._bury(connection, row, reason, now_us)
            elif row["name"] == SEGMENT_UPLOADED:
                connection.execute("UPDATE outbox SET acknowledged = 1 WHERE message_id = ?", (message_id,))
            else:
                connection.execute("DELETE FROM outbox WHERE message_id = ?", (message_id,))
        if outcome == "quarantined":
            log.error("message_quarantined", message_id=message_id, name=row["name"], reason=reason)

    def oldest_unacknowledged(self) -> dict[str, int]:
        """For each camera, the instant from which on the server may not know everything yet."""
        rows = self._database.all(
            "SELECT camera_id, MIN(about_us) AS about_us FROM outbox WHERE acknowledged = 0 GROUP BY camera_id"
        )
        return {row["camera_id"]: row["about_us"] for row in rows}

    def counts(self) -> tuple[int, int]:
        """Messages waiting, messages refused."""
        row = self._database.one(
            "SELECT (SELECT COUNT(*) FROM outbox) AS waiting, (SELECT COUNT(*) FROM dead_letters) AS refused"
        )
        return (row["waiting"], row["refused"]) if row else (0, 0)

    def _bury(self, connection: sqlite3.Connection, row: sqlite3.Row, reason: str, now_us: int) -> None:
        fields = (row["message_id"], row["name"], row["camera_id"], row["segment_id"], row["body"], reason, now_us)
        connection.execute("INSERT INTO dead_letters VALUES (?, ?, ?, ?, ?, ?, ?)", fields)
        connection.execute("DELETE FROM outbox WHERE message_id = ?", (row["message_id"],))
        if row["segment_id"] is not None:
            connection.execute(
                "UPDATE segments SET state = 'refused' WHERE segment_id = ? AND state IN ('waiting', 'uploaded')",
                (row["segment_id"],),
            )
        gone = connection.execute(
            "DELETE FROM dead_letters WHERE message_id IN"
            " (SELECT message_id FROM dead_letters ORDER BY refused_us DESC LIMIT -1 OFFSET ?)",
            (DEAD_LETTERS_MAX,),
        ).rowcount
        if gone:
            log.error("dead_letters_overflow", removed=gone, kept=DEAD_LETTERS_MAX)
