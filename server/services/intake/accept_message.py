"""Takes one message from a site: believed only when signed, committed once, answered after the commit.

Each handler looks for the effect in the transaction that would make it, so a redelivery changes nothing and is answered
again.
What can never be accepted goes to quarantine with its reason and blocks nothing behind it (invariants I4, I11).
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.decoding import decode_json
from config.base.errors import IntegrityViolation, InvalidInput
from config.base.ids import fresh_id
from config.wire.alarms import AlarmEvent
from config.wire.catalogue import PAYLOAD_TYPE
from config.wire.desired_state import ConfigurationReport
from config.wire.discovery import DiscoveredCamera
from config.wire.envelope import OpenedEnvelope, decode_payload, open_envelope
from config.wire.evictions import SegmentEvicted
from config.wire.findings import FindingStill, PictureFinding
from config.wire.health import Heartbeat
from config.wire.notices import BoxNotice
from config.wire.replay import ReplayReport
from config.wire.segments import SegmentRecorded, SegmentUploaded
from config.wire.status import Acknowledgement, CameraState, Presence
from config.wire.topics import UpTopic, parse_up
from config.wire.witness import CheckpointSeen
from server.domain.clock_trust import ClockRule
from server.services.compliance.rule_books import rule_for
from server.services.intake import (
    accept_alarm,
    accept_box,
    accept_configuration,
    accept_discovered,
    accept_finding,
    accept_segment,
    accept_status,
    accept_storage,
    accept_witness,
)
from server.services.intake.incoming import Handler, Incoming
from storage.database.models import Agent, Camera
from storage.database.quarantine import keep
from storage.database.unit_of_work import Database


@dataclass(frozen=True)
class Outcome:
    """What became of a message: ``result`` is a counter label, ``replies`` go out after the commit."""

    result: str
    kind: str = "unknown"
    replies: list[msgspec.Struct] = field(default_factory=list)


@dataclass(frozen=True)
class Inbox:
    """Everything that accepting a message needs."""

    database: Database
    clock: Clock
    rule: ClockRule

    def accept(self, topic: str, data: bytes) -> Outcome:
        """Handles one message. Raises Unavailable where the database does not answer: then nothing was done."""
        received_us = self.clock.utc_us()
        try:
            source = parse_up(topic)
            opened = open_envelope(data)
            self._authenticate(source, opened)
        except (InvalidInput, IntegrityViolation) as error:
            return self._quarantine(topic, data, error, received_us)
        try:
            message = decode_payload(opened)
            _check_addressed(message, opened, source)
            incoming = Incoming(message, data, opened.payload_sha256, received_us)
            return self._apply(incoming)
        except (InvalidInput, IntegrityViolation) as error:
            return self._quarantine(topic, data, error, received_us, source=source, opened=opened)

    def give_up(self, topic: str, data: bytes, error: Exception) -> Outcome:
        """Quarantines a message that our own fault keeps us from handling, so that it blocks nothing behind it."""
        fault = InvalidInput(f"{type(error).__name__}: {error}", code="internal_error")
        received_us = self.clock.utc_us()
        try:
            source = parse_up(topic)
            opened = open_envelope(data)
            self._authenticate(source, opened)
        except (InvalidInput, IntegrityViolation):
            return self._quarantine(topic, data, fault, received_us)
        return self._quarantine(topic, data, fault, received_us, source=source, opened=opened, answered=False)

    def _authenticate(self, source: UpTopic, opened: OpenedEnvelope) -> None:
        with self.database.reading() as session:
            agent = session.get(Agent, source.agent_id)
            if agent is None or agent.site_id != source.site_id:
                raise InvalidInput(f"no agent {source.agent_id} at site {source.site_id}", code="unknown_agent")
            if agent.revoked_us is not None:
                raise InvalidInput("the agent was revoked", code="agent_revoked")
            public_key = agent.public_key
        opened.verify(Ed25519PublicKey.from_public_bytes(public_key))

    def _apply(self, incoming: Incoming) -> Outcome:
        message = incoming.message
        kind, handler, acknowledged = _HANDLERS[type(message)]
        with self.database.unit_of_work() as session:
            if not _knows_camera(session, message):
                # It may be registered later: not answered, so that the agent keeps the message and says it again.
                return Outcome("deferred", kind)
            result, replies = handler(session, incoming, rule_for(session, message.site_id, self.rule))
        if acknowledged and result != "deferred":
            replies = [_acknowledge(message), *replies]
        return Outcome(result, kind, replies)

    def _quarantine(
        self,
        topic: str,
        data: bytes,
        error: InvalidInput | IntegrityViolation,
        received_us: int,
        *,
        source: UpTopic | None = None,
        opened: OpenedEnvelope | None = None,
        answered: bool = True,
    ) -> Outcome:
        with self.database.unit_of_work() as session:
            keep(session, topic, data, error.code, str(error), received_us)
            if source is not None and opened is not None:
                accept_finding.keep_in_doubt(session, source.agent_id, opened, data, received_us)
        replies: list[msgspec.Struct] = []
        # Only who signed it is told: an answer to anybody else would be a signal to a stranger.
        message_id = _message_id(opened) if opened else None
        if answered and source is not None and message_id is not None:
            replies.append(
                Acknowledgement(
                    message_id=fresh_id(),
                    site_id=source.site_id,
                    agent_id=source.agent_id,
                    of_message_id=message_id,
                    outcome="quarantined",
                    reason=error.code,
                )
            )
        return Outcome(f"quarantined:{error.code}", replies=replies)


class _Identified(msgspec.Struct):
    message_id: str


def _message_id(opened: OpenedEnvelope) -> str | None:
    try:
        found = decode_json(opened.payload, _Identified).message_id
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return found if len(found) == 32 and set(found) <= set("0123456789abcdef") else None


def _check_addressed(message: Any, opened: OpenedEnvelope, source: UpTopic) -> None:
    if type(message) not in _HANDLERS:
        raise InvalidInput("this kind does not travel upwards over MQTT", code="unknown_kind")
    if PAYLOAD_TYPE[type(message)] != opened.payload_type or _HANDLERS[type(message)][0] != source.name:
        raise InvalidInput(f"a message of another kind came on topic {source.name}", code="wrong_topic")
    if (message.site_id, message.agent_id) != (source.site_id, source.agent_id):
        raise InvalidInput("the message names another site or agent than its topic", code="foreign_site")


def _knows_camera(session: Session, message: Any) -> bool:
    """False where the camera a message names is not registered. Raises InvalidInput where it is somebody else's."""
    if not hasattr(message, "camera_id"):
        return True
    camera = session.get(Camera, message.camera_id)
    if camera is None:
        return False
    if (camera.site_id, camera.agent_id) != (message.site_id, message.agent_id):
        raise InvalidInput(f"camera {message.camera_id} is not one of this agent's", code="foreign_camera")
    return True


def _acknowledge(message: Any) -> Acknowledgement:
    return Acknowledgement(
        message_id=fresh_id(),
        site_id=message.site_id,
        agent_id=message.agent_id,
        of_message_id=message.message_id,
        outcome="committed",
    )


_HANDLERS: dict[type, tuple[str, Handler, bool]] = {
    SegmentRecorded: ("segment-recorded", accept_segment.recorded, True),
    SegmentUploaded: ("segment-uploaded", accept_segment.uploaded, True),
    SegmentEvicted: ("segment-evicted", accept_box.evicted, True),
    BoxNotice: ("box-notice", accept_box.notice, True),
    PictureFinding: ("picture-finding", accept_finding.finding, True),
    FindingStill: ("finding-still", accept_finding.still, True),
    AlarmEvent: ("alarm-event", accept_alarm.event, True),
    DiscoveredCamera: ("discovered-camera", accept_discovered.discovered, True),
    ReplayReport: ("replay-report", accept_storage.replay_report, True),
    CameraState: ("camera-state", accept_status.camera_state, True),
    ConfigurationReport: ("configuration-report", accept_configuration.report, True),
    CheckpointSeen: ("checkpoint-seen", accept_witness.seen, True),
    Heartbeat: ("heartbeat", accept_status.heartbeat, False),
    Presence: ("presence", accept_status.presence, False),
}
"""Kind name, handler (what it did, and what else to answer), and whether the agent waits for an acknowledgement."""
