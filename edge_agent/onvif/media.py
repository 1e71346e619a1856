"""What a camera sees and how it streams it: profiles, sorted into one main and one sub stream for each lens.

Source: ONVIF Media Service Specification (Media 1: no H.265), Media 2 Service Specification (Profile T).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from config.base.errors import InvalidInput, NotFound
from edge_agent.onvif.soap import SCHEMA, child, number, text_of

MEDIA_2 = "http://www.onvif.org/ver20/media/wsdl"
PROFILES_MAX = 128
SOURCES_MAX = 64
SUB_WIDTH_MIN = 320
CODECS = {"H264": "h264", "H265": "hevc", "HEVC": "hevc", "JPEG": "jpeg", "MPV4-ES": "mpeg4", "MPEG4": "mpeg4"}
RECORDABLE = ("h264", "hevc")

Call = Callable[[str, str], Element]
Reachable = Callable[[str], str]


@dataclass(frozen=True)
class DeviceInformation:
    """Who made it and what it is; texts are the device's own."""

    maker: str
    model: str
    firmware: str
    serial_number: str
    NAMES: ClassVar[tuple[str, ...]] = ("Manufacturer", "Model", "FirmwareVersion", "SerialNumber")


@dataclass(frozen=True)
class StreamProfile:
    """One stream as it is configured; 0 where the camera does not say."""

    token: str
    codec: str
    width: int
    height: int
    frames_per_second: int = 0
    kilobits_per_second: int = 0
    keyframe_every: int = 0
    """In frames."""
    source: str = ""
    url: str = ""

    @property
    def recordable(self) -> bool:
        return self.codec in RECORDABLE


@dataclass(frozen=True)
class VideoSource:
    """One lens: its main stream, its sub stream where it has one, and where its picture can be had."""

    token: str
    main: StreamProfile
    sub: StreamProfile | None = None
    snapshot_url: str = ""
    profiles: tuple[StreamProfile, ...] = ()


def sources(call: Call, service: str, reachable: Reachable) -> list[VideoSource]:
    """Every lens with its streams' addresses. Raises NotFound where there is no video at all."""
    query = "<GetProfiles><Type>All</Type></GetProfiles>" if service == MEDIA_2 else "<GetProfiles"
    element = call(service, query)
    read = _profile_2 if service == MEDIA_2 else _profile_1
    profiles = [found for one in list(element)[:PROFILES_MAX] if (found := read(one)) is not None]
    chosen = chosen_streams(profiles)
    if not chosen:
        raise NotFound("the camera streams no video", code="onvif_no_video")
    return [_with_addresses(source, call, service, reachable) for source in chosen[:SOURCES_MAX]]


def chosen_streams(profiles: list[StreamProfile]) -> list[VideoSource]:
    """For each lens the largest stream as main and the smallest that is still a picture as sub (pure)."""
    by_source: dict[str, list[StreamProfile]] = {}
    for profile in profiles:
        by_source.setdefault(profile.source, []).append(profile)
    found: list[VideoSource] = []
    for token, members in by_source.items():
        usable = [one for one in members if one.recordable] or members
        main = max(usable, key=lambda one: (one.width * one.height, one.frames_per_second))
        smaller = [
            one for one in usable if one.width >= SUB_WIDTH_MIN and one.width * one.height < main.width * main.height
        ]
        sub = min(smaller, key=lambda one: (one.codec != "h264", one.width * one.height), default=None)
        found.append(VideoSource(token, main, sub, profiles=tuple(members)))
    return found


def _with_addresses(source: VideoSource, call: Call, service: str, reachable: Reachable) -> VideoSource:
    main = _with_address(source.main, call, service, reachable)
    try:
        sub = None if source.sub is None else _with_address(source.sub, call, service, reachable)
    except (InvalidInput, NotFound):
        sub = None
    return VideoSource(source.token, main, sub, _snapshot(source.main, call, service), source.profiles)


def _with_address(profile: StreamProfile, call: Call, service: str, reachable: Reachable) -> StreamProfile:
    token = escape(profile.token)
    if service == MEDIA_2:
        element = call(
            service, f"<GetStreamUri><Protocol>RTSP</Protocol><ProfileToken>{token}</ProfileToken></GetStreamUri>"
        )
        said = text_of(element, "Uri", service)
    else:
        setup = (
            f'<StreamSetup><Stream xmlns="{SCHEMA}">RTP-Unicast</Stream>'
            f'<Transport xmlns="{SCHEMA}"><Protocol>RTSP</Protocol></Transport></StreamSetup>'
        )
        element = call(service, f"<GetStreamUri>{setup}<ProfileToken>{token}</ProfileToken></GetStreamUri>")
        said = text_of(child(element, "MediaUri", service), "Uri")
    url = reachable(said)
    if urlsplit(url).scheme != "rtsp":
        raise InvalidInput("the camera's stream is no RTSP", code="onvif_nonsense")
    return StreamProfile(**{**{name: getattr(profile, name) for name in profile.__dataclass_fields__}, "url": url})


def _snapshot(profile: StreamProfile, call: Call, service: str) -> str:
    """Where a still can be had; empty where the camera has none, which is no fault."""
    query = f"<GetSnapshotUri><ProfileToken>{escape(profile.token)}</ProfileToken></GetSnapshotUri>"
    try:
        element = call(service, query)
    except (InvalidInput, NotFound):
        return ""
    return text_of(element, "Uri", service) or text_of(child(element, "MediaUri", service), "Uri")


def _profile_2(element: Element) -> StreamProfile | None:
    encoder = child(element, "Configurations/VideoEncoder", MEDIA_2)
    if encoder is None:
        return None
    source = text_of(child(element, "Configurations/VideoSource", MEDIA_2), "SourceToken")
    return _profile(element, encoder, source, number(encoder.get("GovLength", "0")))


def _profile_1(element: Element) -> StreamProfile | None:
    encoder = child(element, "VideoEncoderConfiguration")
    if encoder is None:
        return None
    source = text_of(element, "VideoSourceConfiguration/SourceToken")
    return _profile(element, encoder, source, number(text_of(encoder, "H264/GovLength")))


def _profile(element: Element, encoder: Element, source: str, keyframe_every: int) -> StreamProfile | None:
    token = element.get("token", "")[:64]
    width, height = number(text_of(encoder, "Resolution/Width")), number(text_of(encoder, "Resolution/Height"))
    if not token or not 0 < width <= 16_384 or not 0 < height <= 16_384:
        return None
    said = text_of(encoder, "Encoding").upper()
    return StreamProfile(
        token=token,
        codec=CODECS.get(said, said.lower()[:16] or "unknown"),
        width=width,
        height=height,
        frames_per_second=number(text_of(encoder, "RateControl/FrameRateLimit")),
        kilobits_per_second=number(text_of(encoder, "RateControl/BitrateLimit")),
        keyframe_every=max(0, keyframe_every),
        source=source[:64],
    )
