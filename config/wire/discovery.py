"""Cameras that an agent found on its site's network and that nobody may have set up yet.

Invariant: nothing in it lets anybody into the camera: no user, no password; its picture is sealed to the server.
"""

from typing import Annotated

import msgspec

from config.wire.desired_state import OptionalHttpUrl, OptionalRtspUrl
from config.wire.fields import Count, HexId, Micros, Sha256Hex, SignedMicros, Slug
from config.wire.sealing import SealedBox

PROBLEMS_MAX = 16
PICTURE_BYTES_MAX = 16_384

DeviceText = Annotated[str, msgspec.Meta(max_length=64, description="as the device says it of itself")]
ProblemCode = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$(?!\n)")]
Pixels = Annotated[int, msgspec.Meta(ge=1, le=16_384)]


class StreamOffer(msgspec.Struct, frozen=True, kw_only=True):
    """A stream as the camera is configured now; 0 where it does not say."""

    url: OptionalRtspUrl
    codec: Annotated[str, msgspec.Meta(max_length=16)]
    """``h264`` and ``hevc`` can be recorded."""
    width: Pixels
    height: Pixels
    frames_per_second: Count = 0
    kilobits_per_second: Count = 0
    keyframe_every: Count = 0
    """In frames."""


class DiscoveredCamera(msgspec.Struct, frozen=True, kw_only=True):
    """One lens of a device, as it was found at ``at_us``; durable. A newer one of the same id replaces it."""

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    discovery_id: HexId
    """The same for the same lens at the same address, whenever it is found."""
    at_us: Micros
    """By the machine's clock: nobody has compared it with the server's yet."""
    onvif_url: OptionalHttpUrl
    name: DeviceText = ""
    maker: DeviceText = ""
    model: DeviceText = ""
    firmware: DeviceText = ""
    serial_number: DeviceText = ""
    lens: DeviceText = ""
    main: StreamOffer | None = None
    sub: StreamOffer | None = None
    clock_offset_us: SignedMicros | None = None
    """The camera's clock minus the agent's machine's."""
    clock_bound_us: Count | None = None
    problems: Annotated[list[ProblemCode], msgspec.Meta(max_length=PROBLEMS_MAX)] = []
    configured_as: Annotated[str, msgspec.Meta(pattern=r"^([a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?)?$(?!\n)")] = ""
    """The camera's id in the agent's local configuration; empty where it was not taken into it."""
    picture_sha256: Sha256Hex | None = None
    picture: SealedBox | None = None
    """A JPEG, at most 320 pixels wide (``config.wire.sealing.discovered_picture``); null where none could be had."""
