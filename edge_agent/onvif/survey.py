"""Everything that ``discover`` wants to know of one camera, and what is wrong with it, as codes that have words.

Invariant: a password is never tried that the person did not give; a camera locks itself after a few wrong ones.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from config.base.clock import US_PER_S, Clock
from config.base.errors import InvalidInput, NightlightError, NotFound, PermissionDenied, Unavailable
from config.settings.edge import CameraSettings, RecordingSettings
from edge_agent.cameras.faults import CameraFault
from edge_agent.onvif.camera import OnvifCamera
from edge_agent.onvif.clock import ClockOffset
from edge_agent.onvif.digest import Credentials
from edge_agent.onvif.media import DeviceInformation, StreamProfile, VideoSource
from edge_agent.onvif.picture import jpeg_made_small, picture_of

CLOCK_TOLERANCE_US = 2 * US_PER_S
KEYFRAMES_S_MAX = 4
_COMMON = """
admin 12345 123456 1234567 12345678 123456789 1234567890 888888 666666 000000 111111 1111 1234 4321 9999 password pass
root user guest admin123 admin1234 admin12345 abc123 abcd1234 meinsm tljwpbo6 ikwd system supervisor default camera
"""
COMMON_PASSWORDS = frozenset(_COMMON.split())
"""Makers' defaults and what people choose in their place: a stranger tries these first."""


@dataclass(frozen=True)
class Problem:
    """``code`` has its words in the catalogue, ``discover.problem_…``, with ``values`` filled in."""

    code: str
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Lens:
    """One lens, and whether its stream really came."""

    source: VideoSource
    problems: tuple[Problem, ...] = ()
    picture: bytes = b""
    works: bool = False
    """Its main stream can be recorded, and was seen."""


@dataclass(frozen=True)
class Survey:
    """One device; ``fault`` is the code of the error that ended the questions early."""

    address: str
    name: str = ""
    information: DeviceInformation | None = None
    clock: ClockOffset | None = None
    problems: tuple[Problem, ...] = ()
    lenses: tuple[Lens, ...] = ()
    fault: str = ""


@dataclass(frozen=True)
class Means:
    """What a survey works with."""

    clock: Clock
    wait: Callable[[float], object]
    recording: RecordingSettings
    machine_error_us: int = 0
    """The machine's clock minus the server's, where that is known."""
    machine_bound_us: int = 0


def survey(address: str, name: str, who: Credentials, means: Means) -> Survey:
    """Asks a camera everything. Never raises for what a camera does: ``fault`` says how far it went."""
    camera = OnvifCamera(address, who, means.clock)
    found = Survey(address, name)
    try:
        offset, said = camera.clock_offset(means.wait)
        right = ClockOffset(
            offset.offset_us + means.machine_error_us, offset.bound_us + means.machine_bound_us, offset.observed_us
        )
        found = replace(found, clock=right)
        found = replace(found, problems=clock_problems(found.clock, from_local=said.from_local))
    except (NotFound, InvalidInput, PermissionDenied):
        found = replace(found, problems=(Problem("no_time"),))
    except Unavailable as error:
        return replace(found, fault=error.code)
    try:
        found = replace(found, information=camera.information())
        found = replace(found, problems=(*found.problems, *_password_problems(address, who, means.clock)))
        lenses = tuple(_look(source, camera, who, means) for source in camera.sources())
    except NightlightError as error:
        return replace(found, fault=error.code)
    return replace(found, lenses=lenses)


def clock_problems(offset: ClockOffset | None, *, from_local: bool = False) -> tuple[Problem, ...]:
    """What is wrong with a camera's clock (pure)."""
    if offset is None:
        return ()
    if offset.looks_like_a_zone:
        return (Problem("clock_zone", {"hours": f"{offset.offset_us / 3_600 / US_PER_S:+.2g}"}),)
    if abs(offset.offset_us) - offset.bound_us > CLOCK_TOLERANCE_US:
        return (Problem("clock_off", {"seconds": f"{offset.offset_us / US_PER_S:+.0f}"}),)
    return (Problem("no_utc"),) if from_local else ()


def stream_problems(source: VideoSource) -> list[Problem]:
    """What is wrong with a lens's streams as they are configured (pure)."""
    main, sub, found = source.main, source.sub, []
    if not main.recordable:
        found.append(Problem("not_recordable", {"codec": main.codec}))
    elif main.codec == "hevc" and (sub is None or sub.codec == "hevc"):
        found.append(Problem("h265_only"))
    if sub is None:
        found.append(Problem("no_sub"))
    elif not sub.recordable:
        found.append(Problem("sub_not_usable", {"codec": sub.codec}))
    seconds = _keyframe_s(main)
    if seconds > KEYFRAMES_S_MAX:
        found.append(Problem("keyframes_rare", {"seconds": f"{seconds:.0f}"}))
    if any("password" in one.url.lower() or "pwd=" in one.url.lower() for one in (main, sub) if one is not None):
        found.append(Problem("password_in_url"))
    return found


def _look(source: VideoSource, camera: OnvifCamera, who: Credentials, means: Means) -> Lens:
    problems = stream_problems(source)
    if not source.main.recordable or any(problem.code == "password_in_url" for problem in problems):
        return Lens(source, tuple(problems), _still(source, camera))
    settings = CameraSettings(id="found", url=source.main.url, username=who.username)
    picture, works = b"", False
    try:
        picture = picture_of(settings, who.password, means.recording, means.clock)
        works = True
    except InvalidInput:
        works = True  # it comes; that it cannot be shown here is no reason not to record it
    except CameraFault as fault:
        basic = fault.code == "basic_only"
        problems.append(Problem("basic_only") if basic else Problem("stream_fails", {"condition": fault.condition}))
    picture = picture or _still(source, camera)
    return Lens(source, (*problems, *([] if picture else [Problem("no_picture")])), picture, works)


def _still(source: VideoSource, camera: OnvifCamera) -> bytes:
    with suppress(NightlightError):
        if source.snapshot_url:
            return jpeg_made_small(camera.snapshot(source.snapshot_url))
    return b""


def _password_problems(address: str, who: Credentials, clock: Clock) -> tuple[Problem, ...]:
    """The camera took this password, or none at all: is it one that a stranger would try?"""
    if not who or _open_to_all(address, clock):
        return (Problem("no_password"),)
    weak = who.password.lower() in COMMON_PASSWORDS or who.password.lower() == who.username.lower()
    return (Problem("default_password"),) if weak or not who.password else ()


def _open_to_all(address: str, clock: Clock) -> bool:
    try:
        OnvifCamera(address, Credentials(), clock).sources()
    except NightlightError:
        return False
    return True


def _keyframe_s(profile: StreamProfile) -> float:
    rate, every = profile.frames_per_second, profile.keyframe_every
    return every / rate if rate > 0 else 0.0
