"""Segments from their first byte to their receipt: the row of each, its file, and what moves it on.

Invariants: making a segment whole, putting its signed manifest into the outbox and advancing the camera's chain are
one transaction. A file is removed only after a Receipt that names exactly the bytes, key and version that were
uploaded (I2), and only after that has been committed; or, where the agent was told to keep the newest, after its
signed statement of the loss has been committed to the outbox.
"""

import json
import sqlite3
import threading
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from config.base.logs import get_logger
from config.evidence.leaves import root_of_file
from config.wire.cells import SeenInCell
from config.wire.segments import Receipt, UploadRefused
from edge_agent.cameras.feed import Codec
from edge_agent.messages import Sealer, SegmentClaim
from edge_agent.recording.sink import sync_folder
from edge_agent.spool.database import SpoolDatabase
from edge_agent.spool.outbox import SEGMENT_UPLOADED, Outbox
from edge_agent.spool.recorded import note_recorded

PART, WHOLE = ".mp4.part", ".mp4"
UNRECEIPTED = "('waiting', 'uploaded', 'refused', 'damaged')"

log = get_logger("spool")


@dataclass(frozen=True)
class OpenSegment:
    """A segment that is being written."""

    segment_id: str
    camera_id: str
    run_id: str
    timeline_id: str
    start_us: int
    codec: Codec
    width: int
    height: int


@dataclass(frozen=True)
class WaitingSegment:
    """A whole segment that is to be uploaded."""

    segment_id: str
    camera_id: str
    start_us: int
    end_us: int
    sha256: str
    size_bytes: int
    path: Path


@dataclass(frozen=True)
class Backlog:
    """What the server has not receipted."""

    segments: int
    size_bytes: int
    oldest_us: int | None


ReceiptOutcome = Literal["freed", "unknown", "mismatch"]


class SegmentSpool:
    """Thread-safe. ``wake`` is set whenever a segment began to wait for its upload."""

    def __init__(
        self, database: SpoolDatabase, folder: Path, sealer: Sealer, outbox: Outbox, *, leaf_roots: bool = False
    ) -> None:
        """``leaf_roots``: manifests name the root over their leaves, for sites whose recordings stay in their own store."""
        self._database = database
        self._folder = folder
        self._sealer = sealer
        self._outbox = outbox
        self.wake = threading.Event()
        self._leaf_roots = leaf_roots

    def part_path(self, camera_id: str, segment_id: str) -> Path:
        return self._folder / camera_id / f"{segment_id}{PART}"

    def path(self, camera_id: str, segment_id: str) -> Path:
        return self._folder / camera_id / f"{segment_id}{WHOLE}"

    def open(self, segment: OpenSegment) -> None:
        """Notes a segment before its file is made."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO segments (segment_id, camera_id, run_id, timeline_id, state, start_us, codec, width, height)"
                " VALUES (?, ?, ?, ?, 'open', ?, ?, ?, ?)",
                (
                    segment.segment_id,
                    segment.camera_id,
                    segment.run_id,
                    segment.timeline_id,
                    segment.start_us,
                    segment.codec,
                    segment.width,
                    segment.height,
                ),
            )

    def restate(self, segment_id: str, start_us: int) -> None:
        """The open segment begins there, as is known by now."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE segments SET start_us = ? WHERE segment_id = ? AND state = 'open'", (start_us, segment_id)
            )

    def opened(self, camera_id: str | None = None) -> list[OpenSegment]:
        """Segments noted as being written, of one camera or of all, oldest first."""
        rows = self._database.all(
            "SELECT * FROM segments WHERE state = 'open' AND (?1 IS NULL OR camera_id = ?1) ORDER BY start_us",
            camera_id,
        )
        return [OpenSegment(**{field: row[field] for field in OpenSegment.__dataclass_fields__}) for row in rows]

    def end_of(self, segment_id: str) -> int | None:
        """Where a whole segment ends; None where it is not whole, or gone."""
        row = self._database.one("SELECT end_us FROM segments WHERE segment_id = ?", segment_id)
        return row["end_us"] if row else None

    def oldest_open(self) -> dict[str, int]:
        """For each camera, where the oldest segment begins that is being written or waits to be rescued."""
        rows = self._database.all(
            "SELECT camera_id, MIN(start_us) AS start_us FROM segments WHERE state = 'open' GROUP BY camera_id"
        )
        return {row["camera_id"]: row["start_us"] for row in rows}

    def oldest_unreceipted(self) -> dict[str, int]:
        """For each camera, where the oldest whole segment begins that the server has not receipted."""
        rows = self._database.all(
            "SELECT camera_id, MIN(start_us) AS start_us FROM segments WHERE state IN ('waiting', 'uploaded')"
            " GROUP BY camera_id"
        )
        return {row["camera_id"]: row["start_us"] for row in rows}

    def forget(self, segment_id: str) -> None:
        """Drops the row of an open segment that holds nothing."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM segments WHERE segment_id = ? AND state = 'open'", (segment_id,))

    def finalise(
        self, segment: OpenSegment, *, end_us: int, sha256: str, size_bytes: int, frames: int, recovered: bool = False
    ) -> None:
        """The segment is whole and has its final name: claims it, in one transaction.

        It may begin elsewhere by now than where it was noted when it was opened.
        """
        claim = SegmentClaim(
            **{field: getattr(segment, field) for field in OpenSegment.__dataclass_fields__},
            end_us=end_us,
            sha256=sha256,
            size_bytes=size_bytes,
            frames=frames,
            recovered=recovered,
        )
        claim = self._with_root(claim)
        with self._database.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO cameras (camera_id) VALUES (?)", (segment.camera_id,))
            chain = connection.execute(
                "SELECT chain_id, next_sequence, previous FROM cameras, spool WHERE camera_id = ?", (segment.camera_id,)
            ).fetchone()
            manifest = self._sealer.segment_recorded(claim, *chain)
            updated = connection.execute(
                "UPDATE segments SET state = 'waiting', start_us = ?, end_us = ?, sha256 = ?, size_bytes = ?, frames = ?"
                " WHERE segment_id = ? AND state = 'open'",
                (segment.start_us, end_us, sha256, size_bytes, frames, segment.segment_id),
            ).rowcount
            if updated != 1:
                raise sqlite3.IntegrityError(f"segment {segment.segment_id} was not open")
            self._outbox.put(connection, manifest)
            note_recorded(connection, segment.camera_id, segment.start_us, end_us)
            connection.execute(
                "UPDATE cameras SET next_sequence = next_sequence + 1, previous = ? WHERE camera_id = ?",
                (manifest.payload_sha256, segment.camera_id),
            )
        self._outbox.wake.set()
        self.wake.set()

    def adopt(self, claim: SegmentClaim) -> None:
        """Claims a whole file that lies under its final name already, in one transaction: row, manifest and chain."""
        claim = self._with_root(claim)
        with self._database.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO cameras (camera_id) VALUES (?)", (claim.camera_id,))
            chain = connection.execute(
                "SELECT chain_id, next_sequence, previous FROM cameras, spool WHERE camera_id = ?", (claim.camera_id,)
            ).fetchone()
            manifest = self._sealer.segment_recorded(claim, *chain)
            names = [*OpenSegment.__dataclass_fields__, "end_us", "sha256", "size_bytes", "frames"]
            connection.execute(
                f"INSERT INTO segments (state, {', '.join(names)}) VALUES ('waiting'{', ?' * len(names)})",  # noqa: S608 - names of fields
                [getattr(claim, name) for name in names],
            )
            self._outbox.put(connection, manifest)
            note_recorded(connection, claim.camera_id, claim.start_us, claim.end_us)
            connection.execute(
                "UPDATE cameras SET next_sequence = next_sequence + 1, previous = ? WHERE camera_id = ?",
                (manifest.payload_sha256, claim.camera_id),
            )
        self._outbox.wake.set()
        self.wake.set()

    def waiting(self, limit: int, but: Collection[str] = ()) -> list[WaitingSegment]:
        """Segments to be uploaded, oldest first, but for those of some cameras."""
        rows = self._database.all(
            "SELECT segment_id, camera_id, start_us, end_us, sha256, size_bytes FROM segments"
            " WHERE state = 'waiting' AND camera_id NOT IN (SELECT value FROM json_each(?))"
            " ORDER BY start_us LIMIT ?",
            json.dumps(sorted(but)),
            limit,
        )
        return [WaitingSegment(**dict(row), path=self.path(row["camera_id"], row["segment_id"])) for row in rows]

    def uploaded(
        self, segment: WaitingSegment, object_key: str, version_id: str, seen: SeenInCell | None = None
    ) -> None:
        """The store has the bytes as this version: notes that and tells the server, in one transaction.

        ``seen``: what was read back, where the store is the site's own.
        """
        message = self._sealer.segment_uploaded(
            segment.camera_id, segment.segment_id, segment.sha256, segment.start_us, object_key, version_id, seen
        )
        with self._database.transaction() as connection:
            moved = connection.execute(
                "UPDATE segments SET state = 'uploaded', object_key = ?, version_id = ?"
                " WHERE segment_id = ? AND state = 'waiting'",
                (object_key, version_id, segment.segment_id),
            ).rowcount
            # Where its manifest was refused meanwhile, there is nothing to ask a receipt for; where it was evicted while
            # it was under way, it has reached the store all the same: the server can still count it.
            if moved or self._is_freed(connection, segment.segment_id):
                self._outbox.put(connection, message)
        self._outbox.wake.set()

    def upload_again(self, refused: UploadRefused) -> bool:
        """The server refused the version: back to waiting. False where it speaks of another upload."""
        with self._database.transaction() as connection:
            moved = connection.execute(
                "UPDATE segments SET state = 'waiting', object_key = NULL, version_id = NULL"
                " WHERE segment_id = ? AND state = 'uploaded' AND object_key = ? AND version_id = ?",
                (refused.segment_id, refused.object_key, refused.version_id),
            ).rowcount
            if moved or self._is_freed(connection, refused.segment_id):
                self._drop_question(connection, refused.segment_id)
        if moved:
            self.wake.set()
        return bool(moved)

    def release(self, receipt: Receipt) -> ReceiptOutcome:
        """Frees the local copy, if the receipt names exactly what was uploaded."""
        with self._database.transaction() as connection:
            row = connection.execute("SELECT * FROM segments WHERE segment_id = ?", (receipt.segment_id,)).fetchone()
            if row is None or row["state"] == "freed":
                self._drop_question(connection, receipt.segment_id)  # of one that was evicted after its upload
                return "unknown"
            held = (row["sha256"], row["object_key"], row["version_id"])
            if held != (receipt.sha256, receipt.object_key, receipt.version_id):
                return "mismatch"
            connection.execute("UPDATE segments SET state = 'freed' WHERE segment_id = ?", (receipt.segment_id,))
            self._drop_question(connection, receipt.segment_id)
        self.remove_freed(row["camera_id"], receipt.segment_id)
        return "freed"

    def remove_freed(self, camera_id: str, segment_id: str) -> None:
        """Removes the file of a freed segment, then its row."""
        try:
            path = self.path(camera_id, segment_id)
            path.unlink(missing_ok=True)
            with suppress(FileNotFoundError):  # of a camera whose folder somebody removed
                sync_folder(path.parent)  # else a power cut could bring the file back with nobody to know it
        except OSError as error:
            log.exception("freed_file_stays", segment_id=segment_id, error=error.strerror)
            return
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM segments WHERE segment_id = ? AND state = 'freed'", (segment_id,))

    def set_aside(self, segment_id: str) -> None:
        """The file is gone or not what was recorded: no upload can help; kept for a person to look at."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE segments SET state = 'damaged' WHERE segment_id = ?", (segment_id,))

    def in_state(self, state: Literal["waiting", "uploaded", "freed", "refused"]) -> list[tuple[str, str]]:
        """Camera and segment id of every segment in a state; used once, at start."""
        rows = self._database.all("SELECT camera_id, segment_id FROM segments WHERE state = ?", state)
        return [(row["camera_id"], row["segment_id"]) for row in rows]

    def known_ids(self) -> set[str]:
        return {row["segment_id"] for row in self._database.all("SELECT segment_id FROM segments")}

    def backlog(self) -> Backlog:
        row = self._database.one(
            "SELECT COUNT(*) AS segments, TOTAL(size_bytes) AS size_bytes, MIN(start_us) AS oldest_us FROM segments"
            " WHERE state IN ('waiting', 'uploaded', 'refused', 'damaged')"  # the words of UNRECEIPTED
        )
        return Backlog(row["segments"], int(row["size_bytes"]), row["oldest_us"]) if row else Backlog(0, 0, None)

    def finalised_bytes(self) -> int:
        """What whole segments take on the disk."""
        return self.backlog().size_bytes

    def oldest_whole(self, limit: int, but: Collection[str] = ()) -> list[tuple[str, int]]:
        """Id and size of whole segments without a receipt, oldest first, but for some."""
        rows = self._database.all(
            f"SELECT segment_id, size_bytes FROM segments WHERE state IN {UNRECEIPTED}"  # noqa: S608 - a constant
            " AND segment_id NOT IN (SELECT value FROM json_each(?)) ORDER BY start_us LIMIT ?",
            json.dumps(sorted(but)),
            limit,
        )
        return [(row["segment_id"], row["size_bytes"]) for row in rows]

    def evict(self, segment_id: str, evicted_us: int) -> bool:
        """Gives a segment up: the statement of its loss is committed first, then its file goes.

        False where it has been receipted meanwhile. Raises NightlightError; nothing is lost then.
        """
        with self._database.transaction() as connection:
            row = connection.execute(
                f"SELECT * FROM segments WHERE segment_id = ? AND state IN {UNRECEIPTED}",  # noqa: S608 - a constant
                (segment_id,),
            ).fetchone()
            if row is None:
                return False
            fields = {field: row[field] for field in SegmentClaim.__dataclass_fields__ if field in row.keys()}  # noqa: SIM118 - a Row holds values
            self._outbox.put(
                connection, self._sealer.segment_evicted(SegmentClaim(**fields, recovered=False), evicted_us)
            )
            connection.execute("UPDATE segments SET state = 'freed' WHERE segment_id = ?", (segment_id,))
        self._outbox.wake.set()
        log.error("segment_evicted", camera=row["camera_id"], segment_id=segment_id, start_us=row["start_us"])
        self.remove_freed(row["camera_id"], segment_id)
        return True

    def _with_root(self, claim: SegmentClaim) -> SegmentClaim:
        """Read once more, from the page cache: so one place serves what was recorded, rescued and fetched.

        Bytes that are no longer those of the digest are refused at the upload, whatever their root.
        """
        if not self._leaf_roots:
            return claim
        try:
            with self.path(claim.camera_id, claim.segment_id).open("rb") as opened:
                return replace(claim, leaf_root=root_of_file(opened).hex())
        except OSError as error:  # without a root it goes to the centre's store
            log.exception("no_leaf_root", camera=claim.camera_id, segment_id=claim.segment_id, error=error.strerror)
            return claim

    def _is_freed(self, connection: sqlite3.Connection, segment_id: str) -> bool:
        row = connection.execute("SELECT state FROM segments WHERE segment_id = ?", (segment_id,)).fetchone()
        return row is None or row["state"] == "freed"

    def _drop_question(self, connection: sqlite3.Connection, segment_id: str) -> None:
        connection.execute("DELETE FROM outbox WHERE segment_id = ? AND name = ?", (segment_id, SEGMENT_UPLOADED))
