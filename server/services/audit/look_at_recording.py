"""One recording read back from the store and decoded: what is wrong with it, or that it could not be found out, and why.

Invariants: what comes back and decodes in no try, while something else comes back and decodes at that very moment, is at
fault itself and no footage of its time (I1); where the other fails as well, the store or this machine is, and nothing is
said of the recording. Both are asked again after the other, so that a short spell of either accuses nobody.
"""

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from config.base.clock import US_PER_S
from config.base.errors import (
    IntegrityViolation,
    InvalidInput,
    NightlightError,
    NotFound,
    PermissionDenied,
    Unavailable,
)
from config.base.logs import get_logger
from server import probe as probing
from server.domain.audit import Drift
from server.domain.deep_audit import Claim, Footage, Rules, fault_of
from storage.database.models import Segment
from storage.objects.port import EvidenceStore

BYTES_A_SEGMENT_MAX = 2**32
IN_MEMORY_BYTES = 8 * 2**20
DETAIL_CHARS_MAX = 200
KNOWN_GOOD = Path(probing.__file__).with_name("known_good.mp4")
"""Three keyframes of H.264 that every decoder of ours reads."""
KNOWN_GOOD_US = 3 * US_PER_S

log = get_logger("deep-audit")
Prober = Callable[[BinaryIO, int], Footage]


@dataclass(frozen=True)
class Seen:
    """What one recording was found to be."""

    segment_id: str
    drift: Drift | None
    detail: str
    bytes_read: int = 0
    pictures: int = 0
    unknown: bool = False


@dataclass(frozen=True)
class Looker:
    """Looks at one recording at a time; ``prober`` decodes."""

    store: EvidenceStore
    rules: Rules
    prober: Prober

    def look(self, segment: Segment, gives_out_others: Callable[[], bool], *, last: bool) -> Seen:
        """Reads and decodes; ``last``: there will be no other try, and something has to be said.

        Raises Unavailable where it is to be tried again: the store does not answer, or the decoder breaks down.
        """
        if segment.deleted_us is not None:
            return Seen(segment.id, None, "deleted on its day")
        try:
            return self._read(segment, last=last)
        except (IntegrityViolation, PermissionDenied, InvalidInput) as error:
            if not last:
                raise Unavailable(str(error), code=error.code) from error
            if not gives_out_others():
                return Seen(segment.id, None, str(error)[:DETAIL_CHARS_MAX], unknown=True)
            refused: NightlightError = error
        except Unavailable as error:
            if not last or not gives_out_others():
                raise
            refused = error
        # One that the store keeps to itself must not keep every audit from ending.
        detail = f"not given out, as others are: {refused}"[:DETAIL_CHARS_MAX]
        return Seen(segment.id, Drift.BYTES_CHANGED, detail)

    def _read(self, segment: Segment, *, last: bool) -> Seen:
        with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as held:
            try:
                counted, digest = self._fetch(segment, held)
            except NotFound:
                return self._not_given_out(segment)
            if (counted, digest) != (segment.size_bytes, segment.sha256):
                detail = f"{counted} bytes of {segment.size_bytes} came back, with another digest"
                return Seen(segment.id, Drift.BYTES_CHANGED, detail, counted)
            held.rollover()
            return self._judge(segment, held, counted, last=last)  # type: ignore[arg-type]  # a file after rollover

    def _not_given_out(self, segment: Segment) -> Seen:
        """What is still there by the store's own word would be called good by the next look at that word alone."""
        try:
            there = not self.store.stat_version(segment.object_key or "", segment.version_id or "").is_delete_marker
        except NotFound:
            there = False
        if there:
            return Seen(segment.id, Drift.BYTES_CHANGED, "the store says that it has it, and does not give it out")
        return Seen(segment.id, Drift.OBJECT_MISSING, "the store has no such version")

    def _fetch(self, segment: Segment, held: "tempfile.SpooledTemporaryFile[bytes]") -> tuple[int, str]:
        digest, counted = hashlib.sha256(), 0
        for chunk in self.store.chunks(segment.object_key or "", segment.version_id or ""):
            digest.update(chunk)
            counted += len(chunk)
            if counted > min(segment.size_bytes, BYTES_A_SEGMENT_MAX):
                break
            held.write(chunk)
        return counted, digest.hexdigest()

    def _judge(self, segment: Segment, file: BinaryIO, counted: int, *, last: bool) -> Seen:
        claim = Claim(segment.end_us - segment.start_us, segment.end_us, segment.received_us)
        try:
            footage = self._decoded(file, claim.duration_us, last=last)
        except _Undecodable as error:
            return Seen(segment.id, Drift.UNDECODABLE, str(error)[:DETAIL_CHARS_MAX], counted)
        except _DecodesNothing as error:
            return Seen(segment.id, None, str(error)[:DETAIL_CHARS_MAX], counted, unknown=True)
        fault = fault_of(footage, claim, self.rules)
        drift, detail = fault if fault is not None else (None, "")
        return Seen(segment.id, drift, detail, counted, footage.pictures)

    def _decoded(self, file: BinaryIO, span_us: int, *, last: bool) -> Footage:
        """Raises _Undecodable, _DecodesNothing; Unavailable where there will be another try."""
        try:
            return self._probe(file, span_us)
        except Unavailable as error:
            if not last:
                raise
            self._check_ourselves(error)
        try:
            return self._probe(file, span_us)
        except Unavailable as error:
            raise _Undecodable(f"breaks the decoder down, which decodes others: {error}") from error

    def _probe(self, file: BinaryIO, span_us: int) -> Footage:
        file.seek(0)
        try:
            return self.prober(file, span_us)
        except InvalidInput as error:
            raise _Undecodable(str(error)) from error

    def _check_ourselves(self, broken: Unavailable) -> None:
        """Decodes what is known to be good. Raises _DecodesNothing where that fails as well."""
        try:
            with KNOWN_GOOD.open("rb") as file:
                self.prober(file, KNOWN_GOOD_US)
        except (Unavailable, InvalidInput) as error:
            advice = "give the audit memory and time to decode in, and see that av is installed"
            log.error("decoder_broken", why=str(error), advice=advice)  # noqa: TRY400 - it is told, not raised
            raise _DecodesNothing(f"this machine decodes nothing: {broken}") from error


class _Undecodable(Exception):
    """No pictures can be got out of it, and that is its own fault."""


class _DecodesNothing(Exception):
    """Neither out of what is known to be good: the fault is this machine's."""
