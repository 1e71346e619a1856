"""What the pages of cameras and discovered cameras say, and what their forms hold. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from config.base.errors import InvalidInput
from config.wire.desired_state import DesiredCamera
from config.wire.discovery import StreamOffer
from server.domain.verdict import day_of
from server.services.cameras.camera_wishes import read_sealed, write_masks
from server.services.cameras.read_discovered import DiscoveredView
from server.services.cameras.set_up_cameras import CameraView, SiteCameras, ZoneView
from server.services.coverage.read_health import SiteHealth
from server.web.formatting import Words
from server.web.languages import Language
from server.web.setup_wording import FORBIDDEN_ZONE, PROBLEM
from server.web.wording import CONDITION, ZONE

FIELD_CHARS_MAX = 16_384
CHECKBOXES = ("allow_basic", "replay", "turned")
TEXTS = [
    "camera",
    "name",
    "zone",
    "agent",
    "discovery",
    "plan",
    "x",
    "y",
    "url",
    "sub_url",
    "onvif_url",
    "transport",
    "username",
    "sealed",
    "sealed_for",
    "record",
    "diagnose",
    "live",
    "masks",
]


@dataclass(frozen=True)
class CameraForm:
    """What stands in the fields. ``camera_id`` is fixed where the camera is ``known``, ``agent`` where it was ``found``."""

    camera: str = ""
    name: str = ""
    zone: str = ""
    agent: str = ""
    discovery: str = ""
    plan: str = ""
    """The floor that it was dragged to, and the point on it."""
    x: str = ""
    y: str = ""
    url: str = ""
    sub_url: str = ""
    onvif_url: str = ""
    transport: str = "tcp"
    username: str = ""
    sealed: str = ""
    sealed_for: str = ""
    record: str = "main"
    diagnose: str = "auto"
    live: str = "auto"
    masks: str = ""
    allow_basic: bool = False
    replay: bool = False
    turned: bool = False
    known: bool = False
    has_password: bool = False
    problems: list[str] = field(default_factory=list)
    """Codes of what is wrong with a discovered camera."""
    has_picture: bool = False


@dataclass(frozen=True)
class CameraRow:
    """One camera in the list."""

    camera_id: str
    name: str
    place: str
    agent_id: str
    in_service: bool
    state: str
    tone: str
    why: str
    """The agent's own words, in English."""
    address: str


@dataclass(frozen=True)
class FoundRow:
    """One discovered camera."""

    agent_id: str
    discovery_id: str
    title: str
    facts: list[str]
    problems: list[str]
    has_picture: bool
    adopted_as: str
    dismissed: bool
    can_be_added: bool


def from_settings(site: SiteCameras, camera: CameraView | None) -> CameraForm:
    """The form of a camera that is there, or an empty one."""
    if camera is None:
        only = site.recorders[0].agent_id if len(site.recorders) == 1 else ""
        return CameraForm(camera=site.free_id, agent=only)
    plain = CameraForm(
        camera=camera.camera_id, name=camera.name, zone=camera.zone_id, agent=camera.agent_id, known=True
    )
    said = camera.settings
    return plain if said is None else _with(plain, said)


def _with(plain: CameraForm, said: DesiredCamera) -> CameraForm:
    return replace(
        plain,
        url=said.url,
        sub_url=said.sub_url,
        onvif_url=said.onvif_url,
        transport=said.transport,
        username=said.username,
        record=said.record,
        diagnose=said.diagnose,
        live=said.live,
        masks=write_masks(said.privacy_masks),
        allow_basic=said.allow_basic,
        replay=said.replay,
        has_password=said.password is not None,
    )


def from_found(site: SiteCameras, found: DiscoveredView) -> CameraForm:
    """The form of a discovered camera: what is known of it is filled in."""
    return CameraForm(
        camera=site.free_id,
        name=(found.name or found.model)[:64],
        agent=found.agent_id,
        discovery=found.discovery_id,
        url=found.main.url if found.main else "",
        sub_url=found.sub.url if found.sub else "",
        onvif_url=found.onvif_url,
        allow_basic=False,
        problems=found.problems,
        has_picture=found.has_picture,
    )


def filled(fields: Mapping[str, str], camera: CameraView | None = None) -> CameraForm:
    """What somebody filled in, to be shown again; but for what is no sealed password: it may be the password."""
    texts = {name: fields[name][:FIELD_CHARS_MAX] for name in TEXTS if name in fields}
    if not _is_sealed(texts.get("sealed", "")):
        texts["sealed"] = ""
    ticked = {name: name in fields for name in CHECKBOXES}
    form = replace(CameraForm(**texts), **ticked)  # type: ignore[arg-type]
    if camera is None:
        return form
    kept = camera.settings is not None and camera.settings.password is not None
    return replace(
        form,
        camera=camera.camera_id,
        name=camera.name,
        zone=camera.zone_id,
        agent=camera.agent_id,
        known=True,
        has_password=kept,
    )


def _is_sealed(text: str) -> bool:
    try:
        return read_sealed(text.strip()) is not None
    except InvalidInput:
        return False


def zone_text(zone: ZoneView, language: Language) -> str:
    """A place's own name, and its kind where the name is not just that."""
    words = ZONE.get(zone.kind) or FORBIDDEN_ZONE.get(zone.kind)
    kind = language.text(words) if words else zone.kind
    return zone.name if zone.name == kind else f"{zone.name} · {kind}"


def camera_rows(site: SiteCameras, health: SiteHealth, language: Language) -> list[CameraRow]:
    """Those in service first."""
    zones = {zone.zone_id: zone_text(zone, language) for zone in site.zones}
    conditions = {
        camera.camera_id: camera.condition for agent in health.agents if agent.alive for camera in agent.cameras
    }
    failed = {
        camera_id: why
        for agent in health.agents
        if agent.configuration is not None
        for camera_id, why in agent.configuration.failed.items()
    }
    rows = [
        CameraRow(
            camera_id=camera.camera_id,
            name=camera.name,
            place=zones.get(camera.zone_id, camera.zone_id),
            agent_id=camera.agent_id,
            in_service=camera.retired_us is None,
            state=_state(site, camera, conditions.get(camera.camera_id), camera.camera_id in failed, language),
            tone=_tone(site, camera, conditions.get(camera.camera_id), camera.camera_id in failed),
            why=failed.get(camera.camera_id, "") if camera.retired_us is None else "",
            address=camera.settings.url if camera.settings is not None else "",
        )
        for camera in site.cameras
    ]
    return sorted(rows, key=lambda row: (not row.in_service, row.name))


def _state(site: SiteCameras, camera: CameraView, condition: str | None, failed: bool, language: Language) -> str:  # noqa: FBT001
    text = language.text
    if camera.retired_us is not None:
        at = Words(language, site.timezone).moment(camera.retired_us, day_of(site.now_us, site.timezone))
        return text("out of service since %(time)s") % {"time": at}
    if failed:
        return text("The site agent could not set it up: correct the settings")
    if condition is not None:
        return text(CONDITION[condition]) if condition in CONDITION else condition
    if camera.settings is None and camera.agent_id in _by_inventory(site):
        return text("Not recorded: nobody has said here how it is reached")
    if camera.settings is None:
        return text("Nobody has said here how it is reached")
    return text("The site agent has not told of it yet")


def _by_inventory(site: SiteCameras) -> set[str]:
    """The boxes that record what stands here, and nothing else."""
    return {camera.agent_id for camera in site.cameras if camera.settings is not None}


def by_file(site: SiteCameras, besides: str) -> list[str]:
    """The cameras, but for one, that a box records by a file of its own, until the first of its cameras is set up here."""
    bound = _by_inventory(site)
    return [
        camera.name
        for camera in site.cameras
        if camera.settings is None
        and camera.retired_us is None
        and camera.agent_id not in bound
        and camera.camera_id != besides
    ]


def _tone(site: SiteCameras, camera: CameraView, condition: str | None, failed: bool) -> str:  # noqa: FBT001
    if camera.retired_us is not None:
        return "waiting"
    if failed:
        return "non_compliant"
    if condition is None and camera.settings is None and camera.agent_id in _by_inventory(site):
        return "non_compliant"
    if condition is None or condition == "starting":
        return "waiting"
    return "compliant" if condition == "recording" else "non_compliant"


def found_rows(found: list[DiscoveredView], language: Language) -> list[FoundRow]:
    """Those that somebody has to decide on first."""
    rows = [
        FoundRow(
            agent_id=one.agent_id,
            discovery_id=one.discovery_id,
            title=" ".join(part for part in (one.maker, one.model) if part) or one.name or one.onvif_url,
            facts=_facts(one, language),
            problems=problem_texts(one.problems, language),
            has_picture=one.has_picture and not one.registered and not one.dismissed,
            adopted_as=(one.adopted_as or one.configured_as) if one.registered else "",
            dismissed=one.dismissed,
            can_be_added=not one.registered,
        )
        for one in found
    ]
    return sorted(rows, key=lambda row: (bool(row.adopted_as), row.dismissed))


def problem_texts(codes: list[str], language: Language) -> list[str]:
    """Each in a sentence; a code without words of its own stands for itself."""
    return [language.text(PROBLEM[code]) if code in PROBLEM else code for code in codes]


def _facts(one: DiscoveredView, language: Language) -> list[str]:
    text = language.text
    facts = [one.onvif_url]
    if one.main is not None:
        facts.append(text("first stream %(stream)s") % {"stream": _stream(one.main)})
    if one.sub is not None:
        facts.append(text("second stream %(stream)s") % {"stream": _stream(one.sub)})
    if one.serial_number:
        facts.append(text("serial number %(number)s") % {"number": one.serial_number})
    facts.append(text("found by %(box)s") % {"box": one.agent_id})
    return facts


def _stream(offer: StreamOffer) -> str:
    codec = {"h264": "H.264", "hevc": "H.265"}.get(offer.codec, offer.codec)
    return f"{offer.width} × {offer.height} {codec}"
