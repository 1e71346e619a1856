"""The upload workers: oldest segment first, for ever, until each one is in the store.

Invariant: nothing but a Receipt ends a segment's stay in the spool. A peer that is down slows every worker down with
bounded waits; a segment that is refused waits by itself and holds up no other.
"""

import hashlib
import threading
from dataclasses import dataclass
from pathlib import Path

from config.base.backoff import Backoff
from config.base.clock import US_PER_S, Clock
from config.base.errors import (
    IntegrityViolation,
    InvalidInput,
    NightlightError,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unavailable,
)
from config.base.logs import get_logger
from config.wire.cells import SeenInCell
from config.wire.segments import UploadTicket
from edge_agent.centre import Centre
from edge_agent.lifecycle import Worker
from edge_agent.messages import Sealer
from edge_agent.spool.segments import SegmentSpool, WaitingSegment
from edge_agent.upload.store import ObjectStore

PEER_FIRST_S, PEER_LIMIT_S = 0.5, 30.0
SEGMENT_FIRST_S, SEGMENT_LIMIT_S = 5.0, 600.0
LOOK_EVERY_S = 1.0
HELD_BACK_MAX = 512
READ_BYTES = 1 << 20

log = get_logger("upload")


@dataclass
class _HeldBack:
    backoff: Backoff
    until_us: int


class UploadQueue:
    """Which segment is next: each is in one worker's hands at a time, refused ones come back later. Thread-safe."""

    def __init__(self, spool: SegmentSpool, clock: Clock) -> None:
        self._spool = spool
        self._clock = clock
        self._lock = threading.Lock()
        self._claimed: set[str] = set()
        self._held_back: dict[str, _HeldBack] = {}
        self._cameras: dict[str, _HeldBack] = {}
        """Those that the server does not know: as many as the settings name at most."""
        self._peer = _HeldBack(Backoff(PEER_FIRST_S, PEER_LIMIT_S), 0)

    def next(self) -> WaitingSegment | None:
        """None where nothing waits, or where server or store have just failed."""
        with self._lock:
            now_us = self._clock.monotonic_us()
            if now_us < self._peer.until_us:
                return None
            limit = len(self._claimed) + len(self._held_back) + 1
            held_cameras = [camera_id for camera_id, held in self._cameras.items() if held.until_us > now_us]
            for segment in self._spool.waiting(limit, held_cameras):
                held = self._held_back.get(segment.segment_id)
                if segment.segment_id not in self._claimed and (held is None or held.until_us <= now_us):
                    self._claimed.add(segment.segment_id)
                    return segment
        return None

    def in_hand(self) -> frozenset[str]:
        """The segments that are being uploaded at this moment."""
        with self._lock:
            return frozenset(self._claimed)

    def done(self, segment: WaitingSegment) -> None:
        """It is in the store. How long it was held back stays known, should the server refuse what it reads back."""
        with self._lock:
            self._claimed.discard(segment.segment_id)
            self._cameras.pop(segment.camera_id, None)
            self._peer.backoff.reset()

    def forget(self, segment_id: str) -> None:
        """It has left the spool."""
        with self._lock:
            self._held_back.pop(segment_id, None)

    def put_back(self, segment: WaitingSegment) -> float:
        """Server or store failed, not the segment: it stays first in line; seconds until anything is tried again."""
        with self._lock:
            self._claimed.discard(segment.segment_id)
            now_us = self._clock.monotonic_us()
            if now_us >= self._peer.until_us:  # else another worker has just found out the same
                self._peer.until_us = now_us + int(self._peer.backoff.next_s() * US_PER_S)
            return (self._peer.until_us - now_us) / US_PER_S

    def hold_back_camera(self, segment: WaitingSegment) -> float:
        """The server does not know the camera: seconds until one of its segments may try again."""
        with self._lock:
            self._claimed.discard(segment.segment_id)
            fresh = _HeldBack(Backoff(SEGMENT_FIRST_S, SEGMENT_LIMIT_S), 0)
            held, now_us = self._cameras.setdefault(segment.camera_id, fresh), self._clock.monotonic_us()
            if now_us >= held.until_us:  # else another worker has just found out the same
                held.until_us = now_us + int(held.backoff.next_s() * US_PER_S)
            return (held.until_us - now_us) / US_PER_S

    def hold_back(self, segment_id: str) -> float:
        """The segment was refused: others go first; seconds until it may try again."""
        with self._lock:
            self._claimed.discard(segment_id)
            if len(self._held_back) >= HELD_BACK_MAX:
                self._held_back.pop(min(self._held_back, key=lambda key: self._held_back[key].until_us))
            held = self._held_back.setdefault(segment_id, _HeldBack(Backoff(SEGMENT_FIRST_S, SEGMENT_LIMIT_S), 0))
            wait_s = held.backoff.next_s()
            held.until_us = self._clock.monotonic_us() + int(wait_s * US_PER_S)
            return wait_s


class UploadWorker(Worker):
    """One of ``upload_workers`` threads."""

    def __init__(
        self, number: int, queue: UploadQueue, spool: SegmentSpool, sealer: Sealer, centre: Centre, store: ObjectStore
    ) -> None:
        super().__init__(f"upload-{number}")
        self._queue = queue
        self._spool = spool
        self._sealer = sealer
        self._centre = centre
        self._store = store

    def run(self) -> None:
        while not self.stopping.is_set():
            self._spool.wake.clear()
            segment = self._queue.next()
            if segment is None:
                self._spool.wake.wait(LOOK_EVERY_S)
                continue
            self._try(segment)

    def stop(self) -> None:
        super().stop()
        self._spool.wake.set()

    def _try(self, segment: WaitingSegment) -> None:
        try:
            self._upload(segment)
        except Unavailable as error:
            again_s = self._queue.put_back(segment)
            log.warning("upload_waits", segment_id=segment.segment_id, why=str(error), again_in_s=round(again_s, 1))
        except (InvalidInput, PermissionDenied) as error:
            if error.code == "foreign_camera":
                self._wait_for_registration(segment)
                return
            again_s = self._queue.hold_back(segment.segment_id)
            log.warning(
                "upload_refused",
                camera=segment.camera_id,
                segment_id=segment.segment_id,
                code=error.code,
                why=str(error),
                again_in_s=round(again_s, 1),
            )
            self._check_file(segment)
        except IntegrityViolation as error:
            self._set_aside(segment, error)
        except ResourceExhausted as error:  # the spool cannot take it down: what is in the store is put there again
            again_s = self._queue.put_back(segment)
            log.warning("upload_waits", segment_id=segment.segment_id, why=str(error), again_in_s=round(again_s, 1))
        except NightlightError:
            self._queue.put_back(segment)
            raise
        else:
            self._queue.done(segment)

    def _upload(self, segment: WaitingSegment) -> None:
        request = self._sealer.ticket_request(
            segment.camera_id,
            segment.segment_id,
            segment.start_us,
            segment.end_us,
            segment.sha256,
            segment.size_bytes,
        )
        ticket = self._centre.upload_ticket(request)
        if ticket.segment_id != segment.segment_id:
            raise InvalidInput("the ticket is for another segment", code="wrong_ticket")
        version_id = self._store.put(ticket, segment.path, segment.size_bytes)
        seen = self._read_back(ticket, version_id, segment) if ticket.look_url else None
        self._spool.uploaded(segment, ticket.object_key, version_id, seen)
        log.info("segment_uploaded", camera=segment.camera_id, segment_id=segment.segment_id, size=segment.size_bytes)

    def _read_back(self, ticket: UploadTicket, version_id: str, segment: WaitingSegment) -> SeenInCell:
        """What lies in the site's own cell now: nobody but this agent can look, and the local file goes on its word."""
        try:
            seen = self._store.look(ticket.look_url)
        except NotFound as error:
            raise InvalidInput("the cell took it and does not have it", code="cell_lost_it") from error
        if (seen.version_id, seen.size_bytes, seen.sha256) != (version_id, segment.size_bytes, segment.sha256):
            raise InvalidInput("the cell gives back something else than it was given", code="cell_changed_it")
        return seen

    def _wait_for_registration(self, segment: WaitingSegment) -> None:
        again_s = self._queue.hold_back_camera(segment)
        advice = (
            f"camera {segment.camera_id} is not registered on the server: register it with"
            f" python -m server.admin camera add SITE {segment.camera_id} --zone ZONE --agent AGENT --name NAME"
        )
        log.warning("camera_not_registered", camera=segment.camera_id, advice=advice, again_in_s=round(again_s, 1))

    def _check_file(self, segment: WaitingSegment) -> None:
        """After a refusal: where the file is no longer what was recorded, no further try can help."""
        if _digest(segment.path) != segment.sha256:
            self._set_aside(segment, IntegrityViolation("the file is not what was recorded", code="file_changed"))

    def _set_aside(self, segment: WaitingSegment, error: IntegrityViolation) -> None:
        log.error("segment_damaged", camera=segment.camera_id, segment_id=segment.segment_id, why=str(error))
        self._spool.set_aside(segment.segment_id)
        self._queue.done(segment)
        self._queue.forget(segment.segment_id)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as opened:
            while block := opened.read(READ_BYTES):
                digest.update(block)
    except OSError:
        return ""
    return digest.hexdigest()
