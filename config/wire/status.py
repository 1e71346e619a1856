"""What a site says of itself: presence, heartbeats and the conditions of its cameras."""

from typing import Annotated, Literal

import msgspec

from config.wire.fields import CameraCondition, Count, Detail, HexId, Micros, SignedMicros, Slug

CAMERAS_PER_AGENT_MAX = 64


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


class ClockReading(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison of the agent's timeline with the server's clock over a request and its answer."""

    observed_us: Micros
    offset_us: SignedMicros
    """Server minus agent, at the middle of the exchange."""
    bound_us: Count
    """Half the round trip: the true offset lies within ``offset_us ± bound_us``."""


class CameraHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One camera within a heartbeat."""

    camera_id: Slug
    condition: CameraCondition
    since_us: Micros
    settled_until_us: Micros
    """Everything the agent knows of this camera before this instant has been acknowledged by the server."""
    last_frame_us: Micros | None = None
    frames_per_second: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    bits_per_second: Count = 0


class SpoolHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What waits on the agent's disk."""

    waiting_segments: Count
    waiting_bytes: Count
    oldest_waiting_us: Micros | None
    outbox_messages: Count
    refused_messages: Count
    free_bytes: Count


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """The live state; never queued on disk, the newest replaces all before it."""

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    timeline_id: HexId
    timeline_started_us: Micros
    sent_us: Micros
    software: Annotated[str, msgspec.Meta(max_length=64)]
    clock: ClockReading | None
    system_clock_error_us: SignedMicros
    """The machine's wall clock minus the timeline: a jump of the system clock shows here and moves nothing else."""
    spool: SpoolHealth
    cameras: Annotated[list[CameraHealth], msgspec.Meta(max_length=CAMERAS_PER_AGENT_MAX)]


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
