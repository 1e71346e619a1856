"""Makes the agent's own messages: fills in who speaks, seals them, and keeps the exact bytes that will be sent.

Invariant: a message is sealed once; what is stored, sent and sent again is that one byte string (I4).
"""

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from config.base.decoding import convert
from config.base.errors import InvalidInput
from config.base.ids import fresh_id
from config.wire.catalogue import CATALOGUE
from config.wire.cells import SeenInCell
from config.wire.envelope import Signer, open_envelope
from config.wire.evictions import SegmentEvicted
from config.wire.fields import CameraCondition
from config.wire.notices import BoxNotice
from config.wire.replay import CameraClockReading, ReplayReport
from config.wire.segments import SegmentRecorded, SegmentUploaded, UploadTicketRequest
from config.wire.status import CameraState, Presence
from edge_agent.timekeeping import Instant

TOPIC_NAME = {kind.message: kind.name for kind in CATALOGUE}

DETAIL_CHARS_MAX = 200
HOURS_LEFT_MAX = 1_000_000.0


@dataclass(frozen=True)
class SealedMessage:
    """A message ready to be sent; ``about_us`` is the instant from which on it tells something."""

    message_id: str
    name: str
    camera_id: str
    segment_id: str | None
    about_us: int
    body: bytes

    @property
    def payload_sha256(self) -> str:
        """The digest that the next manifest of the chain names."""
        return open_envelope(self.body).payload_sha256


@dataclass(frozen=True)
class SegmentClaim:
    """What a manifest says of a segment, without its place in the chain."""

    camera_id: str
    segment_id: str
    run_id: str
    timeline_id: str
    start_us: int
    end_us: int
    sha256: str
    size_bytes: int
    codec: str
    width: int
    height: int
    frames: int
    recovered: bool
    origin: Literal["live", "camera_storage"] = "live"
    camera_clock: tuple[CameraClockReading, ...] = ()
    """Of the camera's own recording: its clock before the segment and after it."""
    leaf_root: str | msgspec.UnsetType = msgspec.UNSET
    """Over the leaves of its bytes, for a site with a cell."""


class Sealer:
    """The agent's voice. Thread-safe: it holds no state that changes."""

    def __init__(self, site_id: str, agent_id: str, signer: Signer) -> None:
        self.site_id = site_id
        self.agent_id = agent_id
        self._signer = signer

    def seal(self, message: msgspec.Struct) -> bytes:
        return self._signer.seal(message)

    def under_present_key(self, body: bytes) -> bytes:
        """A message of this box as it is; one from before its keys were made anew with the same payload, signed anew."""
        if self._signer.key_id.encode() in body:
            return body
        try:
            opened = open_envelope(body)
        except InvalidInput:  # damaged on the disk: the server says so, and blocks nothing behind it
            return body
        return self._signer.seal_payload(opened.payload_type, opened.payload)

    def who(self) -> dict[str, Any]:
        """What every message of the agent begins with."""
        return {"message_id": fresh_id(), "site_id": self.site_id, "agent_id": self.agent_id}

    def sealed(self, message: Any, about_us: int, camera_id: str = "", segment_id: str | None = None) -> SealedMessage:
        """A message of the catalogue, ready for the outbox."""
        name = TOPIC_NAME[type(message)]
        return SealedMessage(message.message_id, name, camera_id, segment_id, about_us, self.seal(message))

    def segment_recorded(
        self, claim: SegmentClaim, chain_id: str, sequence: int, previous: str | None
    ) -> SealedMessage:
        """The signed manifest. Raises InvalidInput where the claim breaks a bound of the contract."""
        document = {
            **{field: getattr(claim, field) for field in claim.__dataclass_fields__},
            **self.who(),
            "chain_id": chain_id,
            "sequence": sequence,
            "previous": previous,
            "camera_clock": [msgspec.to_builtins(reading) for reading in claim.camera_clock],
        }
        if claim.leaf_root is msgspec.UNSET:
            del document["leaf_root"]
        try:
            manifest = convert(document, SegmentRecorded)
        except msgspec.ValidationError as error:
            raise InvalidInput(f"segment {claim.segment_id} cannot be claimed: {error}") from error
        return self.sealed(manifest, claim.start_us, claim.camera_id, claim.segment_id)

    def replay_report(
        self,
        camera_id: str,
        now: tuple[int, str],
        span: tuple[int, int],
        outcome: str,
        had_none: list[tuple[int, int]],
        detail: str,
    ) -> SealedMessage:
        """What came of asking a camera for missing time; ``now``: an instant and its timeline."""
        message = ReplayReport(
            **self.who(),
            camera_id=camera_id,
            timeline_id=now[1],
            at_us=max(0, now[0]),
            start_us=span[0],
            end_us=span[1],
            outcome=outcome,  # type: ignore[arg-type]
            had_none=had_none,
            detail=detail[:200],
        )
        return self.sealed(message, message.at_us, camera_id)

    def segment_uploaded(
        self,
        camera_id: str,
        segment_id: str,
        sha256: str,
        start_us: int,
        object_key: str,
        version_id: str,
        seen: SeenInCell | None = None,
    ) -> SealedMessage:
        message = SegmentUploaded(
            **self.who(),
            camera_id=camera_id,
            segment_id=segment_id,
            sha256=sha256,
            object_key=object_key,
            version_id=version_id,
            seen=seen if seen is not None else msgspec.UNSET,
        )
        return self.sealed(message, start_us, camera_id, segment_id)

    def camera_state(
        self, camera_id: str, timeline_id: str, at_us: int, condition: CameraCondition, detail: str
    ) -> SealedMessage:
        message = CameraState(
            **self.who(),
            camera_id=camera_id,
            timeline_id=timeline_id,
            at_us=at_us,
            condition=condition,
            detail=detail,
        )
        return self.sealed(message, at_us, camera_id)

    def segment_evicted(self, claim: SegmentClaim, evicted_us: int) -> SealedMessage:
        """The agent's statement that it gives a segment up for want of room."""
        message = SegmentEvicted(
            **self.who(),
            camera_id=claim.camera_id,
            segment_id=claim.segment_id,
            timeline_id=claim.timeline_id,
            start_us=claim.start_us,
            end_us=claim.end_us,
            sha256=claim.sha256,
            size_bytes=claim.size_bytes,
            evicted_us=max(0, evicted_us),
        )
        return self.sealed(message, message.evicted_us, claim.camera_id, claim.segment_id)

    def box_notice(
        self, at: Instant, notice: str, *, raised: bool, hours: float | None, detail: str
    ) -> SealedMessage:  # fmt: skip
        """Something about the box; it names no camera."""
        at_us = max(0, at.us)
        message = BoxNotice(
            **self.who(),
            timeline_id=at.timeline_id,
            at_us=at_us,
            notice=notice,
            raised=raised,
            hours_left=None if hours is None else min(hours, HOURS_LEFT_MAX),
            detail=detail[:DETAIL_CHARS_MAX],
        )
        return self.sealed(message, at_us)

    def ticket_request(
        self, camera_id: str, segment_id: str, start_us: int, end_us: int, sha256: str, size_bytes: int
    ) -> bytes:
        return self.seal(
            UploadTicketRequest(
                **self.who(),
                camera_id=camera_id,
                segment_id=segment_id,
                start_us=start_us,
                end_us=end_us,
                sha256=sha256,
                size_bytes=size_bytes,
            )
        )

    def presence(self, timeline_id: str, *, online: bool) -> bytes:
        return self.seal(
            Presence(
                **self.who(),
                timeline_id=timeline_id,
                state="online" if online else "offline",
            )
        )
