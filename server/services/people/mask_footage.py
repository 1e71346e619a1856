"""Makes the masked pictures that a facility has promised, and deletes them after their last day.

Invariants: a recording is hashed before a pixel of it is decoded, and decoded in another process; where one recording of the span
cannot be masked, nothing is kept and the request says so: never a part unmasked, never a gap unsaid. A crash begins it anew.
"""

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from config.base.clock import US_PER_DAY, US_PER_MINUTE, US_PER_S, Clock
from config.base.errors import IntegrityViolation, InvalidInput, NotFound, Unavailable
from config.base.logs import get_logger
from config.base.timespan import Span
from server.domain import requests as rules
from server.probe.mask import mask
from server.services.people.ask_footage import saw_forbidden
from storage.database import requests as stored
from storage.database.models import Camera, FootageRequest, MaskedPart, Segment
from storage.database.unit_of_work import Database
from storage.objects.port import EvidenceStore

RECORDING_BYTES_MAX = 2**30
EDGE_US = 2 * US_PER_S
GIVE_UP_US = 60 * US_PER_MINUTE
UNRELEASED_US = 14 * US_PER_DAY
Masker = Callable[[BinaryIO, int, int, str], bytes]
log = get_logger("requests")


@dataclass(frozen=True)
class FootageMasker:
    """One round at a time; where several processes run it, what one makes the other throws away."""

    database: Database
    store: EvidenceStore
    clock: Clock
    masker: Masker = mask

    def step(self) -> bool:
        """Makes the pictures of one request; False where none waits. Raises Unavailable where it is to be tried again."""
        with self.database.reading() as session:
            row = stored.next_in(session, [rules.State.MASKING])
            if row is None:
                return False
            camera = session.get(Camera, row.camera_id)
            forbidden = camera is None or saw_forbidden(session, camera, row)
            found = _worth(row, stored.recordings(session, row.site_id, row.camera_id, Span(row.start_us, row.end_us)))
        fault = "forbidden_zone" if forbidden else _lacking(row, found)
        parts: list[MaskedPart] = []
        if not fault:
            try:
                parts = [self._part(row, number, segment) for number, (segment, _) in enumerate(found)]
            except (InvalidInput, IntegrityViolation, NotFound) as error:
                log.warning("request_not_masked", request=row.id, code=error.code)
                fault = error.code
            except Unavailable as error:
                if self.clock.utc_us() - (row.answered_us or 0) < GIVE_UP_US:
                    raise
                log.warning("request_not_masked", request=row.id, code=error.code)
                fault = error.code
        self._finish(row, parts, fault)
        return True

    def tidy(self) -> int:
        """Deletes pictures past their last day, and those that nobody has released for long; how many requests that were."""
        now_us, gone = self.clock.utc_us(), 0
        with self.database.reading() as session:
            ids = [one.id for one in stored.with_pictures(session)]
        for request_id in ids:
            with self.database.unit_of_work() as session:
                row = session.get_one(FootageRequest, request_id, with_for_update=True)
                over = rules.state_at(row.state, row.until_us, now_us) == rules.State.OVER
                if not over and not (row.state == rules.State.READY and now_us - (row.made_us or 0) > UNRELEASED_US):
                    continue
                row.state, row.fault = (rules.State.OVER, "") if over else (rules.State.FAILED, "not_released")
                stored.drop_parts(session, row.id)
                gone += 1
        return gone

    def _part(self, row: FootageRequest, number: int, segment: Segment) -> MaskedPart:
        start_us, end_us = max(row.start_us, segment.start_us), min(row.end_us, segment.end_us)
        with tempfile.TemporaryFile() as file:
            fetched(self.store, segment, file)
            data = self.masker(file, start_us - segment.start_us, end_us - start_us, row.cells)
        return MaskedPart(
            request_id=row.id,
            number=number,
            start_us=start_us,
            end_us=end_us,
            sha256=hashlib.sha256(data).hexdigest(),
            data=data,
        )

    def _finish(self, row: FootageRequest, parts: list[MaskedPart], fault: str) -> None:
        with self.database.unit_of_work() as session:
            current = session.get_one(FootageRequest, row.id, with_for_update=True)
            if current.state != rules.State.MASKING or current.answered_us != row.answered_us:
                return  # it was answered another way meanwhile
            current.state = rules.State.FAILED if fault else rules.State.READY
            current.fault, current.made_us = fault, self.clock.utc_us()
            stored.drop_parts(session, current.id)
            session.add_all(parts)
        log.info("request_masked", request=row.id, parts=len(parts), fault=fault)


def fetched(store: EvidenceStore, segment: Segment, file: BinaryIO) -> None:
    """Reads one version into a file that then stands at its beginning.

    Raises NotFound, Unavailable; IntegrityViolation where the bytes are not those that were secured.
    """
    digest, counted = hashlib.sha256(), 0
    for chunk in store.chunks(segment.object_key or "", segment.version_id or ""):
        digest.update(chunk)
        counted += len(chunk)
        if counted > min(segment.size_bytes, RECORDING_BYTES_MAX):
            break
        file.write(chunk)
    if (counted, digest.hexdigest()) != (segment.size_bytes, segment.sha256):
        raise IntegrityViolation("the store gave other bytes than were secured", code="bytes_changed")
    file.flush()
    file.seek(0)


def _worth(row: FootageRequest, found: list[tuple[Segment, bool]]) -> list[tuple[Segment, bool]]:
    """Without those that only touch the span: too short for a picture. Which times are shown stands beside the pictures."""

    def length_us(segment: Segment) -> int:
        return min(row.end_us, segment.end_us) - max(row.start_us, segment.start_us)

    return [one for one in found if length_us(one[0]) >= EDGE_US] or found


def _lacking(row: FootageRequest, found: list[tuple[Segment, bool]]) -> str:
    """Why there is nothing to mask; what lies in the site's own store is not within reach of this process."""
    if any(in_cell for _, in_cell in found):
        return "in_cell"
    known = [one for one, _ in found if one.object_key and one.version_id]
    if not known or len(known) == stored.SEGMENTS_MAX:
        return "no_recording" if not known else "too_many"
    return "" if row.cells else "bad_fields"
