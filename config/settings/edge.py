"""Settings of the edge agent; edge.toml beside this file is their annotated default."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from config.base.decoding import convert
from config.base.errors import ConfigurationError, InvalidInput
from config.base.ids import is_slug
from config.base.origins import parse_origin
from config.settings.loader import Strict, load


class AgentSettings(Strict, frozen=True, kw_only=True):
    site_id: str
    agent_id: str
    state_dir: str
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class MqttSettings(Strict, frozen=True, kw_only=True):
    host: str
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)]
    keepalive_s: Annotated[int, msgspec.Meta(ge=5, le=60)]
    heartbeat_s: Annotated[int, msgspec.Meta(ge=1, le=30)]


class ServerLinkSettings(Strict, frozen=True, kw_only=True):
    url: Annotated[str, msgspec.Meta(pattern=r"^https?://")]
    ca_file: str
    public_key_file: str
    sealing_key_file: str
    timeout_s: Annotated[int, msgspec.Meta(ge=1, le=60)]


class RecordingSettings(Strict, frozen=True, kw_only=True):
    segment_s: Annotated[int, msgspec.Meta(ge=2, le=300)]
    connect_timeout_s: Annotated[int, msgspec.Meta(ge=1, le=30)]
    stall_s: Annotated[int, msgspec.Meta(ge=2, le=30)]
    frame_gap_s: Annotated[int, msgspec.Meta(ge=1, le=2)]
    """A hole that is shorter counts as covered: hence the narrow bounds."""
    reconnect_first_s: Annotated[float, msgspec.Meta(gt=0, le=1)]
    reconnect_limit_s: Annotated[float, msgspec.Meta(ge=1, le=60)]
    shard_cameras: Annotated[int, msgspec.Meta(ge=1, le=64)]


class SpoolSettings(Strict, frozen=True, kw_only=True):
    bytes_max: Annotated[int, msgspec.Meta(ge=0)]
    free_bytes_min: Annotated[int, msgspec.Meta(ge=0)]
    upload_workers: Annotated[int, msgspec.Meta(ge=1, le=16)]
    resend_s: Annotated[int, msgspec.Meta(ge=1, le=600)]
    alarm_fraction: Annotated[float, msgspec.Meta(gt=0, lt=1)]
    when_full: Literal["keep_old", "keep_new"]


class UplinkHours(Strict, frozen=True, kw_only=True):
    """Between two times of the day, the second exclusive; over midnight where it is the smaller."""

    since: Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)")]
    until: Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)")]
    bits_per_second_max: Annotated[int, msgspec.Meta(ge=0)]


class UplinkSettings(Strict, frozen=True, kw_only=True):
    bits_per_second_max: Annotated[int, msgspec.Meta(ge=0)]
    timezone: str
    hours: Annotated[list[UplinkHours], msgspec.Meta(max_length=24)]


class CellSettings(Strict, frozen=True, kw_only=True):
    leaf_roots: bool
    ca_file: str


class ClockSettings(Strict, frozen=True, kw_only=True):
    sync_s: Annotated[int, msgspec.Meta(ge=5, le=3_600)]
    step_us: Annotated[int, msgspec.Meta(ge=100_000, le=5_000_000)]
    slew_ppm: Annotated[int, msgspec.Meta(ge=1, le=500)]


StreamName = Literal["main", "sub"]
StreamChoice = Literal["auto", "main", "sub"]
"""``auto``: the sub stream where there is one."""
SourceUrl = Annotated[str, msgspec.Meta(pattern=r"^(rtsp://.|file:.|usb:/dev/video[0-9]+$(?!\n))", max_length=500)]
Fraction0To1 = Annotated[float, msgspec.Meta(ge=0, le=1)]
Polygon = Annotated[list[tuple[Fraction0To1, Fraction0To1]], msgspec.Meta(min_length=3, max_length=32)]


class CameraSettings(Strict, frozen=True, kw_only=True):
    id: str
    url: SourceUrl
    sub_url: Annotated[str, msgspec.Meta(pattern=r"^(|rtsp://.*|file:.*)$(?!\n)", max_length=500)] = ""
    username: str = ""
    password_file: str = ""
    allow_basic: bool = False
    """Its password may go out in clear, where it offers nothing better."""
    transport: Literal["tcp", "udp"] = "tcp"
    record: StreamName = "main"
    diagnose: StreamChoice = "auto"
    live: StreamChoice = "auto"
    privacy_masks: Annotated[list[Polygon], msgspec.Meta(max_length=16)] = msgspec.field(default_factory=list)
    """What no still and no diagnosis may look at: polygons of ``(x, y)``, fractions of width and height from the top left."""
    onvif_url: Annotated[str, msgspec.Meta(pattern=r"^(https?://[^@\s]+)?$(?!\n)", max_length=500)] = ""
    """The camera's ONVIF device service: its clock is measured there, and its memory card asked."""
    replay: bool = False
    """Missing time may be fetched from the camera's own memory."""
    view: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1
    """Another number says that the camera was turned on purpose: its diagnosis learns the new view."""

    def stream_for(self, choice: StreamName | StreamChoice) -> StreamName:
        """The stream that a choice means for this camera."""
        return ("sub" if self.sub_url else "main") if choice == "auto" else choice

    def source_url(self, stream: StreamName) -> str:
        return self.sub_url if stream == "sub" else self.url


PanelId = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$(?!\n)")]
PointKind = Literal["panic", "tamper", "perimeter", "interior", "fire", "gas", "water", "medical"]
PartitionId = Annotated[str, msgspec.Meta(min_length=1, max_length=32)]


class PartitionSettings(Strict, frozen=True, kw_only=True):
    id: PartitionId
    armed: Annotated[list[Annotated[str, msgspec.Meta(max_length=64)]], msgspec.Meta(max_length=32)]
    """Weekly hours at which it should be armed, in the site's zone: ``mon-fri 19:00-07:00``, ``sat-sun 00:00-24:00``."""


class PanelSettings(Strict, frozen=True, kw_only=True):
    id: PanelId
    account: Annotated[str, msgspec.Meta(pattern=r"^([0-9A-Fa-f]{3,16})?$(?!\n)")] = ""
    key_file: str = ""
    period_s: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 0
    points: Annotated[dict[str, PointKind], msgspec.Meta(max_length=512)] = msgspec.field(default_factory=dict)
    partitions: Annotated[list[PartitionSettings], msgspec.Meta(max_length=32)] = msgspec.field(default_factory=list)


class InputSettings(Strict, frozen=True, kw_only=True):
    id: PanelId
    address: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    username: str = ""
    password_file: str = ""
    points: Annotated[dict[str, PointKind], msgspec.Meta(min_length=1, max_length=64)]
    idle_active: bool = False


class FindingRule(Strict, frozen=True, kw_only=True):
    """Raised after ``raise_after`` of the last ``raise_of`` pictures reached the threshold, cleared after so many good ones."""

    threshold: Annotated[float, msgspec.Meta(gt=0)]
    raise_after: Annotated[int, msgspec.Meta(ge=1, le=64)]
    raise_of: Annotated[int, msgspec.Meta(ge=1, le=64)]
    clear_after: Annotated[int, msgspec.Meta(ge=1, le=64)]


class FindingRules(Strict, frozen=True, kw_only=True):
    signal_loss: FindingRule
    too_dark: FindingRule
    too_bright: FindingRule
    blurred: FindingRule
    occluded: FindingRule
    scene_moved: FindingRule
    frozen: FindingRule
    colour_cast: FindingRule
    noise: FindingRule
    streaks: FindingRule


class DiagnosisSettings(Strict, frozen=True, kw_only=True):
    enabled: bool
    every_s: Annotated[float, msgspec.Meta(ge=0.5, le=60)]
    findings: FindingRules


class OnvifSettings(Strict, frozen=True, kw_only=True):
    clock_s: Annotated[int, msgspec.Meta(ge=10, le=86_400)]
    replay_hours: Annotated[int, msgspec.Meta(ge=1, le=720)]
    replay_settle_s: Annotated[int, msgspec.Meta(ge=1, le=3_600)]


class LiveSettings(Strict, frozen=True, kw_only=True):
    transcodes_max: Annotated[int, msgspec.Meta(ge=0, le=64)]


class AlarmSettings(Strict, frozen=True, kw_only=True):
    listen: str
    band_early_s: Annotated[int, msgspec.Meta(ge=1, le=3_600)]
    band_late_s: Annotated[int, msgspec.Meta(ge=1, le=3_600)]
    repeat_s: Annotated[int, msgspec.Meta(ge=60, le=7_200)]
    timezone: str
    schedule_grace_s: Annotated[int, msgspec.Meta(ge=0, le=14_400)]
    webhook_port: Annotated[int, msgspec.Meta(ge=0, le=65_535)]
    webhook_token_file: str
    panels: Annotated[list[PanelSettings], msgspec.Meta(max_length=8)]
    inputs: Annotated[list[InputSettings], msgspec.Meta(max_length=16)]


ENROLLED_FILE = "enrolled.toml"
"""In the state folder: what the server said at enrolment. The settings file comes after it."""


class EdgeSettings(Strict, frozen=True, kw_only=True):
    agent: AgentSettings
    mqtt: MqttSettings
    server: ServerLinkSettings
    recording: RecordingSettings
    spool: SpoolSettings
    uplink: UplinkSettings
    cell: CellSettings
    clock: ClockSettings
    diagnosis: DiagnosisSettings
    onvif: OnvifSettings
    live: LiveSettings
    alarms: AlarmSettings
    cameras: Annotated[list[CameraSettings], msgspec.Meta(max_length=64)]


class _CameraFile(Strict, frozen=True, kw_only=True):
    cameras: Annotated[list[CameraSettings], msgspec.Meta(max_length=64)]


LOCAL_CAMERAS = "cameras.toml"
"""In the state folder, beside the settings of the operator: ``discover`` may write there."""


def load_edge(file: Path | None = None, *, enrolled: bool = True) -> EdgeSettings:
    """The agent's settings; ``enrolled`` False: it need not know yet who it is. Raises ConfigurationError."""
    settings = _layered(file)
    for key, value in (("agent.site_id", settings.agent.site_id), ("agent.agent_id", settings.agent.agent_id)):
        if enrolled and not value:
            raise ConfigurationError(
                f"'{key}' is not set: this machine is not enrolled. Ask the operator for a code, then:"
                " sudo nightlight-agent enrol",
                code="not_enrolled",
            )
        if value and not is_slug(value):
            raise ConfigurationError(f"'{key}' is {value!r}: give the id the operator registered this agent under")
    try:
        parse_origin(settings.server.url)
    except InvalidInput as error:
        raise ConfigurationError(f"'server.url': {error}") from error
    local = Path(settings.agent.state_dir) / LOCAL_CAMERAS
    settings = msgspec.structs.replace(settings, cameras=[*settings.cameras, *load_cameras(local)])
    check_cameras(settings.cameras)
    check_rules(settings.diagnosis.findings)
    return settings


def load_cameras(file: Path) -> list[CameraSettings]:
    """The cameras that ``discover`` wrote; none where there is no such file. Raises ConfigurationError."""
    try:
        return convert(msgspec.toml.decode(file.read_bytes()), _CameraFile).cameras
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigurationError(f"cannot read {file}: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise ConfigurationError(f"{file}: {error}") from error


def check_cameras(cameras: list[CameraSettings]) -> None:
    """Raises ConfigurationError for cameras that cannot be meant."""
    seen: set[str] = set()
    for camera in cameras:
        if not is_slug(camera.id):
            raise ConfigurationError(f"'cameras': {camera.id!r} is no camera id: use a-z, 0-9 and hyphens")
        if "sub" in (camera.record, camera.diagnose, camera.live) and not camera.sub_url:
            raise ConfigurationError(f"'cameras.{camera.id}' wants its sub stream: give 'sub_url' as well")
        for key in ("url", "sub_url"):
            if "@" not in getattr(camera, key):
                continue
            raise ConfigurationError(
                f"'cameras.{camera.id}.{key}' holds an @: write it without user and password. Put the user into"
                f" 'cameras.{camera.id}.username' and the password into the file named by"
                f" 'cameras.{camera.id}.password_file'"
            )
        if camera.id in seen:
            raise ConfigurationError(f"'cameras': {camera.id} stands there twice")
        seen.add(camera.id)


def _layered(file: Path | None) -> EdgeSettings:
    defaults, prefix = Path(__file__).with_name("edge.toml"), "NIGHTLIGHT_EDGE"
    settings = load(EdgeSettings, defaults, prefix, file)
    enrolled = Path(settings.agent.state_dir) / ENROLLED_FILE
    try:
        there = enrolled.exists()
    except OSError as error:
        raise ConfigurationError(f"'agent.state_dir': cannot read {enrolled}: {error.strerror}") from error
    return load(EdgeSettings, defaults, prefix, file, beneath=enrolled) if there else settings


def check_rules(rules: FindingRules) -> None:
    """Raises ConfigurationError where a finding could never be raised."""
    for name in rules.__struct_fields__:
        rule: FindingRule = getattr(rules, name)
        if rule.raise_after > rule.raise_of:
            raise ConfigurationError(
                f"'diagnosis.findings.{name}': raise_after {rule.raise_after} is more than raise_of {rule.raise_of}"
            )
