"""The duty room's screen in words. Pure; the squares of a facility's cameras are one path for each state, whatever their number."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from config.base.clock import US_PER_S
from server.domain.verdict import day_of
from server.services.coverage.read_wall import Wall, WallAlarm, WallCamera, WallSite
from server.web.formatting import Words
from server.web.languages import Language
from server.web.pages import Pages
from server.web.wording import ALARM_KIND, CONDITION, mark
from storage.database.scope import Scope

STATE = CONDITION | {
    "picture_spoiled": mark("picture is spoiled"),
    "not_in_service": mark("not in service yet"),
}
SHAPE = {"recording": "good", "starting": "good", "not_in_service": "idle", "unknown": "unknown"}
"""How a camera is drawn; every other state is trouble."""
ORDER = ("bad", "unknown", "good", "idle")
COLUMNS, STEP, SIZE = 16, 12, 10
LINES_MAX = 6
"""Cameras named on one tile."""


@dataclass(frozen=True)
class AlarmTile:
    """One alarm."""

    alarm_id: int
    site_id: str
    site_name: str
    kind: str
    place: str
    since: str
    often: str
    tone: str
    """``urgent``, ``raised`` or ``seen``."""


@dataclass(frozen=True)
class SiteTile:
    """One facility: its sentence, its troubled cameras by name, and a square for each camera."""

    site_id: str
    name: str
    tone: str
    sentence: str
    lines: list[tuple[str, str]]
    more: int
    paths: list[tuple[str, str]]
    width: int
    height: int


@dataclass(frozen=True)
class WallView:
    """All of it."""

    as_of: str
    tone: str
    sentence: str
    alarms: list[AlarmTile]
    unshown: int
    sites: list[SiteTile]


class WallPages:
    """Renders."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def page(self, reader: Scope, language: str, *, now_us: int, timezone: str, fragment: str, digest: str) -> str:
        """The page around a fragment; ``now_us``: the server's clock at this moment."""
        return self._pages.page(
            "wall.html",
            language,
            # A screen that stands open has no ways anywhere.
            **({"screen": True} if reader.only else {"screen": False, "reader": reader}),
            here="/wall",
            now_ms=now_us // 1_000,
            timezone=timezone,
            fragment=fragment,
            digest=digest,
        )

    def fragment(self, wall: Wall, language: str, *, links: bool) -> str:
        """The same bytes while nothing on it has changed; ``links``: to the boards of its facilities."""
        made = make_wall(wall, self._pages.spoken(language))
        return self._pages.page("wall_fragment.html", language, wall=made, links=links)


def make_wall(wall: Wall, language: Language) -> WallView:
    """For a reader of ``language``."""
    words = Words(language, wall.timezone)
    unseen = sum(alarm.unseen for alarm in wall.alarms)
    troubled = sum(_tone(site) in {"urgent", "bad"} for site in wall.sites)
    unknown = sum(_tone(site) == "unknown" for site in wall.sites)
    said = [
        language.count("%(num)s alarm that nobody has seen", "%(num)s alarms that nobody has seen", unseen)
        if unseen
        else language.count(
            "%(num)s open alarm, seen", "%(num)s open alarms, all seen", len(wall.alarms) + wall.unshown
        )
        if wall.alarms
        else "",
        language.count("%(num)s site in trouble", "%(num)s sites in trouble", troubled) if troubled else "",
        language.count("%(num)s site not heard", "%(num)s sites not heard", unknown) if unknown else "",
    ]
    told = [one for one in said if one]
    if not told:
        told = [_quiet(wall, language)]
    return WallView(
        as_of=words.clock(wall.now_us),
        tone="urgent" if unseen else "bad" if troubled else "unknown" if unknown else "calm",
        sentence=" · ".join(told),
        alarms=[_alarm(alarm, wall.now_us, language) for alarm in wall.alarms],
        unshown=wall.unshown,
        sites=[_site(site, words, wall.now_us, language) for site in wall.sites],
    )


def _quiet(wall: Wall, language: Language) -> str:
    """What is known where nothing is wrong: of no camera at all nothing is."""
    if not wall.sites:
        return language.text("No site is within your reach")
    states = [camera.state for site in wall.sites for camera in site.cameras]
    recording = states.count("recording")
    if recording and recording == len(states):
        return language.text("All quiet: every camera is recording")
    return language.text("No trouble; %(num)s of %(all)s recording") % {"num": recording, "all": len(states)}


def _alarm(alarm: WallAlarm, now_us: int, language: Language) -> AlarmTile:
    words, text = Words(language, alarm.timezone), language.text
    place = [
        alarm.detail,
        text("partition %(name)s") % {"name": alarm.partition} if alarm.partition else "",
        text("point %(name)s") % {"name": alarm.point} if alarm.point else "",
    ]
    return AlarmTile(
        alarm_id=alarm.alarm_id,
        site_id=alarm.site_id,
        site_name=alarm.site_name,
        kind=text(ALARM_KIND[alarm.kind]) if alarm.kind in ALARM_KIND else alarm.kind,
        place=" · ".join(part for part in place if part),
        since=words.moment(alarm.raised_us, day_of(now_us, alarm.timezone)),
        often=text("%(num)s times") % {"num": alarm.count} if alarm.count > 1 else "",
        tone="seen" if not alarm.unseen else "urgent" if alarm.urgent else "raised",
    )


def _site(site: WallSite, words: Words, now_us: int, language: Language) -> SiteTile:
    text = language.text
    bad = [camera for camera in site.cameras if SHAPE.get(camera.state, "bad") == "bad"]
    unknown = sum(camera.state == "unknown" for camera in site.cameras)
    recording = sum(camera.state == "recording" for camera in site.cameras)
    said = []
    if site.silent_us is not None:
        # To the minute: the fragment must not change while nothing does.
        minutes_us = (now_us - site.silent_us) // (60 * US_PER_S) * 60 * US_PER_S
        said.append(
            text("not heard for %(time)s") % {"time": words.duration(minutes_us)}
            if site.silent_us
            else text("never heard")
        )
    if bad:
        said.append(language.count("%(num)s camera in trouble", "%(num)s cameras in trouble", len(bad)))
    if unknown and site.silent_us is None:
        said.append(language.count("%(num)s camera unknown", "%(num)s cameras unknown", unknown))
    if recording:
        said.append(text("%(num)s of %(all)s recording") % {"num": recording, "all": len(site.cameras)})
    if not site.cameras:
        said.append(text("no camera yet"))
    paths, rows = _squares(site.cameras)
    return SiteTile(
        site_id=site.site_id,
        name=site.name,
        tone=_tone(site),
        sentence=" · ".join(said),
        lines=[(camera.name, text(STATE[camera.state])) for camera in bad[:LINES_MAX]],
        more=max(0, len(bad) - LINES_MAX),
        paths=paths,
        width=COLUMNS * STEP,
        height=rows * STEP,
    )


def _tone(site: WallSite) -> str:
    if site.unseen:
        return "urgent"
    shapes = Counter(SHAPE.get(camera.state, "bad") for camera in site.cameras)
    if shapes["bad"]:
        return "bad"
    return "unknown" if site.silent_us is not None or shapes["unknown"] else "calm"


def _squares(cameras: Sequence[WallCamera]) -> tuple[list[tuple[str, str]], int]:
    """A filled square is good, a cross trouble, a ring unknown, a dot idle: told apart without colour."""
    drawn: dict[str, list[str]] = {shape: [] for shape in ORDER}
    shapes = sorted((SHAPE.get(camera.state, "bad") for camera in cameras), key=ORDER.index)
    for place, shape in enumerate(shapes):
        left, top = place % COLUMNS * STEP + 1, place // COLUMNS * STEP + 1
        drawn[shape].append(_mark(shape, left, top))
    return [(shape, "".join(parts)) for shape, parts in drawn.items() if parts], -(-max(len(cameras), 1) // COLUMNS)


def _mark(shape: str, left: int, top: int) -> str:
    if shape == "bad":
        return f"M{left + 1} {top + 1}l8 8m0-8l-8 8"
    if shape == "unknown":
        return f"M{left + 1} {top + 1}h8v8h-8z"
    if shape == "idle":
        return f"M{left + 3} {top + 5}h4"
    return f"M{left} {top}h{SIZE}v{SIZE}h-{SIZE}z"
