"""A site's complaints: their page, one received, its answer, footage kept for it; and JSON for scripts."""

from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.base.errors import Conflict, InvalidInput, NightlightError
from config.base.timespan import Span
from server.api.custody import date_us, local_span
from server.api.errors import status_of
from server.api.forms import Fields
from server.api.gate import READ, Person
from server.api.parts import parts_of
from server.api.scripts import Body, as_json, decoded
from server.api.tables import table_file
from server.api.tongue import language_of
from storage.database.scope import Scope

router = APIRouter()


class ComplaintOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody complains of."""

    told: str
    by_phone: bool = False


class AnswerOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What they were answered."""

    answer: str


class HoldOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Footage to be kept; ``camera_id`` null is every camera of the site."""

    start_us: int
    end_us: int
    review_us: int
    camera_id: str | None = None


@router.api_route("/sites/{site}/complaints", methods=READ)
def page(request: Request, person: Person, site: str) -> HTMLResponse:
    """Those without an answer first."""
    return _page(request, person, site)


@router.api_route("/sites/{site}/complaints/file", methods=READ)
def file(
    request: Request,
    person: Person,
    site: str,
    format: Literal["csv", "xlsx"] = "csv",  # noqa: A002 - the parameter's name
) -> Response:
    """A line a case."""
    parts = parts_of(request)
    rows = parts.complaint_pages.rows(parts.complaints.of_site(person, site), language_of(request))
    return table_file(rows, "complaints", f"{site}-complaints", format)


@router.post("/sites/{site}/complaints")
def receive(request: Request, person: Person, site: str, form: Fields) -> Response:
    """Gives it a case number."""
    try:
        number = parts_of(request).complaints.receive(
            person, site, form.get("told", ""), by_phone=form.get("by_phone") == "yes"
        )
    except (InvalidInput, Conflict) as error:
        return _page(request, person, site, error=error, form=form)
    return _back(site, number)


@router.post("/sites/{site}/complaints/{complaint}/answer")
def answer(request: Request, person: Person, site: str, complaint: str, form: Fields) -> Response:
    """Once."""
    try:
        parts_of(request).complaints.answer(person, site, complaint, form.get("answer", ""))
    except (InvalidInput, Conflict) as error:
        return _page(request, person, site, error=error, form=form, case=complaint)
    return _back(site, complaint)


@router.post("/sites/{site}/complaints/{complaint}/hold")
def hold(request: Request, person: Person, site: str, complaint: str, form: Fields) -> Response:
    """Times are the site's own."""
    desk = parts_of(request).complaints
    zone = ZoneInfo(desk.of_site(person, site).timezone)
    try:
        review_us = date_us(form.get("review", ""), zone)
        desk.hold(person, site, complaint, form.get("camera") or None, local_span(form, zone), review_us)
    except (InvalidInput, Conflict) as error:
        return _page(request, person, site, error=error, form=form, case=complaint)
    return _back(site, complaint)


@router.api_route("/api/v1/sites/{site}/complaints", methods=READ)
def page_json(request: Request, person: Person, site: str) -> Response:
    """A SiteComplaints."""
    return as_json(parts_of(request).complaints.of_site(person, site))


@router.post("/api/v1/sites/{site}/complaints")
def receive_json(request: Request, person: Person, site: str, data: Body) -> Response:
    """A ComplaintOrder in, its number out."""
    order = decoded(data, ComplaintOrder)
    number = parts_of(request).complaints.receive(person, site, order.told, by_phone=order.by_phone)
    return as_json({"number": number}, 201)


@router.post("/api/v1/sites/{site}/complaints/{complaint}/answer")
def answer_json(request: Request, person: Person, site: str, complaint: str, data: Body) -> Response:
    """An AnswerOrder in."""
    parts_of(request).complaints.answer(person, site, complaint, decoded(data, AnswerOrder).answer)
    return Response(status_code=204)


@router.post("/api/v1/sites/{site}/complaints/{complaint}/hold")
def hold_json(request: Request, person: Person, site: str, complaint: str, data: Body) -> Response:
    """A HoldOrder in."""
    order = decoded(data, HoldOrder)
    span = Span(order.start_us, max(order.start_us, order.end_us))
    parts_of(request).complaints.hold(person, site, complaint, order.camera_id, span, order.review_us)
    return Response(status_code=204)


def _page(
    request: Request,
    person: Scope,
    site: str,
    *,
    error: NightlightError | None = None,
    form: dict[str, str] | None = None,
    case: str = "",
) -> HTMLResponse:
    parts = parts_of(request)
    html = parts.complaint_pages.of_site(
        parts.complaints.of_site(person, site),
        person,
        language_of(request),
        error=error.code if error is not None else "",
        form=form or {},
        case=case,
    )
    return HTMLResponse(html, status_of(error) if error is not None else 200)


def _back(site: str, number: str) -> Response:
    return RedirectResponse(f"/sites/{site}/complaints#{number}", 303)
