"""What the page of a site's floor plans shows: the floor, what stands on it, and what has no place on any yet. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from server.services.cameras.floor_plans import WHOLE, PlanView, PointView
from server.services.cameras.set_up_cameras import SiteCameras
from server.web.languages import Language
from server.web.setup_cameras import FoundRow, zone_text
from server.web.wording import mark

WIDTH = 1_000
"""Of the drawing, in its own units; its height follows the picture's."""
SHORT_CHARS = 10
AREAS = {
    "17-17": mark("top left"),
    "50-17": mark("top middle"),
    "83-17": mark("top right"),
    "17-50": mark("middle left"),
    "50-50": mark("middle"),
    "83-50": mark("middle right"),
    "17-83": mark("bottom left"),
    "50-83": mark("bottom middle"),
    "83-83": mark("bottom right"),
}
"""Per cent of width and height, for who drags nothing."""


@dataclass(frozen=True)
class Thing:
    """A place or a camera; ``x`` and ``y`` in units of the drawing where it stands on the floor shown."""

    kind: str
    subject_id: str
    name: str
    short: str
    words: str
    """With what it is, for the list and for who listens."""
    forbidden: bool = False
    x: int = 0
    y: int = 0


@dataclass(frozen=True)
class Floor:
    """The floor shown."""

    plan_id: str
    name: str
    width: int
    height: int
    things: list[Thing]


@dataclass(frozen=True)
class PlanPage:
    """The whole page."""

    floors: list[tuple[str, str]]
    floor: Floor | None
    zones_left: list[Thing]
    cameras_left: list[Thing]
    found: list[FoundRow]
    areas: list[tuple[str, str]]


def make_plan(
    site: SiteCameras, plans: Sequence[PlanView], chosen: str, found: list[FoundRow], language: Language
) -> PlanPage:
    """``chosen``: which floor; the first where there is none of that id. ``found``: cameras to decide on."""
    known = _things(site, language)
    shown = next((plan for plan in plans if plan.plan_id == chosen), plans[0] if plans else None)
    placed = {(point.kind, point.subject_id) for plan in plans for point in plan.points}
    left = [thing for key, thing in known.items() if key not in placed]
    return PlanPage(
        floors=[(plan.plan_id, plan.name) for plan in plans],
        floor=_floor(shown, known) if shown is not None else None,
        zones_left=[thing for thing in left if thing.kind == "zone"],
        cameras_left=[thing for thing in left if thing.kind == "camera"],
        found=found,
        areas=[(at, language.text(words)) for at, words in AREAS.items()],
    )


def area_point(area: str) -> tuple[int, int] | None:
    """Where one of the nine areas lies; None for a word that names none."""
    if area not in AREAS:
        return None
    across, down = area.split("-")
    return int(across) * WHOLE // 100, int(down) * WHOLE // 100


def _things(site: SiteCameras, language: Language) -> dict[tuple[str, str], Thing]:
    zones = {zone.zone_id: zone_text(zone, language) for zone in site.zones}
    things = [
        Thing("zone", zone.zone_id, zone.name, _short(zone.name), zones[zone.zone_id], zone.forbidden)
        for zone in site.zones
    ]
    for camera in site.cameras:
        if camera.retired_us is None:
            words = f"{camera.name} · {zones.get(camera.zone_id, camera.zone_id)}"
            things.append(Thing("camera", camera.camera_id, camera.name, _short(camera.name), words))
    return {(thing.kind, thing.subject_id): thing for thing in things}


def _floor(plan: PlanView, known: dict[tuple[str, str], Thing]) -> Floor:
    height = max(1, WIDTH * plan.height // plan.width)
    things = [
        _at(known[point.kind, point.subject_id], point, height)
        for point in plan.points
        if (point.kind, point.subject_id) in known
    ]
    return Floor(plan.plan_id, plan.name, WIDTH, height, things)


def _at(thing: Thing, point: PointView, height: int) -> Thing:
    return Thing(
        thing.kind,
        thing.subject_id,
        thing.name,
        thing.short,
        thing.words,
        thing.forbidden,
        point.x * WIDTH // WHOLE,
        point.y * height // WHOLE,
    )


def _short(name: str) -> str:
    return name if len(name) <= SHORT_CHARS else f"{name[: SHORT_CHARS - 1]}…"
