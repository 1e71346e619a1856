"""What each camera's clock was compared with, and when: footage of its own memory is timed by that later.

Invariant: bounded by age and by number; a reading is kept with the timeline that it was made on, for apart from that it
means nothing.
"""

from config.wire.replay import CameraClockReading
from edge_agent.spool.database import SpoolDatabase

READINGS_MAX = 2_000
"""Of one camera: two weeks of one every ten minutes."""


class ClockBook:
    """Thread-safe."""

    def __init__(self, database: SpoolDatabase) -> None:
        self._database = database

    def note(self, camera_id: str, reading: CameraClockReading) -> None:
        """Keeps a reading. Raises NightlightError."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO camera_clocks (camera_id, at_us, timeline_id, offset_us, bound_us)"
                " VALUES (?, ?, ?, ?, ?)",
                (camera_id, reading.at_us, reading.timeline_id, reading.offset_us, reading.bound_us),
            )
            connection.execute(
                "DELETE FROM camera_clocks WHERE camera_id = ?1 AND at_us NOT IN"
                " (SELECT at_us FROM camera_clocks WHERE camera_id = ?1 ORDER BY at_us DESC LIMIT ?2)",
                (camera_id, READINGS_MAX),
            )

    def before(self, camera_id: str, at_us: int) -> CameraClockReading | None:
        """The newest reading that was made before an instant. Raises NightlightError."""
        row = self._database.one(
            "SELECT at_us, timeline_id, offset_us, bound_us FROM camera_clocks WHERE camera_id = ? AND at_us <= ?"
            " ORDER BY at_us DESC LIMIT 1",
            camera_id,
            at_us,
        )
        return CameraClockReading(**dict(row)) if row else None
