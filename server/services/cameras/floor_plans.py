"""Floor plans of a site: pictures of floors, with places and cameras as points on them.

Invariants: everything goes through the person's reach (I7); a picture that somebody sent is drawn anew before it is kept
(``server/probe/pictures.py``); a place or a camera stands at one point of one floor; a point says where something hangs and
nothing about what it may look into.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import InvalidInput, NotFound, ResourceExhausted
from config.base.ids import fresh_id, is_slug
from server.probe.pictures import Picture, redraw
from server.services.people.operators import operated_site
from storage.database import scope as scoping
from storage.database.models import Camera, FloorPlan, PlanPoint, Site, Zone
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

PLANS_MAX = 8
"""Floors of one site."""
NAME_CHARS_MAX = 40
WHOLE = 10_000
"""Points are told in parts of the plan's width and height."""
ROW = 5
"""What is put on a plan without saying where stands in rows of so many."""
Kind = Literal["zone", "camera"]
Part = Annotated[int, msgspec.Meta(ge=0, le=WHOLE)]


class PointView(msgspec.Struct, frozen=True):
    """Where something stands: ten-thousandths of the plan's width and height from its top left."""

    kind: Kind
    subject_id: str
    x: int
    y: int


class PlanView(msgspec.Struct, frozen=True):
    """One floor; ``width`` and ``height`` in pixels."""

    plan_id: str
    name: str
    width: int
    height: int
    points: list[PointView]


@dataclass(frozen=True)
class FloorPlans:
    """Thread-safe. What changes something raises NotFound and PermissionDenied as ``operated_site`` does."""

    database: Database
    clock: Clock
    redraw: Callable[[bytes], Picture] = redraw

    def of_site(self, scope: Scope, site_id: str) -> list[PlanView]:
        """The floors in the order they were put up. Raises NotFound."""
        with self.database.reading() as session:
            site = _site(session, scope, site_id)
            query = select(FloorPlan.id, FloorPlan.name, FloorPlan.width, FloorPlan.height)
            rows = session.execute(query.where(FloorPlan.site_id == site.id).order_by(FloorPlan.uploaded_us)).all()
            points = session.scalars(
                select(PlanPoint)
                .where(PlanPoint.site_id == site.id)
                .order_by(PlanPoint.kind.desc(), PlanPoint.subject_id)
            ).all()
            return [PlanView(*row, [_view(point) for point in points if point.plan_id == row.id]) for row in rows]

    def picture(self, scope: Scope, site_id: str, plan_id: str) -> tuple[str, bytes, str]:
        """Media type, bytes and SHA-256 of one floor. Raises NotFound."""
        with self.database.reading() as session:
            row = _plan(session, _site(session, scope, site_id), plan_id)
            return row.media_type, row.data, row.sha256

    def add(self, scope: Scope, site_id: str, name: str, data: bytes) -> str:
        """Puts one more floor up; its id. Raises InvalidInput, ResourceExhausted, Unavailable."""
        name = name.strip()
        if not 0 < len(name) <= NAME_CHARS_MAX or not name.isprintable():
            raise InvalidInput(f"a floor's name has 1 to {NAME_CHARS_MAX} characters", code="bad_floor")
        with self.database.reading() as session:
            _check_room(session, operated_site(session, scope, site_id))
        drawn = self.redraw(data)
        with self.database.unit_of_work() as session:
            site = operated_site(session, scope, site_id)
            session.get_one(Site, site.id, with_for_update=True)
            _check_room(session, site)
            row = FloorPlan(
                id=fresh_id(),
                site_id=site.id,
                name=name,
                media_type=drawn.media_type,
                width=drawn.width,
                height=drawn.height,
                sha256=hashlib.sha256(drawn.data).hexdigest(),
                data=drawn.data,
                uploaded_us=self.clock.utc_us(),
                uploaded_by=scope.account_name,
            )
            session.add(row)
            return row.id

    def remove(self, scope: Scope, site_id: str, plan_id: str) -> None:
        """Takes a floor down, and off it what stands on it."""
        with self.database.unit_of_work() as session:
            row = _plan(session, operated_site(session, scope, site_id), plan_id)
            session.execute(delete(PlanPoint).where(PlanPoint.plan_id == row.id))
            session.flush()
            session.delete(row)

    def place(
        self, scope: Scope, site_id: str, plan_id: str, kind: str, subject_id: str, at: tuple[int, int] | None
    ) -> None:
        """Puts a place or a camera at a point; at its place's, or at the next free one, where ``at`` is None.

        Raises InvalidInput for a point that is not on the plan.
        """
        with self.database.unit_of_work() as session:
            site = operated_site(session, scope, site_id)
            plan = _plan(session, site, plan_id)
            camera = _subject(session, site, kind, subject_id)
            x, y = at if at is not None else _free_point(session, plan, camera)
            if not (0 <= x <= WHOLE and 0 <= y <= WHOLE):
                raise InvalidInput("that point is not on the plan", code="bad_point")
            row = session.get(PlanPoint, (site.id, kind, subject_id))
            if row is None:
                session.add(PlanPoint(site_id=site.id, kind=kind, subject_id=subject_id, plan_id=plan.id, x=x, y=y))
            else:
                row.plan_id, row.x, row.y = plan.id, x, y

    def lift(self, scope: Scope, site_id: str, kind: str, subject_id: str) -> None:
        """Takes a place or a camera off its plan; nothing else of it changes."""
        with self.database.unit_of_work() as session:
            site = operated_site(session, scope, site_id)
            _subject(session, site, kind, subject_id)
            row = session.get(PlanPoint, (site.id, kind, subject_id))
            if row is not None:
                session.delete(row)


def _site(session: Session, scope: Scope, site_id: str) -> Site:
    if not is_slug(site_id):
        raise NotFound("no such site")
    return scoping.site_in_reach(session, scope, site_id)


def _plan(session: Session, site: Site, plan_id: str) -> FloorPlan:
    row = session.get(FloorPlan, plan_id) if is_slug(plan_id) else None
    if row is None or row.site_id != site.id:
        raise NotFound("no such floor plan")
    return row


def _check_room(session: Session, site: Site) -> None:
    count = session.scalar(select(func.count()).select_from(FloorPlan).where(FloorPlan.site_id == site.id)) or 0
    if count >= PLANS_MAX:
        raise ResourceExhausted(f"a site has at most {PLANS_MAX} floor plans", code="too_many_plans")


def _subject(session: Session, site: Site, kind: str, subject_id: str) -> Camera | None:
    """The camera, or None for a place. Raises NotFound for neither."""
    if is_slug(subject_id) and kind == "camera":
        camera = session.get(Camera, subject_id)
        if camera is not None and camera.site_id == site.id:
            return camera
    elif is_slug(subject_id) and kind == "zone" and session.get(Zone, (site.id, subject_id)) is not None:
        return None
    raise NotFound("no such place or camera")


def _free_point(session: Session, plan: FloorPlan, camera: Camera | None) -> tuple[int, int]:
    """Beside the camera's place where that stands on the plan, else the first of a grid that nothing stands near."""
    points = list(session.scalars(select(PlanPoint).where(PlanPoint.plan_id == plan.id)))
    home = next((one for one in points if camera and (one.kind, one.subject_id) == ("zone", camera.zone_id)), None)
    if home is not None:
        beside = (
            (home.x + dx, home.y + dy) for dy in (700, -700, 1_400, -1_400) for dx in (0, 600, -600, 1_200, -1_200)
        )
        near = [(x, y) for x, y in beside if 0 <= x <= WHOLE and 0 <= y <= WHOLE]
        return next((at for at in near if _is_free(at, points)), near[0])
    step = WHOLE // (ROW + 1)
    grid = [(step * (column + 1), step * (line + 1)) for line in range(ROW) for column in range(ROW)]
    return next((at for at in grid if _is_free(at, points)), grid[0])


def _is_free(at: tuple[int, int], points: Iterable[PlanPoint]) -> bool:
    return all(abs(at[0] - one.x) + abs(at[1] - one.y) > 300 for one in points)


def _view(row: PlanPoint) -> PointView:
    kind: Kind = "camera" if row.kind == "camera" else "zone"
    return PointView(kind, row.subject_id, row.x, row.y)
