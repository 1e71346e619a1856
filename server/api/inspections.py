"""Inspections of a site: what was found, the orders that follow and what is done about them; and JSON for scripts."""

from typing import Literal

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.base.errors import Conflict, InvalidInput, NightlightError, PermissionDenied
from server.api.errors import status_of
from server.api.forms import Fields, points
from server.api.gate import READ, Person
from server.api.parts import parts_of
from server.api.scripts import Body, as_json, decoded
from server.api.tables import table_file
from server.api.tongue import language_of
from server.services.supervision.inspect_sites import Found, ResultOrder
from storage.database.scope import Scope

FINDINGS_IN_FORM = 5
"""Refused by every rule."""
REPAIRED = "repaired"
router = APIRouter()


class RepairOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was repaired, and where the evidence is."""

    told: str


class ActOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``kind``: passed, failed, proposed or suspended; ``due``: the new day where a repair failed."""

    kind: str
    told: str
    due: str = ""


@router.api_route("/sites/{site}/inspections", methods=READ)
def page(request: Request, person: Person, site: str) -> HTMLResponse:
    """The newest first."""
    return _page(request, person, site)


@router.api_route("/sites/{site}/inspections/file", methods=READ)
def file(
    request: Request,
    person: Person,
    site: str,
    format: Literal["csv", "xlsx"] = "csv",  # noqa: A002 - the parameter's name
) -> Response:
    """A line an order."""
    parts = parts_of(request)
    rows = parts.inspection_pages.rows(parts.inspections.of_site(person, site), language_of(request))
    return table_file(rows, "inspections", f"{site}-inspections", format)


@router.post("/sites/{site}/inspections/{draw}/{number}")
def record(request: Request, person: Person, site: str, draw: str, number: int, form: Fields) -> Response:
    """By one of the inspectors; a finding without words is none."""
    findings = [
        Found(
            form.get(f"told{place}", "").strip(),
            form.get(f"aspect{place}", ""),
            points(form.get(f"points{place}", "")),
            form.get(f"due{place}", ""),
            form.get(f"rule{place}", ""),
        )
        for place in range(FINDINGS_IN_FORM)
        if form.get(f"told{place}", "").strip()
    ]
    order = ResultOrder(form.get("day", ""), form.get("told", "").strip(), findings)
    try:
        parts_of(request).inspections.record(person, site, draw, number, order)
    except (InvalidInput, Conflict, PermissionDenied) as error:
        return _page(request, person, site, error=error, form=form)
    return _back(site)


@router.post("/sites/{site}/orders/{order}/repaired")
def repaired(request: Request, person: Person, site: str, order: str, form: Fields) -> Response:
    """By the facility."""
    return _acted(request, person, site, order, ActOrder(REPAIRED, form.get("told", "").strip()))


@router.post("/sites/{site}/orders/{order}/acts")
def act(request: Request, person: Person, site: str, order: str, form: Fields) -> Response:
    """By an authority."""
    wanted = ActOrder(form.get("kind", ""), form.get("told", "").strip(), form.get("due", ""))
    return _acted(request, person, site, order, wanted)


@router.api_route("/api/v1/sites/{site}/inspections", methods=READ)
def page_json(request: Request, person: Person, site: str) -> Response:
    """A SiteInspections."""
    return as_json(parts_of(request).inspections.of_site(person, site))


@router.post("/api/v1/sites/{site}/inspections/{draw}/{number}")
def record_json(request: Request, person: Person, site: str, draw: str, number: int, data: Body) -> Response:
    """A ResultOrder in, the SiteInspections out."""
    desk = parts_of(request).inspections
    desk.record(person, site, draw, number, decoded(data, ResultOrder))
    return as_json(desk.of_site(person, site), 201)


@router.post("/api/v1/sites/{site}/orders/{order}/repaired")
def repaired_json(request: Request, person: Person, site: str, order: str, data: Body) -> Response:
    """A RepairOrder in."""
    parts_of(request).inspections.act(person, site, order, REPAIRED, decoded(data, RepairOrder).told)
    return Response(status_code=204)


@router.post("/api/v1/sites/{site}/orders/{order}/acts")
def act_json(request: Request, person: Person, site: str, order: str, data: Body) -> Response:
    """An ActOrder in."""
    wanted = decoded(data, ActOrder)
    parts_of(request).inspections.act(person, site, order, wanted.kind, wanted.told, wanted.due)
    return Response(status_code=204)


def _acted(request: Request, person: Scope, site: str, order: str, wanted: ActOrder) -> Response:
    try:
        parts_of(request).inspections.act(person, site, order, wanted.kind, wanted.told, wanted.due)
    except (InvalidInput, Conflict, PermissionDenied) as error:
        return _page(request, person, site, error=error)
    return _back(site)


def _page(
    request: Request,
    person: Scope,
    site: str,
    *,
    error: NightlightError | None = None,
    form: dict[str, str] | None = None,
) -> HTMLResponse:
    parts = parts_of(request)
    html = parts.inspection_pages.of_site(
        parts.inspections.of_site(person, site),
        person,
        language_of(request),
        error=error.code if error is not None else "",
        form=form or {},
    )
    return HTMLResponse(html, status_of(error) if error is not None else 200)


def _back(site: str) -> Response:
    return RedirectResponse(f"/sites/{site}/inspections", 303)
