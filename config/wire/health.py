"""The heartbeat: what is so now of a site's cameras and of the box itself; never queued, the newest replaces all.

Invariant: the report of 16 cameras fits into 4 KB as it is sent, envelope included. So the parts are arrays, in the order
of their fields; instants are told as ages before ``sent_us``; and what cameras share, stream formats and findings, is
told once. Fields may be added at the end of an array; readers ignore what they do not know there.
"""

from typing import Annotated, Literal

import msgspec

from config.wire.fields import CameraCondition, Count, HexId, Micros, SignedMicros, Slug

CAMERAS_PER_AGENT_MAX = 64
PANELS_MAX = 8
FINDINGS_MAX = 32

AgeMs = Annotated[int, msgspec.Meta(ge=-(2**53) + 1, le=2**53 - 1, description="milliseconds before sent_us")]
FindingName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$(?!\n)", description="a picture finding")]
Place = Annotated[int, msgspec.Meta(ge=0, lt=CAMERAS_PER_AGENT_MAX, description="place in a list, from 0")]
ShortText = Annotated[str, msgspec.Meta(max_length=32)]
ConfigurationSource = Literal["server", "file", "none"]
PanelCondition = Literal["heard", "silent", "unheard", "flooded"]
"""heard: in time; silent: its supervision ran out; unheard: not once since the agent began; flooded: it, or whoever pretends
to be it, reports more than a panel can mean, and what is too much is neither taken nor acknowledged"""
Examined = Literal["off", "recorded"]
"""off: nobody is to look at the pictures, by the agent's settings; recorded: the stream that is to be looked at brings no
pictures, and the recorded one is looked at in its place"""


class ClockReading(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison of the agent's timeline with the server's clock over a request and its answer."""

    observed_us: Micros
    offset_us: SignedMicros
    """Server minus agent, at the middle of the exchange."""
    bound_us: Count
    """Half the round trip: the true offset lies within ``offset_us ± bound_us``."""


class CameraHealth(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One camera within a heartbeat."""

    camera_id: Slug
    condition: CameraCondition
    since_s: Annotated[int, msgspec.Meta(ge=-(2**53) + 1, le=2**53 - 1)]
    """How long the condition has held; negative where the agent's clock was set back since."""
    unsettled_us: Count
    """Everything the agent knows of this camera before ``sent_us - unsettled_us`` has been acknowledged."""
    packet_age_ms: Count | None = None
    frames_per_second: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    kilobits_per_second: Count = 0
    keyframe_interval_ms: Count | None = None
    stream_format: Place | None = None
    """Place in the heartbeat's ``formats``; null before the first frame."""
    rtp_lost: Count = 0
    """RTP packets that never came, since the agent began with this camera."""
    clock_offset_ms: AgeMs | None = None
    """The camera's own clock minus the agent's; null where it does not tell."""
    clock_bound_ms: Count | None = None
    """The true offset lies within ``clock_offset_ms ± clock_bound_ms``."""
    recording_lag_ms: Count | None = None
    """How far the newest frame that is safe on the disk lies behind; null where nothing is recorded."""
    upload_lag_s: Count | None = None
    """How long ago the oldest segment began that has no receipt yet; null where none waits."""

    @property
    def reachable(self) -> bool:
        """Whether the camera answers."""
        return self.condition not in ("starting", "unreachable", "stopped")


class StreamFormat(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What a stream carries."""

    codec: Literal["h264", "hevc"]
    width: Count
    height: Count


class SpoolHealth(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What waits on the agent's disk."""

    waiting_segments: Count
    waiting_bytes: Count
    oldest_waiting_ms: AgeMs | None
    outbox_messages: Count
    refused_messages: Count
    free_bytes: Count
    total_bytes: Count = 0
    """Of the disk that the spool lies on."""
    used_percent: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    """Of the room that recordings may take."""
    hours_left: Annotated[float, msgspec.Meta(ge=0)] | None = None
    """Until there is no room, if nothing can be sent from now on; null where nothing is being recorded."""


class BoxHealth(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The machine that the agent runs on."""

    boot_id: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{32})?$(?!\n)")] = ""
    """Changes with every start of the machine; empty where the system has none."""
    uptime_s: Count = 0
    cpu_percent: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    """Of all cores, since the last heartbeat."""
    memory_used_percent: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    memory_total_bytes: Count = 0
    agent_memory_bytes: Count = 0
    """The agent's processes together."""
    temperature_c: Annotated[int, msgspec.Meta(ge=-100, le=300)] | None = None
    """Of the hottest sensor of the processor; null where there is none."""
    certificate_left_s: SignedMicros | None = None
    """Until the agent's certificate ends, negative after it; null where it has none."""
    system: ShortText = ""
    """The operating system, with its version."""
    python: ShortText = ""


class PanelHealth(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One alarm panel."""

    panel_id: Slug
    condition: PanelCondition
    heard_ms: AgeMs | None = None
    """How long ago it was last heard."""


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """The live state; never queued on disk, the newest replaces all before it."""

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    timeline_id: HexId
    timeline_started_us: Micros
    sent_us: Micros
    software: Annotated[str, msgspec.Meta(max_length=64)]
    configuration_version: Count = 0
    """The newest desired state that the agent has taken; 0 where it never had one."""
    configuration_source: ConfigurationSource = "none"
    """Where its cameras come from: the server's inventory, a local file, or nowhere."""
    clock: ClockReading | None
    system_clock_error_us: SignedMicros
    """The machine's wall clock minus the timeline: a jump of the system clock shows here and moves nothing else."""
    spool: SpoolHealth
    box: BoxHealth = BoxHealth()
    panels: Annotated[list[PanelHealth], msgspec.Meta(max_length=PANELS_MAX)] = []
    cameras: Annotated[list[CameraHealth], msgspec.Meta(max_length=CAMERAS_PER_AGENT_MAX)]
    formats: Annotated[list[StreamFormat], msgspec.Meta(max_length=CAMERAS_PER_AGENT_MAX)] = []
    """Of the streams that are recorded, each once."""
    findings: Annotated[
        dict[FindingName, Annotated[list[Place], msgspec.Meta(max_length=CAMERAS_PER_AGENT_MAX)]],
        msgspec.Meta(max_length=FINDINGS_MAX),
    ] = {}
    """The picture findings that are open, each with the places of its cameras in ``cameras``."""
    examined: dict[Examined, Annotated[list[Place], msgspec.Meta(max_length=CAMERAS_PER_AGENT_MAX)]] = {}
    """Where the pictures are not looked at as they are meant to be, with the places of the cameras."""

    def settled_until_us(self, camera: CameraHealth) -> int:
        """Everything the agent knows of this camera before this instant has been acknowledged by the server."""
        return max(0, self.sent_us - camera.unsettled_us)

    def since_us(self, camera: CameraHealth) -> int:
        """When the camera's condition began, to the second."""
        return max(0, self.sent_us - camera.since_s * 1_000_000)

    def format_of(self, camera: CameraHealth) -> StreamFormat | None:
        """What its recorded stream carries; None where that is not known."""
        place = camera.stream_format
        return self.formats[place] if place is not None and place < len(self.formats) else None

    def findings_of(self, camera: CameraHealth) -> list[str]:
        """What is wrong with its picture."""
        place = self.cameras.index(camera)
        return [name for name, places in self.findings.items() if place in places]

    def examined_of(self, camera: CameraHealth) -> list[Examined]:
        """How its picture is looked at, where that is not as it is meant to be."""
        places_of_it = {place for place, one in enumerate(self.cameras) if one.camera_id == camera.camera_id}
        return [how for how, places in self.examined.items() if not places_of_it.isdisjoint(places)]
