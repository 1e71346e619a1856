"""The console's set-up pages: boxes and their codes, cameras that were found, cameras. For operators of the site alone.

Whatever is refused is said on the form it came from, which keeps what was filled in. Every form works without scripts.
"""

from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, TypedDict

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.base.errors import Conflict, InvalidInput, NightlightError, NotFound, ResourceExhausted, Unavailable
from config.wire.desired_state import DesiredCamera
from server.api.errors import status_of
from server.api.forms import Fields
from server.api.gate import READ, Person
from server.api.parts import parts_of
from server.api.site_setup import read_point
from server.api.tongue import language_of
from server.services.cameras.camera_wishes import read_wish
from server.services.cameras.set_up_cameras import CameraView, Found, NewCamera, SiteCameras
from server.web.setup_cameras import CameraForm, filled, from_found, from_settings
from storage.database.scope import Scope

REFUSALS = (InvalidInput, Conflict, ResourceExhausted, Unavailable)
router = APIRouter(prefix="/sites/{site}")
Word = Annotated[str, Query(max_length=64)]
Dismissed = Annotated[str, Query(max_length=1)]


class Spot(TypedDict):
    """Where a camera was dragged to: its place, and the point on a floor."""

    zone: str
    plan: str
    x: str
    y: str


def _spot(
    zone: Word = "",
    plan: Word = "",
    x: Word = "",
    y: Word = "",
) -> Spot:
    return {"zone": zone, "plan": plan, "x": x, "y": y}


@router.api_route("/boxes", methods=READ)
def boxes(request: Request, person: Person, site: str) -> Response:
    """Who is in, and which codes are open."""
    return _boxes(request, person, site)


@router.post("/boxes/codes")
def invite(request: Request, person: Person, site: str, fields: Fields) -> Response:
    """The one answer that a code stands in."""
    parts, agent_id = parts_of(request), fields.get("agent", "").strip()
    try:
        made = parts.box_setup.invite(person, site, agent_id)
    except (*REFUSALS, NotFound) as error:
        return _boxes(request, person, site, error, agent_id=agent_id)
    found = parts.box_setup.of_site(person, site)
    return HTMLResponse(parts.setup_pages.code(found, made, person, language_of(request)), 201)


@router.post("/boxes/codes/withdraw")
def withdraw(request: Request, person: Person, site: str, fields: Fields) -> Response:
    """A code works no more."""
    try:
        parts_of(request).box_setup.withdraw(person, site, fields.get("agent", ""))
    except (*REFUSALS, NotFound) as error:
        return _boxes(request, person, site, error)
    return RedirectResponse(f"/sites/{site}/boxes#codes", 303)


@router.post("/boxes/revoke")
def revoke(request: Request, person: Person, site: str, fields: Fields) -> Response:
    """An agent is shut out."""
    try:
        parts_of(request).box_setup.revoke(person, site, fields.get("agent", ""), fields.get("reason", ""))
    except (*REFUSALS, NotFound) as error:
        return _boxes(request, person, site, error)
    return RedirectResponse(f"/sites/{site}/boxes", 303)


@router.api_route("/found", methods=READ)
def found_cameras(request: Request, person: Person, site: str, dismissed: Dismissed = "") -> Response:
    """What agents found on the site's network."""
    parts = parts_of(request)
    of_site = parts.camera_setup.of_site(person, site)
    found = parts.discovered.found(person, site)
    html = parts.setup_pages.found(of_site, found, person, language_of(request), with_dismissed=bool(dismissed))
    return HTMLResponse(html)


@router.post("/found/dismiss")
def dismiss(request: Request, person: Person, site: str, fields: Fields) -> Response:
    """One is to be shown no more, or again."""
    found = Found(fields.get("agent", ""), fields.get("discovery", ""))
    parts_of(request).camera_setup.dismiss(person, site, found, dismissed=fields.get("back") is None)
    return RedirectResponse(f"/sites/{site}/found" + ("?dismissed=1" if fields.get("back") else ""), 303)


@router.api_route("/cameras", methods=READ)
def cameras(request: Request, person: Person, site: str) -> Response:
    """What there is, and how it does."""
    return _cameras(request, person, site)


@router.post("/zones")
def add_zone(request: Request, person: Person, site: str, fields: Fields) -> Response:
    """One more place."""
    name, kind = fields.get("name", "").strip(), fields.get("kind", "")
    try:
        parts_of(request).camera_setup.add_zone(person, site, name, kind)
    except REFUSALS as error:
        return _cameras(request, person, site, error, zone_name=name)
    back = "plan" if fields.get("back") == "plan" else "cameras"
    return RedirectResponse(f"/sites/{site}/{back}#places", 303)


@router.api_route("/cameras/new", methods=READ)
def new_camera(
    request: Request,
    person: Person,
    site: str,
    spot: Annotated[Spot, Depends(_spot)],
    agent: str = "",
    discovery: str = "",
) -> Response:
    """The form for another camera; what is known of a discovered one, and where it was dragged to, is filled in."""
    parts = parts_of(request)
    of_site = parts.camera_setup.of_site(person, site)
    if not discovery:
        return _form(request, person, of_site, replace(from_settings(of_site, None), **spot))
    for view in parts.discovered.found(person, site):
        if (view.agent_id, view.discovery_id) == (agent, discovery):
            return _form(request, person, of_site, replace(from_found(of_site, view), **spot))
    raise NotFound("no such discovered camera")


@router.post("/cameras/new")
def add_camera(request: Request, person: Person, site: str, fields: Fields) -> Response:
    """Registers a camera and says how it is reached, both or neither."""
    parts = parts_of(request)
    new = NewCamera(
        fields.get("camera", "").strip(),
        fields.get("name", "").strip(),
        fields.get("zone", ""),
        fields.get("agent", ""),
    )
    found = Found(new.agent_id, fields["discovery"]) if fields.get("discovery") else None
    try:
        wish = read_wish(fields)
        parts.camera_setup.add(
            person, site, new, lambda before: wish.applied(before, new.agent_id, new.camera_id), found
        )
    except (*REFUSALS, NotFound) as error:
        of_site = parts.camera_setup.of_site(person, site)
        return _form(request, person, of_site, filled(fields), error)
    if fields.get("plan"):
        with suppress(InvalidInput, NotFound):  # the camera is set up; it can be dragged to its spot at any time
            parts.plans.place(person, site, fields["plan"], "camera", new.camera_id, read_point(fields))
        return RedirectResponse(f"/sites/{site}/plan", 303)
    return RedirectResponse(f"/sites/{site}/cameras#camera-{new.camera_id}", 303)


@router.api_route("/cameras/{camera}", methods=READ)
def one_camera(request: Request, person: Person, site: str, camera: str, refused: Word = "") -> Response:
    """The form for a camera that is there."""
    of_site = parts_of(request).camera_setup.of_site(person, site)
    error = InvalidInput("refused", code=refused) if refused else None
    return _form(request, person, of_site, from_settings(of_site, _one(of_site, camera)), error)


@router.post("/cameras/{camera}")
def change_camera(request: Request, person: Person, site: str, camera: str, fields: Fields) -> Response:
    """Puts what was filled in into force."""
    setup = parts_of(request).camera_setup
    of_site = setup.of_site(person, site)
    known = _one(of_site, camera)
    try:
        wish = read_wish(fields)

        def change(before: DesiredCamera | None) -> DesiredCamera:
            return wish.applied(before, known.agent_id, camera)

        setup.change(person, site, camera, change)
    except REFUSALS as error:
        return _form(request, person, of_site, filled(fields, known), error)
    return RedirectResponse(f"/sites/{site}/cameras#camera-{camera}", 303)


@router.post("/cameras/{camera}/retire")
def retire_camera(request: Request, person: Person, site: str, camera: str, fields: Fields) -> Response:
    """Takes it out of service, where the person ticked that this is meant."""
    parts = parts_of(request)
    if fields.get("sure") != "yes":
        of_site = parts.camera_setup.of_site(person, site)
        form = from_settings(of_site, _one(of_site, camera))
        return _form(request, person, of_site, form, InvalidInput("tick the box first", code="not_sure"))
    parts.camera_setup.retire(person, site, camera)
    return RedirectResponse(f"/sites/{site}/cameras#camera-{camera}", 303)


def _one(of_site: SiteCameras, camera_id: str) -> CameraView:
    for camera in of_site.cameras:
        if camera.camera_id == camera_id and camera.retired_us is None:
            return camera
    raise NotFound("no such camera in service")


def _boxes(
    request: Request, person: Scope, site: str, error: NightlightError | None = None, *, agent_id: str = ""
) -> Response:
    parts = parts_of(request)
    found = parts.box_setup.of_site(person, site)
    html = parts.setup_pages.boxes(found, person, language_of(request), error, agent_id=agent_id)
    return HTMLResponse(html, status_of(error) if error else HTTPStatus.OK)


def _cameras(
    request: Request, person: Scope, site: str, error: NightlightError | None = None, *, zone_name: str = ""
) -> Response:
    parts = parts_of(request)
    of_site, health = parts.camera_setup.of_site(person, site), parts.health.of_site(person, site)
    html = parts.setup_pages.cameras(of_site, health, person, language_of(request), error, zone_name=zone_name)
    return HTMLResponse(html, status_of(error) if error else HTTPStatus.OK)


def _form(
    request: Request,
    person: Scope,
    of_site: SiteCameras,
    form: CameraForm,
    error: NightlightError | None = None,
) -> Response:
    pages = parts_of(request).setup_pages
    has_view = form.known and parts_of(request).camera_pictures.has(person, of_site.site_id, form.camera)
    html = pages.camera_form(of_site, form, person, language_of(request), error, has_view=has_view)
    return HTMLResponse(html, status_of(error) if error else HTTPStatus.OK)
