"""Which kinds of message exist, which way each goes, and how each is named on the wire."""

import re
from dataclasses import dataclass
from typing import Literal

import msgspec

from config.base.errors import InvalidInput
from config.wire.acceptance import AcceptanceRequest
from config.wire.alarms import AlarmEvent
from config.wire.cells import CellAnswer, CellChallenge, CellFetch, CellFetched, CellOrder, CellOrdered
from config.wire.desired_state import ConfigurationReport, DesiredState
from config.wire.discovery import DiscoveredCamera
from config.wire.enrolment import CertificateRequest, EnrolmentRequest
from config.wire.evictions import SegmentEvicted
from config.wire.findings import FindingStill, PictureFinding
from config.wire.health import Heartbeat
from config.wire.live import LivePush, LiveWanted
from config.wire.notices import BoxNotice
from config.wire.replay import ReplayReport
from config.wire.segments import Receipt, SegmentRecorded, SegmentUploaded, UploadRefused, UploadTicketRequest
from config.wire.status import Acknowledgement, CameraState, Presence
from config.wire.witness import CheckpointSeen, LedgerCheckpoint


@dataclass(frozen=True)
class Kind:
    """One kind of message: ``name`` and ``version`` stand in its payload type."""

    message: type[msgspec.Struct]
    name: str
    version: int
    via: Literal["mqtt-up", "mqtt-down", "https"]

    @property
    def payload_type(self) -> str:
        return f"application/vnd.nightlight.{self.name}.v{self.version}+json"


CATALOGUE = (
    Kind(SegmentRecorded, "segment-recorded", 1, "mqtt-up"),
    Kind(SegmentUploaded, "segment-uploaded", 1, "mqtt-up"),
    Kind(SegmentEvicted, "segment-evicted", 1, "mqtt-up"),
    Kind(CameraState, "camera-state", 1, "mqtt-up"),
    Kind(BoxNotice, "box-notice", 1, "mqtt-up"),
    Kind(PictureFinding, "picture-finding", 1, "mqtt-up"),
    Kind(FindingStill, "finding-still", 1, "mqtt-up"),
    Kind(AlarmEvent, "alarm-event", 1, "mqtt-up"),
    Kind(ConfigurationReport, "configuration-report", 1, "mqtt-up"),
    Kind(DiscoveredCamera, "discovered-camera", 1, "mqtt-up"),
    Kind(ReplayReport, "replay-report", 1, "mqtt-up"),
    Kind(CheckpointSeen, "checkpoint-seen", 1, "mqtt-up"),
    Kind(Heartbeat, "heartbeat", 2, "mqtt-up"),
    Kind(Presence, "presence", 1, "mqtt-up"),
    Kind(Acknowledgement, "acknowledgement", 1, "mqtt-down"),
    Kind(Receipt, "receipt", 1, "mqtt-down"),
    Kind(UploadRefused, "upload-refused", 1, "mqtt-down"),
    Kind(DesiredState, "desired-state", 1, "mqtt-down"),
    Kind(LedgerCheckpoint, "ledger-checkpoint", 1, "mqtt-down"),
    Kind(CellChallenge, "cell-challenge", 1, "mqtt-down"),
    Kind(CellFetch, "cell-fetch", 1, "mqtt-down"),
    Kind(CellOrder, "cell-order", 1, "mqtt-down"),
    Kind(LiveWanted, "live-wanted", 1, "mqtt-down"),
    Kind(UploadTicketRequest, "upload-ticket-request", 1, "https"),
    Kind(CellAnswer, "cell-answer", 1, "https"),
    Kind(CellFetched, "cell-fetched", 1, "https"),
    Kind(CellOrdered, "cell-ordered", 1, "https"),
    Kind(LivePush, "live-push", 1, "https"),
    Kind(EnrolmentRequest, "enrolment-request", 1, "https"),
    Kind(CertificateRequest, "certificate-request", 1, "https"),
    Kind(AcceptanceRequest, "acceptance-request", 1, "https"),
)

PAYLOAD_TYPE = {kind.message: kind.payload_type for kind in CATALOGUE}
_KINDS = {(kind.name, kind.version): kind.message for kind in CATALOGUE}
_PATTERN = re.compile(r"application/vnd\.nightlight\.([a-z-]+)\.v([1-9][0-9]{0,3})\+json")


def kind_of(payload_type: str) -> type[msgspec.Struct]:
    """The message type of a payload type. Raises InvalidInput (``unknown_kind`` or ``unknown_version``)."""
    matched = _PATTERN.fullmatch(payload_type)
    if matched is None or not any(name == matched[1] for name, _ in _KINDS):
        raise InvalidInput(f"no message kind {payload_type[:80]!r}", code="unknown_kind")
    found = _KINDS.get((matched[1], int(matched[2])))
    if found is None:
        raise InvalidInput(f"version {matched[2]} of {matched[1]} is not known here", code="unknown_version")
    return found
