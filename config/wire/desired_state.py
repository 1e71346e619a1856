"""The configuration of an agent: what the server wants it to record, and what the agent made of that.

Invariant: the server's inventory is the truth, and a version never goes back. A camera's password is sealed to the agent
and to the camera's host; nobody in between can read it, or have it shown to another host.
"""

from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from config.base.errors import InvalidInput
from config.wire.fields import Count, Detail, HexId, Micros, Slug
from config.wire.health import CAMERAS_PER_AGENT_MAX, ConfigurationSource
from config.wire.sealing import SealedBox

MASKS_MAX = 16
CORNERS_MAX = 32

RtspUrl = Annotated[
    str, msgspec.Meta(pattern=r"^rtsp://[^@\s]+$(?!\n)", max_length=500, description="no user, no password")
]
OptionalRtspUrl = Annotated[str, msgspec.Meta(pattern=r"^(rtsp://[^@\s]+)?$(?!\n)", max_length=500)]
OptionalHttpUrl = Annotated[str, msgspec.Meta(pattern=r"^(https?://[^@\s]+)?$(?!\n)", max_length=500)]
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
Polygon = Annotated[list[tuple[Fraction, Fraction]], msgspec.Meta(min_length=3, max_length=CORNERS_MAX)]
StreamChoice = Literal["auto", "main", "sub"]


class DesiredCamera(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one camera is to be reached, and which of its streams is for what."""

    camera_id: Slug
    url: RtspUrl
    """The main stream."""
    sub_url: OptionalRtspUrl = ""
    """The sub stream, on the same host; empty where there is none."""
    transport: Literal["tcp", "udp"] = "tcp"
    username: Annotated[str, msgspec.Meta(max_length=64)] = ""
    password: SealedBox | None = None
    """For the host of ``url`` alone (``config.wire.sealing.camera_password``)."""
    allow_basic: bool = False
    """The password may go over the site's network in clear, to a camera that knows no digest (RFC 7617)."""
    record: Literal["main", "sub"] = "main"
    diagnose: StreamChoice = "auto"
    """``auto``: the sub stream where there is one."""
    live: StreamChoice = "auto"
    privacy_masks: Annotated[list[Polygon], msgspec.Meta(max_length=MASKS_MAX)] = []
    """What no still and no diagnosis may look at: ``(x, y)`` as fractions of width and height from the top left."""
    onvif_url: OptionalHttpUrl = ""
    """The camera's ONVIF device service, on the same host."""
    replay: bool = False
    """Missing time may be fetched from the camera's own memory (ONVIF Profile G)."""
    view: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1
    """Another number says that the camera was turned on purpose: its diagnosis learns the new view."""

    @property
    def host(self) -> str:
        """Where its password may go. Raises InvalidInput (``bad_address``)."""
        return host_of(self.url)


class DesiredState(msgspec.Struct, frozen=True, kw_only=True):
    """All cameras that the agent is to record, and no others; replaces every older version."""

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    version: Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
    cameras: Annotated[list[DesiredCamera], msgspec.Meta(max_length=CAMERAS_PER_AGENT_MAX)]


class CameraOutcome(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What became of one camera; ``why`` only where it failed, and it then goes on as it was before."""

    camera_id: Slug
    what: Literal["kept", "added", "changed", "removed", "failed"]
    why: Detail = ""


class ConfigurationReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent works by from ``at_us`` on, or why it did not take a version; durable.

    ``cameras`` tells of every camera that was asked for or removed, once after each change and each start.
    """

    message_id: HexId
    site_id: Slug
    agent_id: Slug
    timeline_id: HexId
    at_us: Micros
    source: ConfigurationSource
    version: Count
    """That this speaks of; 0 where the cameras come from a local file."""
    outcome: Literal["taken", "refused"]
    why: Detail = ""
    cameras: Annotated[list[CameraOutcome], msgspec.Meta(max_length=2 * CAMERAS_PER_AGENT_MAX)] = []


def host_of(url: str) -> str:
    """The host of an address, lower case, without port. Raises InvalidInput (``bad_address``)."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port, (host or "").encode("idna")  # what no resolver would be asked for, nor any connection made to
    except ValueError as error:
        raise InvalidInput(f"no address: {url[:80]!r}", code="bad_address") from error
    if not host:
        raise InvalidInput(f"an address without a host: {url[:80]!r}", code="bad_address")
    return host


def check_camera(camera: DesiredCamera) -> None:
    """Raises InvalidInput for what no agent could carry out: streams that are not there, addresses on other hosts."""
    host = camera.host
    for url in (camera.sub_url, camera.onvif_url):
        if url and host_of(url) != host:
            raise InvalidInput(
                f"{camera.camera_id}: {host_of(url)} is another host than {host}; the password is sealed for one",
                code="bad_address",
            )
    if "sub" in (camera.record, camera.diagnose, camera.live) and not camera.sub_url:
        raise InvalidInput(f"{camera.camera_id} is to use its sub stream: give its address too", code="no_sub_stream")
    if camera.password is not None and not camera.username:
        raise InvalidInput(f"{camera.camera_id} has a password and no user", code="no_username")
