"""What a site says of itself: presence and the conditions of its cameras; and the server's acknowledgement."""

from typing import Literal

import msgspec

from config.wire.fields import CameraCondition, Detail, HexId, Micros, Slug


class CameraState(msgspec.Struct, frozen=True, kw_only=True):
    """A camera's condition changed at ``at_us`` and holds until the next such message of that camera; durable."""

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    camera_id: Slug
    timeline_id: HexId
    at_us: Micros
    condition: CameraCondition
    detail: Detail = ""


class Presence(msgspec.Struct, frozen=True, kw_only=True):
    """Retained; ``offline`` is the last will, which the broker publishes when the agent is gone without a word."""

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    timeline_id: HexId
    state: Literal["online", "offline"]


class Acknowledgement(msgspec.Struct, frozen=True, kw_only=True):
    """The server has committed the effect of a message, or put it into quarantine: drop it from the outbox."""

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    of_message_id: HexId
    outcome: Literal["committed", "quarantined"]
    reason: Detail = ""
