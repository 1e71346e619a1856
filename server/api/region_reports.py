"""A region's monthly reports: the page, the form that makes one, the file."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.base.errors import InvalidInput, NightlightError, ResourceExhausted, Unavailable
from server.api.errors import status_of
from server.api.forms import Fields
from server.api.gate import READ, Person
from server.api.parts import parts_of
from server.api.scripts import Body, as_json, decoded
from server.api.tongue import language_of
from server.domain.verdict import day_of
from server.services.reports.region_report import RegionReportView
from server.services.supervision.count_region import TIMEZONE
from server.web.languages import DEFAULT_LANGUAGE, LANGUAGES
from storage.database.scope import Scope

Path = Annotated[str | None, Query(max_length=64)]
router = APIRouter()


class RegionReportOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``month``: YYYY-MM; ``region``: a path, all that the person supervises where it is left out; ``language``: zh-CN or en."""

    month: str
    region: str | None = None
    language: str = DEFAULT_LANGUAGE


@router.api_route("/statistics/reports", methods=READ)
def reports(request: Request, person: Person, region: Path = None) -> HTMLResponse:
    """A region's reports."""
    return _page(request, person, region)


@router.post("/statistics/reports")
def make(request: Request, person: Person, form: Fields, region: Path = None) -> Response:
    """Makes one, or finds the one that says the same."""
    order = RegionReportOrder(form.get("month", ""), region, form.get("language", ""))
    try:
        _made(request, person, order)
    except (InvalidInput, ResourceExhausted, Unavailable) as error:
        return _page(request, person, region, error=error, month=order.month)
    return RedirectResponse(str(request.url.replace(scheme="", netloc="")), 303)


@router.api_route("/statistics/reports/{report}", methods=READ)
def file(request: Request, person: Person, report: str) -> Response:
    """The PDF, byte for byte as it was signed."""
    view, pdf = parts_of(request).region_reports.pdf(person, report)
    name = "-".join(["nightlight", *view.region.split("/"), view.month, view.language])
    ascii_name = name.encode("ascii", "ignore").decode()
    headers = {"Content-Disposition": f'attachment; filename="{ascii_name}.pdf"'}
    return Response(pdf, media_type="application/pdf", headers=headers)


@router.api_route("/api/v1/statistics/reports", methods=READ)
def reports_json(request: Request, person: Person, region: Path = None) -> Response:
    """A list of RegionReportView, the newest first."""
    desk = parts_of(request).region_reports
    return as_json(desk.of_region(person, _region(request, person, region)))


@router.post("/api/v1/statistics/reports")
def make_json(request: Request, person: Person, data: Body) -> Response:
    """A RegionReportOrder in, the RegionReportView out."""
    return as_json(_made(request, person, decoded(data, RegionReportOrder)), 201)


def _made(request: Request, person: Scope, order: RegionReportOrder) -> RegionReportView:
    if order.language not in LANGUAGES:
        raise InvalidInput(f"a report is in one of {', '.join(LANGUAGES)}", code="bad_language")
    region = _region(request, person, order.region)
    return parts_of(request).region_reports.make(person, region, order.month, order.language)


def _region(request: Request, person: Scope, region: str | None) -> str:
    if region is None:
        return parts_of(request).region_reports.default_region(person)
    return region.replace("\0", "").strip(" /")


def _page(
    request: Request, person: Scope, region: str | None, *, error: NightlightError | None = None, month: str = ""
) -> HTMLResponse:
    parts, language = parts_of(request), language_of(request)
    path = _region(request, person, region)
    html = parts.report_pages.of_region(
        parts.region_reports.of_region(person, path),
        path,
        parts.region_reports.name_of(path),
        person,
        language,
        month=month or day_of(parts.clock.utc_us(), TIMEZONE).isoformat()[:7],
        error=error.code if error is not None else "",
    )
    return HTMLResponse(html, status_of(error) if error is not None else 200)
