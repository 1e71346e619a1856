"""The shared calendar of meetings, drills, tests and filings: pages, a file for calendar programs, and JSON for scripts."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.base.clock import to_datetime
from config.base.errors import Conflict, InvalidInput, NightlightError
from server.api.errors import status_of
from server.api.forms import Fields
from server.api.gate import READ, Person
from server.api.parts import parts_of
from server.api.scripts import Body, as_json, decoded
from server.api.tongue import language_of
from server.services.supervision.keep_agenda import AgendaView, Closing, EventOrder
from storage.database.scope import Scope

router = APIRouter()


@router.api_route("/agenda", methods=READ)
def region_page(request: Request, person: Person) -> HTMLResponse:
    """What an authority has before it."""
    return _page(request, person, None)


@router.api_route("/agenda/calendar.ics", methods=READ)
def region_file(request: Request, person: Person) -> Response:
    """The same for a calendar program."""
    return _file(request, person, None)


@router.post("/agenda")
def add_to_region(request: Request, person: Person, form: Fields) -> Response:
    """An event of a region."""
    return _added(request, person, None, form)


@router.post("/agenda/{event}")
def close_of_region(request: Request, person: Person, event: str, form: Fields) -> Response:
    """With its minutes."""
    return _closed(request, person, None, event, form)


@router.api_route("/sites/{site}/agenda", methods=READ)
def site_page(request: Request, person: Person, site: str) -> HTMLResponse:
    """What a facility has before it."""
    return _page(request, person, site)


@router.api_route("/sites/{site}/agenda/calendar.ics", methods=READ)
def site_file(request: Request, person: Person, site: str) -> Response:
    """The same for a calendar program."""
    return _file(request, person, site)


@router.post("/sites/{site}/agenda")
def add_to_site(request: Request, person: Person, site: str, form: Fields) -> Response:
    """An event of the site."""
    return _added(request, person, site, form)


@router.post("/sites/{site}/agenda/{event}")
def close_of_site(request: Request, person: Person, site: str, event: str, form: Fields) -> Response:
    """With its minutes."""
    return _closed(request, person, site, event, form)


@router.api_route("/api/v1/agenda", methods=READ)
def region_json(request: Request, person: Person) -> Response:
    """An AgendaView."""
    return as_json(_view(request, person, None))


@router.api_route("/api/v1/sites/{site}/agenda", methods=READ)
def site_json(request: Request, person: Person, site: str) -> Response:
    """An AgendaView."""
    return as_json(_view(request, person, site))


@router.post("/api/v1/agenda")
def add_to_region_json(request: Request, person: Person, data: Body) -> Response:
    """An EventOrder in, its number out."""
    return as_json({"id": parts_of(request).agenda.add(person, None, decoded(data, EventOrder))}, 201)


@router.post("/api/v1/sites/{site}/agenda")
def add_to_site_json(request: Request, person: Person, site: str, data: Body) -> Response:
    """An EventOrder in, its number out."""
    return as_json({"id": parts_of(request).agenda.add(person, site, decoded(data, EventOrder))}, 201)


@router.post("/api/v1/agenda/{event}")
def close_of_region_json(request: Request, person: Person, event: str, data: Body) -> Response:
    """A Closing in."""
    parts_of(request).agenda.close(person, None, event, decoded(data, Closing))
    return Response(status_code=204)


@router.post("/api/v1/sites/{site}/agenda/{event}")
def close_of_site_json(request: Request, person: Person, site: str, event: str, data: Body) -> Response:
    """A Closing in."""
    parts_of(request).agenda.close(person, site, event, decoded(data, Closing))
    return Response(status_code=204)


def _view(request: Request, person: Scope, site: str | None) -> AgendaView:
    desk = parts_of(request).agenda
    return desk.of_site(person, site) if site is not None else desk.of_region(person)


def _added(request: Request, person: Scope, site: str | None, form: dict[str, str]) -> Response:
    region = form.get("region", "").replace("\0", "").strip(" /")
    order = EventOrder(form.get("kind", ""), form.get("day", ""), form.get("told", ""), region)
    try:
        number = parts_of(request).agenda.add(person, site, order)
    except InvalidInput as error:
        return _page(request, person, site, error=error, form=form)
    return _back(site, number)


def _closed(request: Request, person: Scope, site: str | None, event: str, form: dict[str, str]) -> Response:
    closing = Closing(form.get("minutes", ""), form.get("done_on", ""))
    try:
        parts_of(request).agenda.close(person, site, event, closing)
    except (InvalidInput, Conflict) as error:
        return _page(request, person, site, error=error)
    return _back(site, event)


def _page(
    request: Request,
    person: Scope,
    site: str | None,
    *,
    error: NightlightError | None = None,
    form: dict[str, str] | None = None,
) -> HTMLResponse:
    html = parts_of(request).agenda_pages.agenda(
        _view(request, person, site),
        person,
        language_of(request),
        error=error.code if error is not None else "",
        form=form or {},
    )
    return HTMLResponse(html, status_of(error) if error is not None else 200)


def _file(request: Request, person: Scope, site: str | None) -> Response:
    parts = parts_of(request)
    made = f"{to_datetime(parts.clock.utc_us()):%Y%m%dT%H%M%SZ}"
    data = parts.agenda_pages.file(_view(request, person, site), language_of(request), made)
    headers = {"Content-Disposition": 'attachment; filename="nightlight.ics"'}
    return Response(data, media_type="text/calendar; charset=utf-8", headers=headers)


def _back(site: str | None, number: str) -> Response:
    path = f"/sites/{site}/agenda" if site is not None else "/agenda"
    return RedirectResponse(f"{path}#{number}", 303)
