"""Where there is footage of each camera: what lies between was missed, and may be had from the camera's own memory.

Invariant: a span is noted in the transaction that claims its segment; the table is bounded by number for each camera.
"""

import sqlite3

from config.base.timespan import SpanSet
from edge_agent.spool.database import SpoolDatabase

JOIN_US = 1_500_000
"""A smaller hole is not worth asking a camera for."""
SPANS_MAX = 512


def note_recorded(connection: sqlite3.Connection, camera_id: str, start_us: int, end_us: int) -> None:
    """Adds a span, joined with those that it touches or nearly touches."""
    touching = connection.execute(
        "SELECT start_us, end_us FROM recorded_spans WHERE camera_id = ? AND end_us >= ? AND start_us <= ?",
        (camera_id, start_us - JOIN_US, end_us + JOIN_US),
    ).fetchall()
    connection.executemany(
        "DELETE FROM recorded_spans WHERE camera_id = ? AND start_us = ?", [(camera_id, row[0]) for row in touching]
    )
    first_us = min([start_us, *(row[0] for row in touching)])
    last_us = max([end_us, *(row[1] for row in touching)])
    connection.execute("INSERT INTO recorded_spans VALUES (?, ?, ?)", (camera_id, first_us, last_us))
    if not touching:
        connection.execute(
            "DELETE FROM recorded_spans WHERE camera_id = ?1 AND start_us NOT IN"
            " (SELECT start_us FROM recorded_spans WHERE camera_id = ?1 ORDER BY start_us DESC LIMIT ?2)",
            (camera_id, SPANS_MAX),
        )


def recorded_spans(database: SpoolDatabase, camera_id: str) -> SpanSet:
    """The spans of one camera. Raises NightlightError."""
    rows = database.all("SELECT start_us, end_us FROM recorded_spans WHERE camera_id = ?", camera_id)
    return SpanSet((row["start_us"], row["end_us"]) for row in rows)
