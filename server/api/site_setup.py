"""The page that leads through a site's set-up, its floor plans, and the test of its cameras. For operators of the site alone.

Every form works without scripts. A picture that somebody sends is never sent on: what is shown was drawn anew here.
"""

import csv
import io
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.base.errors import Conflict, InvalidInput, NightlightError, ResourceExhausted, Unavailable
from server.api.errors import status_of, wants_page
from server.api.forms import Fields, file_form
from server.api.gate import READ, Person
from server.api.parts import parts_of
from server.api.tongue import language_of
from server.probe.pictures import SENT_BYTES_MAX
from server.web.setup_plan import area_point
from storage.database.scope import Scope

FACT_CHARS_MAX = 64
REFUSALS = (InvalidInput, Conflict, ResourceExhausted, Unavailable)
router = APIRouter(prefix="/sites/{site}")
Floor = Annotated[str, Query(max_length=32)]


@router.api_route("/setup", methods=READ)
def setup(request: Request, person: Person, site: str) -> Response:
    """The steps, and what is done of each."""
    parts, language = parts_of(request), language_of(request)
    fragment = parts.setup_feed.fragment(person, site, language)
    progress = parts.setup_progress.of_site(person, site)
    return HTMLResponse(parts.setup_pages.setup(progress, person, language, fragment.html, fragment.digest))


@router.api_route("/setup/board", methods=READ)
def setup_fragment(request: Request, person: Person, site: str) -> Response:
    """The inside of the page, its digest as the entity tag."""
    fragment = parts_of(request).setup_feed.fragment(person, site, language_of(request))
    return HTMLResponse(fragment.html, headers={"ETag": f'"{fragment.digest}"'})


@router.api_route("/setup/facts", methods=READ)
def facts(request: Request, person: Person, site: str) -> Response:
    """What the facility says of itself."""
    parts = parts_of(request)
    of_site, values = parts.camera_setup.of_site(person, site), parts.setup_progress.facts(person, site)
    return HTMLResponse(parts.setup_pages.facts(of_site, values, person, language_of(request)))


@router.post("/setup/facts")
def put_facts(request: Request, person: Person, site: str, fields: Fields) -> Response:
    """Puts them into the register, as a file of one row would."""
    parts = parts_of(request)
    known = parts.setup_progress.facts(person, site)
    values = known | {
        name: fields[name].strip()[:FACT_CHARS_MAX] for name in known if name in fields and name != "name"
    }
    sheet = io.StringIO()
    csv.writer(sheet).writerows([["site", *values], [site, *values.values()]])
    report = parts.importer.put(person, site, "sites", sheet.getvalue().encode())
    if report.fault_count:
        of_site = parts.camera_setup.of_site(person, site)
        html = parts.setup_pages.facts(of_site, values, person, language_of(request), report.faults)
        return HTMLResponse(html, 422)
    return RedirectResponse(f"/sites/{site}/setup#step-site", 303)


@router.post("/setup/test")
def begin_test(request: Request, person: Person, site: str) -> Response:
    """From now on is watched what comes of each camera."""
    parts = parts_of(request)
    parts.setup_progress.begin(person, site)
    parts.setup_feed.forget((person, site, language_of(request)))
    return RedirectResponse(f"/sites/{site}/setup#step-test", 303)


@router.api_route("/plan", methods=READ)
def plan(request: Request, person: Person, site: str, floor: Floor = "") -> Response:
    """One floor, with places and cameras on it."""
    return _plan(request, person, site, chosen=floor)


@router.post("/plan")
async def upload(request: Request, person: Person, site: str) -> Response:
    """Another floor."""
    name = ""
    try:
        name, data = await sent_picture(request)
        if not data:
            raise InvalidInput("choose a picture", code="no_file")
        made = await run_in_threadpool(parts_of(request).plans.add, person, site, name, data)
    except REFUSALS as error:
        return await run_in_threadpool(_plan, request, person, site, floor_name=name[:40], error=error)
    return RedirectResponse(f"/sites/{site}/plan?floor={made}", 303)


@router.post("/plan/remove")
def remove(request: Request, person: Person, site: str, fields: Fields) -> Response:
    """A floor is taken down."""
    parts_of(request).plans.remove(person, site, fields.get("plan", ""))
    return RedirectResponse(f"/sites/{site}/plan", 303)


@router.post("/plan/place")
def place(request: Request, person: Person, site: str, fields: Fields) -> Response:
    """A place or a camera is put at a point, in one of nine areas, or at the next free spot."""
    plans, chosen = parts_of(request).plans, fields.get("plan", "")
    try:
        at = read_point(fields) or area_point(fields.get("area", ""))
        plans.place(person, site, chosen, fields.get("kind", ""), fields.get("subject", ""), at)
    except REFUSALS as error:
        return _plan(request, person, site, chosen=chosen, error=error)
    return _moved(request, site, chosen)


@router.post("/plan/lift")
def lift(request: Request, person: Person, site: str, fields: Fields) -> Response:
    """Takes one off its plan."""
    parts_of(request).plans.lift(person, site, fields.get("kind", ""), fields.get("subject", ""))
    return _moved(request, site, fields.get("plan", ""))


@router.api_route("/plans/{plan}", methods=READ)
def picture(request: Request, person: Person, site: str, plan: str) -> Response:
    """The picture of a floor, as it was drawn here."""
    media_type, data, sha256 = parts_of(request).plans.picture(person, site, plan)
    headers = {"Cache-Control": "private, no-cache", "ETag": f'"{sha256}"', "Content-Disposition": "inline"}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=media_type, headers=headers)


@router.post("/cameras/{camera}/picture")
async def put_camera_picture(request: Request, person: Person, site: str, camera: str) -> Response:
    """What the camera is to see, as whoever hung it took it."""
    parts = parts_of(request)
    await run_in_threadpool(parts.camera_pictures.has, person, site, camera)  # whose it is comes before what was sent
    try:
        _, data = await sent_picture(request)
        await run_in_threadpool(parts.camera_pictures.put, person, site, camera, data)
    except REFUSALS as error:
        return RedirectResponse(f"/sites/{site}/cameras/{camera}?refused={error.code}#view", 303)
    return RedirectResponse(f"/sites/{site}/cameras/{camera}#view", 303)


async def sent_picture(request: Request) -> tuple[str, bytes]:
    """The ``name`` and the bytes of the ``file`` of a form. Raises InvalidInput where there is no file."""
    try:
        async with file_form(request, fields_max=4) as form:
            file, name = form.get("file"), form.get("name", "")
            if not isinstance(file, UploadFile) or not isinstance(name, str):
                raise InvalidInput("choose a picture", code="no_file")
            data = await file.read(SENT_BYTES_MAX + 1)
    except MultiPartException as error:
        raise InvalidInput("the form is broken", code="no_file") from error
    return name.replace("\0", "\N{REPLACEMENT CHARACTER}"), data


def read_point(fields: dict[str, str]) -> tuple[int, int] | None:
    """``x`` and ``y`` of a form; None where it has neither. Raises InvalidInput for what are no such numbers."""
    across, down = fields.get("x", ""), fields.get("y", "")
    if not across and not down:
        return None
    for text in (across, down):
        if not (text.isascii() and text.isdigit() and len(text) <= 5):
            raise InvalidInput("that point is not on the plan", code="bad_point")
    return int(across), int(down)


def _moved(request: Request, site: str, plan: str) -> Response:
    if not wants_page(request):
        return Response(status_code=204)
    floor = f"?floor={plan}" if plan.isalnum() else ""
    return RedirectResponse(f"/sites/{site}/plan{floor}", 303)


def _plan(
    request: Request,
    person: Scope,
    site: str,
    *,
    chosen: str = "",
    floor_name: str = "",
    error: NightlightError | None = None,
) -> Response:
    parts = parts_of(request)
    of_site, plans = parts.camera_setup.of_site(person, site), parts.plans.of_site(person, site)
    found = parts.discovered.found(person, site)
    html = parts.setup_pages.plan(
        of_site, plans, found, person, language_of(request), chosen=chosen, floor_name=floor_name, error=error
    )
    return HTMLResponse(html, status_of(error) if error else 200)
