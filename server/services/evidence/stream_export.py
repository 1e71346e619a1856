"""Hands an evidence package out while it is being made: nothing of it is kept on a disk or in memory meanwhile.

Invariants: a few exports at once, one for each account; what waits to be sent is bounded, so that a slow reader slows
the making; a reader who stops reading loses the place. A package that could not be finished breaks off without the
directory at its end: no archive program and no verifier takes it for whole.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from queue import Empty, Full, Queue
from threading import Event, Lock, Thread

from config.base.errors import NightlightError, NotFound, ResourceExhausted, Unavailable
from config.base.ids import is_slug
from config.base.logs import get_logger
from config.base.timespan import Span
from server.services.evidence.export_evidence import EvidenceExporter, Export
from storage.database import scope as scoping
from storage.database.unit_of_work import Database

AT_ONCE_MAX = 2
PIECE_BYTES = 1 << 20
PIECES_MAX = 4
STALL_S = 60.0
"""How long a reader may take for a piece of ``PIECE_BYTES``."""
MAKING_S = 300.0
"""How long the first piece may take: everything is gathered and proved before it."""
LOOK_S = 0.2

log = get_logger("export")


class _Abandoned(Exception):
    """Nobody takes the package any more."""


@dataclass
class Places:
    """Who is exporting at this moment."""

    _taken: set[str] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def take(self, account: str) -> None:
        """Raises ResourceExhausted where all places are taken, or the account has one."""
        with self._lock:
            if account in self._taken:
                raise ResourceExhausted(
                    "an export of yours is being made: wait for its end, then begin the next", code="export_running"
                )
            if len(self._taken) >= AT_ONCE_MAX:
                raise ResourceExhausted(
                    f"{AT_ONCE_MAX} exports are being made already: try again in some minutes", code="exports_full"
                )
            self._taken.add(account)

    def give_back(self, account: str) -> None:
        with self._lock:
            self._taken.discard(account)


class PackageStream:
    """One package on its way; ``close`` always, whatever happened."""

    def __init__(self, exporter: EvidenceExporter, export: Export, places: Places) -> None:
        self.file_name = export.file_name
        self._exporter = exporter
        self._export = export
        self._places = places
        self._pieces: Queue[bytes | Exception | None] = Queue(PIECES_MAX)
        self._held = bytearray()
        self._closed = Event()
        self._thread = Thread(target=self._make, name="export", daemon=True)
        self._first: bytes | None = None

    def begin(self) -> "PackageStream":
        """Begins, and waits for the first piece. Raises what the export raises before that."""
        self._thread.start()
        try:
            self._first = self._next(MAKING_S)
        except BaseException:
            self.close()
            raise
        return self

    def pieces(self) -> Iterator[bytes]:
        """The package. Raises what the export raises: then it is not whole."""
        piece = self._first
        while piece is not None:
            yield piece
            piece = self._next(MAKING_S)

    def close(self) -> None:
        """Ends the making where it is not over."""
        self._closed.set()

    def _next(self, within_s: float) -> bytes | None:
        try:
            found = self._pieces.get(timeout=within_s)
        except Empty as error:
            raise Unavailable("the package is not being made: the store or the database does not answer") from error
        if isinstance(found, Exception):
            raise found
        return found

    def _make(self) -> None:
        ended: Exception | None = None
        try:
            self._exporter.write(self._export, self._write)
            self._put(bytes(self._held))
        except _Abandoned:
            log.warning("export_abandoned", camera=self._export.camera_id)
            ended = Unavailable("the package was not taken in time", code="too_slow")
        except NightlightError as error:
            log.warning("export_failed", camera=self._export.camera_id, code=error.code, why=str(error))
            ended = error
        except Exception as error:  # the top of the thread: whoever reads is told, whatever it was
            log.exception("export_failed", camera=self._export.camera_id)
            ended = error
        finally:
            self._places.give_back(self._export.account)
        try:
            self._put(ended)
        except _Abandoned:
            log.info("export_unread", camera=self._export.camera_id)

    def _write(self, data: bytes) -> None:
        self._held += data
        if len(self._held) >= PIECE_BYTES:
            self._put(bytes(self._held))
            self._held.clear()

    def _put(self, piece: bytes | Exception | None) -> None:
        deadline = time.monotonic() + STALL_S
        while not self._closed.is_set() and time.monotonic() < deadline:
            try:
                self._pieces.put(piece, timeout=LOOK_S)
            except Full:
                continue
            return
        raise _Abandoned


@dataclass(frozen=True)
class ExportDesk:
    """Exports on behalf of one person at a time; ``exporter`` is None where this machine has no key to sign with."""

    database: Database
    exporter: EvidenceExporter | None
    places: Places = field(default_factory=Places)

    def open(self, scope: scoping.Scope, order: Export) -> PackageStream:
        """The package, of which the first piece is there.

        Raises NotFound for what is out of reach, InvalidInput, ResourceExhausted, Unavailable, IntegrityViolation.
        """
        self.check_reach(scope, order.site_id, order.camera_id)
        if self.exporter is None:
            raise Unavailable("this machine has no key to sign with: 'server.signing_key_file'", code="no_key")
        self.places.take(order.account)
        return PackageStream(self.exporter, order, self.places).begin()

    def check_reach(self, scope: scoping.Scope, site_id: str, camera_id: str) -> None:
        """Raises NotFound where there is no such camera or the person may not know of it."""
        if not is_slug(site_id) or not is_slug(camera_id):
            raise NotFound("no such camera")
        with self.database.reading() as session:
            if camera_id not in {camera.id for camera in scoping.cameras_in_reach(session, scope, site_id)}:
                raise NotFound(f"no camera {camera_id} at {site_id}")


def order_of(scope: scoping.Scope, site_id: str, camera_id: str, span: Span, reason: str, source: str) -> Export:
    """What one person asks for."""
    return Export(site_id, camera_id, span, scope.account_name, reason.strip(), source)
