"""Support's access: asked for and confirmed by the platform's administrators, approved and ended by the facility."""

from collections.abc import Callable

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.base.errors import Conflict, InvalidInput, NightlightError, NotFound, PermissionDenied, ResourceExhausted
from server.api.errors import status_of
from server.api.forms import Fields
from server.api.gate import READ, Person
from server.api.parts import parts_of
from server.api.tongue import language_of
from storage.database.scope import Scope

REFUSALS = (InvalidInput, Conflict, ResourceExhausted, PermissionDenied, NotFound)
router = APIRouter()


@router.api_route("/support", methods=READ)
def platform(request: Request, person: Person) -> Response:
    """What was asked for, by whom, and where it stands."""
    return _platform(request, person)


@router.post("/support")
def ask(request: Request, person: Person, fields: Fields) -> Response:
    """For one site, with a reason and an end."""
    desk, hours = parts_of(request).people.support, fields.get("hours", "")
    wanted = int(hours) if hours.isascii() and hours.isdigit() and len(hours) < 4 else 0
    site, reason = fields.get("site", "").strip(), fields.get("reason", "")
    return _done(request, person, lambda: desk.ask(person, site, reason, wanted), fields)


@router.post("/support/{support}/confirm")
def confirm(request: Request, person: Person, support: str) -> Response:
    """By a second administrator."""
    return _done(request, person, lambda: parts_of(request).people.support.confirm(person, support))


@router.post("/support/{support}/end")
def withdraw(request: Request, person: Person, support: str) -> Response:
    """It is not needed any more."""
    return _done(request, person, lambda: parts_of(request).people.support.withdraw(person, support))


@router.api_route("/sites/{site}/support", methods=READ)
def of_site(request: Request, person: Person, site: str) -> Response:
    """What support asks of this facility, and what it had."""
    return _of_site(request, person, site)


@router.post("/sites/{site}/support/{support}/approve")
def approve(request: Request, person: Person, site: str, support: str) -> Response:
    """Its hours begin."""
    desk = parts_of(request).people.support
    return _decided(request, person, site, lambda: desk.approve(person, site, support))


@router.post("/sites/{site}/support/{support}/end")
def end(request: Request, person: Person, site: str, support: str) -> Response:
    """Refused, or over at once."""
    desk = parts_of(request).people.support
    return _decided(request, person, site, lambda: desk.end(person, site, support))


def _done(request: Request, person: Scope, do: Callable[[], object], fields: dict[str, str] | None = None) -> Response:
    try:
        do()
    except REFUSALS as error:
        return _platform(request, person, error, fields)
    return RedirectResponse("/support", 303)


def _decided(request: Request, person: Scope, site: str, do: Callable[[], None]) -> Response:
    try:
        do()
    except (Conflict, NotFound) as error:
        return _of_site(request, person, site, error)
    return RedirectResponse(f"/sites/{site}/support", 303)


def _platform(
    request: Request, person: Scope, error: NightlightError | None = None, fields: dict[str, str] | None = None
) -> Response:
    parts = parts_of(request)
    found = parts.people.support.of_platform()
    html = parts.people_pages.support(found, person, language_of(request), error, form=fields or {})
    return HTMLResponse(html, 200 if error is None else status_of(error))


def _of_site(request: Request, person: Scope, site: str, error: NightlightError | None = None) -> Response:
    parts = parts_of(request)
    name, found = parts.people.support.of_site(person, site)
    html = parts.people_pages.site_support(site, name, found, person, language_of(request), error)
    return HTMLResponse(html, 200 if error is None else status_of(error))
