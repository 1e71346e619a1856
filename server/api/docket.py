"""The docket: of a site and of every site within reach, as pages, JSON and files; and planned maintenance.

Every filter stands in the address, so that a list can be passed on. The forms are guarded as all forms are.
"""

from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.base.clock import from_datetime
from config.base.errors import Conflict, InvalidInput, NightlightError, NotFound, PermissionDenied
from config.base.timespan import Span
from server.api.errors import status_of
from server.api.forms import Fields, points
from server.api.gate import READ, Person
from server.api.parts import parts_of
from server.api.scripts import Body, as_json, decoded
from server.api.tables import table_file
from server.api.tongue import language_of
from server.domain.authorisation import Action, reach
from server.domain.docket import Act
from server.services.docket.desk import Filter
from server.services.docket.files import lines
from server.services.supervision.inspect_sites import Found
from storage.database.scope import Scope

router = APIRouter()


class IncidentOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``told``: what is to be put right; ``due``: by which day, as 2026-11-30; ``aspect`` and ``points``: of the credit entry."""

    incident_id: str
    told: str
    due: str
    aspect: str
    points: int


Word = Annotated[str, Query(max_length=64)]
PageNumber = Annotated[int, Query(ge=1, le=1_000)]
Format = Annotated[Literal["csv", "xlsx"], Query()]


def _filter(status: Word = "", cause: Word = "", overdue: Word = "", owner: Word = "") -> Filter:
    # PostgreSQL takes no NUL in a text, not even to compare with.
    clean = [word.replace("\0", "\N{REPLACEMENT CHARACTER}") for word in (status, cause, owner)]
    return Filter(clean[0], clean[1], overdue in ("1", "yes", "true"), clean[2])


Wanted = Annotated[Filter, Depends(_filter)]


@router.api_route("/docket", methods=READ)
def region_page(request: Request, person: Person, wanted: Wanted, page: PageNumber = 1) -> HTMLResponse:
    """Every site within reach."""
    return _list(request, person, None, wanted, page)


@router.api_route("/sites/{site}/docket", methods=READ)
def site_page(request: Request, person: Person, site: str, wanted: Wanted, page: PageNumber = 1) -> HTMLResponse:
    """One site."""
    return _list(request, person, site, wanted, page)


@router.api_route("/docket/file", methods=READ)
def region_file(
    request: Request,
    person: Person,
    wanted: Wanted,
    format: Format = "csv",  # noqa: A002 - the parameter's name
) -> Response:
    """Case by case."""
    return _file(request, person, None, wanted, format)


@router.api_route("/sites/{site}/docket/file", methods=READ)
def site_file(
    request: Request,
    person: Person,
    site: str,
    wanted: Wanted,
    format: Format = "csv",  # noqa: A002 - the parameter's name
) -> Response:
    """Case by case."""
    return _file(request, person, site, wanted, format)


@router.api_route("/api/v1/docket", methods=READ)
def region_data(request: Request, person: Person, wanted: Wanted, page: PageNumber = 1) -> Response:
    """A DocketList."""
    return _json(parts_of(request).docket.listed(person, None, wanted, page))


@router.api_route("/api/v1/sites/{site}/docket", methods=READ)
def site_data(request: Request, person: Person, site: str, wanted: Wanted, page: PageNumber = 1) -> Response:
    """A DocketList."""
    return _json(parts_of(request).docket.listed(person, site, wanted, page))


@router.api_route("/api/v1/sites/{site}/docket/{incident}", methods=READ)
def incident_data(request: Request, person: Person, site: str, incident: str) -> Response:
    """An IncidentFile."""
    return _json(parts_of(request).docket.incident(person, site, incident))


@router.api_route("/sites/{site}/docket/{incident}", methods=READ)
def incident_page(request: Request, person: Person, site: str, incident: str) -> HTMLResponse:
    """One incident, its history, and what the reader may do about it."""
    return _incident(request, person, site, incident)


@router.post("/sites/{site}/docket/{incident}/{act}")
def act(request: Request, person: Person, site: str, incident: str, act: str, fields: Fields) -> Response:
    """Does something about every open case of an incident."""
    if act not in set(Act):
        raise NotFound("no such thing can be done")
    try:
        parts_of(request).docket.act(person, site, incident, Act(act), fields.get("text", ""))
    except (Conflict, InvalidInput, PermissionDenied) as error:
        return _incident(request, person, site, incident, error)
    return RedirectResponse(f"/sites/{site}/docket/{incident}", 303)


@router.post("/sites/{site}/orders")
def order(request: Request, person: Person, site: str, fields: Fields) -> Response:
    """Orders that what an incident shows be put right; what was refused stands on the incident's page."""
    incident = fields.get("incident", "")
    found = Found(
        fields.get("told", "").strip(),
        fields.get("aspect", ""),
        points(fields.get("points", "")),
        fields.get("due", ""),
    )
    try:
        made = parts_of(request).inspections.order_from_docket(person, site, incident, found)
    except (Conflict, InvalidInput) as error:
        return _incident(request, person, site, incident, error, fields)
    return RedirectResponse(f"/sites/{site}/docket/{incident}#order-{made}", 303)


@router.post("/api/v1/sites/{site}/orders")
def order_data(request: Request, person: Person, site: str, data: Body) -> Response:
    """An IncidentOrder in, the orders of that incident out."""
    desk, wanted = parts_of(request).inspections, decoded(data, IncidentOrder)
    found = Found(wanted.told, wanted.aspect, wanted.points, wanted.due)
    desk.order_from_docket(person, site, wanted.incident_id, found)
    return as_json(desk.of_incidents(person, site, [wanted.incident_id]), 201)


@router.api_route("/sites/{site}/maintenance", methods=READ)
def maintenance_page(request: Request, person: Person, site: str) -> HTMLResponse:
    """What was declared, and a form."""
    return _maintenance(request, person, site, {})


@router.api_route("/api/v1/sites/{site}/maintenance", methods=READ)
def maintenance_data(request: Request, person: Person, site: str) -> Response:
    """A SiteMaintenance."""
    return _json(parts_of(request).maintenance.of_site(person, site))


@router.post("/sites/{site}/maintenance")
def declare(request: Request, person: Person, site: str, fields: Fields) -> Response:
    """Declares maintenance that has not begun."""
    planner = parts_of(request).maintenance
    zone = ZoneInfo(planner.of_site(person, site).timezone)
    try:
        span = Span(_instant(fields.get("from", ""), zone), _instant(fields.get("to", ""), zone))
        planner.declare(person, site, fields.get("camera") or None, span, fields.get("reason", ""))
    except (Conflict, InvalidInput, PermissionDenied) as error:
        return _maintenance(request, person, site, fields, error)
    return RedirectResponse(f"/sites/{site}/maintenance", 303)


@router.post("/sites/{site}/maintenance/{number}/end")
def end(request: Request, person: Person, site: str, number: int) -> Response:
    """Ends it now, or calls it off."""
    try:
        parts_of(request).maintenance.end(person, site, number)
    except (Conflict, PermissionDenied) as error:
        return _maintenance(request, person, site, {}, error)
    return RedirectResponse(f"/sites/{site}/maintenance", 303)


def _list(request: Request, person: Scope, site: str | None, wanted: Filter, page: int) -> HTMLResponse:
    parts = parts_of(request)
    found = parts.docket.listed(person, site, wanted, page)
    name = parts.maintenance.of_site(person, site).name if site is not None else ""
    html = parts.docket_pages.listed(
        found,
        wanted,
        (site or "", name),
        person,
        language_of(request),
        supervises=bool(reach(person.role, Action.SUPERVISE)),
    )
    return HTMLResponse(html)


def _incident(
    request: Request,
    person: Scope,
    site: str,
    incident: str,
    error: NightlightError | None = None,
    form: dict[str, str] | None = None,
) -> HTMLResponse:
    parts, language = parts_of(request), language_of(request)
    found = parts.docket.incident(person, site, incident)
    orders = parts.inspections.of_incidents(person, site, [incident])
    lines = parts.inspection_pages.orders(orders, found.incident.timezone, person, language)
    html = parts.docket_pages.incident(found, lines, person, language, error, form or {})
    return HTMLResponse(html, status_of(error) if error is not None else 200)


def _maintenance(
    request: Request, person: Scope, site: str, form: dict[str, str], error: NightlightError | None = None
) -> HTMLResponse:
    parts = parts_of(request)
    found = parts.maintenance.of_site(person, site)
    html = parts.docket_pages.maintenance(found, person, language_of(request), form, error)
    return HTMLResponse(html, status_of(error) if error is not None else 200)


def _file(request: Request, person: Scope, site: str | None, wanted: Filter, kind: str) -> Response:
    parts = parts_of(request)
    cases = parts.docket.cases(person, site, wanted)
    zones = {one.site_id: one.timezone for one in parts.reader.sites(person)}
    language: Literal["zh-CN", "en"] = "en" if language_of(request) == "en" else "zh-CN"
    rows = lines(cases, language, zones, parts.docket_pages.say(language))
    return table_file(rows, "docket", f"{site or 'region'}-docket", kind)


def _instant(text: str, zone: ZoneInfo) -> int:
    try:
        return from_datetime(datetime.fromisoformat(text).replace(tzinfo=zone))
    except (ValueError, OverflowError) as error:
        raise InvalidInput("a date with its time", code="bad_time") from error


def _json(content: object) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
