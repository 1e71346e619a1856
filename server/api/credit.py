"""The credit files of a site and of its staff: their pages, entries by an authority, objections by the facility, decisions; and JSON for scripts."""

from typing import Literal

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.base.errors import Conflict, InvalidInput, NightlightError, NotFound, PermissionDenied
from config.base.ids import is_slug
from server.api.errors import status_of
from server.api.forms import Fields, points
from server.api.gate import READ, Person
from server.api.parts import parts_of
from server.api.scripts import Body, as_json, decoded
from server.api.tables import table_file
from server.api.tongue import language_of
from server.services.supervision.keep_credit import EntryOrder
from storage.database.scope import Scope

"""Refused by every rule."""
router = APIRouter()


class ObjectionOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why an entry is wrong."""

    entry: str
    told: str


class DecisionOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``upheld``: the entry is struck."""

    upheld: bool
    answer: str


@router.api_route("/sites/{site}/credit", methods=READ)
def page(request: Request, person: Person, site: str) -> HTMLResponse:
    """The file as it stands today."""
    return _page(request, person, site)


@router.api_route("/sites/{site}/credit/file", methods=READ)
def file(
    request: Request,
    person: Person,
    site: str,
    format: Literal["csv", "xlsx"] = "csv",  # noqa: A002 - the parameter's name
) -> Response:
    """A line an entry."""
    parts = parts_of(request)
    rows = parts.credit_pages.rows(parts.credit.of_site(person, site), language_of(request))
    return table_file(rows, "credit", f"{site}-credit", format)


@router.api_route("/sites/{site}/credit/staff/{staff}", methods=READ)
def staff_page(request: Request, person: Person, site: str, staff: str) -> HTMLResponse:
    """The file of one of the staff."""
    return _page(request, person, site, staff)


@router.post("/sites/{site}/credit/entries")
def enter(request: Request, person: Person, site: str, form: Fields) -> Response:
    """By an authority."""
    told = {name: form.get(name, "").strip() for name in ("aspect", "day", "kind", "told", "source")}
    order = EntryOrder(**told, points=points(form.get("points", "")), staff_id=form.get("staff_id", "").strip() or None)
    try:
        parts_of(request).credit.enter(person, site, order)
    except (InvalidInput, NotFound) as error:
        return _page(request, person, site, form.get("file", ""), error=error, form=form)
    return _back(site, form.get("file", ""))


@router.post("/sites/{site}/credit/objections")
def object_to(request: Request, person: Person, site: str, form: Fields) -> Response:
    """By the facility, or whoever else knows better."""
    try:
        parts_of(request).credit.object_to(person, site, form.get("entry", ""), form.get("told", "").strip())
    except (InvalidInput, Conflict) as error:
        return _page(request, person, site, form.get("file", ""), error=error)
    return _back(site, form.get("file", ""))


@router.post("/sites/{site}/credit/objections/{objection}")
def decide(request: Request, person: Person, site: str, objection: str, form: Fields) -> Response:
    """By somebody who made neither the entry nor the objection."""
    upheld, answer = form.get("upheld") == "yes", form.get("answer", "").strip()
    try:
        parts_of(request).credit.decide(person, site, objection, upheld=upheld, answer=answer)
    except (InvalidInput, Conflict, PermissionDenied) as error:
        return _page(request, person, site, form.get("file", ""), error=error)
    return _back(site, form.get("file", ""))


@router.api_route("/api/v1/sites/{site}/credit", methods=READ)
def page_json(request: Request, person: Person, site: str) -> Response:
    """A CreditFileView."""
    return as_json(parts_of(request).credit.of_site(person, site))


@router.api_route("/api/v1/sites/{site}/credit/staff/{staff}", methods=READ)
def staff_json(request: Request, person: Person, site: str, staff: str) -> Response:
    """A CreditFileView."""
    return as_json(parts_of(request).credit.of_staff(person, site, staff))


@router.post("/api/v1/sites/{site}/credit/entries")
def enter_json(request: Request, person: Person, site: str, data: Body) -> Response:
    """An EntryOrder in, the CreditFileView out."""
    desk = parts_of(request).credit
    desk.enter(person, site, decoded(data, EntryOrder))
    return as_json(desk.of_site(person, site), 201)


@router.post("/api/v1/sites/{site}/credit/objections")
def object_json(request: Request, person: Person, site: str, data: Body) -> Response:
    """An ObjectionOrder in, the CreditFileView out."""
    desk, order = parts_of(request).credit, decoded(data, ObjectionOrder)
    desk.object_to(person, site, order.entry, order.told)
    return as_json(desk.of_site(person, site), 201)


@router.post("/api/v1/sites/{site}/credit/objections/{objection}")
def decide_json(request: Request, person: Person, site: str, objection: str, data: Body) -> Response:
    """A DecisionOrder in, the CreditFileView out."""
    desk, order = parts_of(request).credit, decoded(data, DecisionOrder)
    desk.decide(person, site, objection, upheld=order.upheld, answer=order.answer)
    return as_json(desk.of_site(person, site))


def _page(
    request: Request,
    person: Scope,
    site: str,
    staff: str = "",
    *,
    error: NightlightError | None = None,
    form: dict[str, str] | None = None,
) -> HTMLResponse:
    """``staff``: whose file it is; empty: the site's."""
    parts = parts_of(request)
    html = parts.credit_pages.file(
        parts.credit.of_staff(person, site, staff) if staff else parts.credit.of_site(person, site),
        person,
        language_of(request),
        error=error.code if error is not None else "",
        form=form or {},
    )
    return HTMLResponse(html, status_of(error) if error is not None else 200)


def _back(site: str, staff: str) -> Response:
    return RedirectResponse(f"/sites/{site}/credit" + (f"/staff/{staff}" if is_slug(staff) else ""), 303)
