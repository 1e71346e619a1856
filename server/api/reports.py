"""A site's monthly reports: the page, the form that makes one, the file, and the page on which a report is checked."""

from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.base.errors import InvalidInput, NightlightError, NotFound, ResourceExhausted, Unavailable
from server.api.errors import status_of
from server.api.forms import Fields
from server.api.gate import READ, Person, open_to_all
from server.api.parts import parts_of
from server.api.scripts import Body, as_json, decoded
from server.api.tables import table_file
from server.api.tongue import language_of
from server.services.reports.month_report import ReportView
from server.services.reports.region_report import RegionReportView
from server.web.languages import DEFAULT_LANGUAGE, LANGUAGES
from storage.database.scope import Scope

router = APIRouter()


class ReportOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``month``: YYYY-MM; ``language``: zh-CN or en."""

    month: str
    language: str = DEFAULT_LANGUAGE


@router.api_route("/sites/{site}/reports", methods=READ)
def reports(request: Request, person: Person, site: str) -> HTMLResponse:
    """A site's reports."""
    return _page(request, person, site)


@router.post("/sites/{site}/reports")
def make(request: Request, person: Person, site: str, form: Fields) -> Response:
    """Makes one, or finds the one that says the same."""
    order = ReportOrder(form.get("month", ""), form.get("language", ""))
    try:
        _made(request, person, site, order)
    except (InvalidInput, ResourceExhausted, Unavailable) as error:
        return _page(request, person, site, error=error, month=order.month)
    return RedirectResponse(f"/sites/{site}/reports", 303)


@router.api_route("/sites/{site}/reports/tables", methods=READ)
def table(
    request: Request,
    person: Person,
    site: str,
    month: Annotated[str, Query(max_length=7)] = "",
    table: Literal["days", "causes", "gaps", "keeping"] = "days",
    format: Literal["csv", "xlsx"] = "csv",  # noqa: A002 - the parameter's name
) -> Response:
    """One table of what a report of the month would say now, in the reader's language."""
    parts = parts_of(request)
    facts = parts.reports.facts(person, site, month or parts.reports.this_month(person, site)[1])
    return table_file(
        parts.report_pages.table(facts, table, language_of(request)), table, f"{site}-{table}-{month or 'now'}", format
    )


@router.api_route("/sites/{site}/reports/{report}", methods=READ)
def file(request: Request, person: Person, site: str, report: str) -> Response:
    """The PDF, byte for byte as it was signed."""
    view, pdf = parts_of(request).reports.pdf(person, site, report)
    disposition = f'attachment; filename="nightlight-{site}-{view.month}-{view.language}.pdf"'
    return Response(pdf, media_type="application/pdf", headers={"Content-Disposition": disposition})


@router.api_route("/verify/reports/{report}", methods=READ)
@open_to_all
def check(request: Request, report: str) -> HTMLResponse:
    """For whoever holds a report: its number is 128 random bits."""
    parts, number = parts_of(request), report.lower()
    found: ReportView | RegionReportView
    try:
        found = parts.reports.by_number(number)
    except NotFound:
        found = parts.region_reports.by_number(number)
    return HTMLResponse(parts.report_pages.check(found, language_of(request)))


@router.api_route("/api/v1/sites/{site}/reports", methods=READ)
def reports_json(request: Request, person: Person, site: str) -> Response:
    """A list of ReportView, the newest first."""
    return as_json(parts_of(request).reports.of_site(person, site))


@router.post("/api/v1/sites/{site}/reports")
def make_json(request: Request, person: Person, site: str, data: Body) -> Response:
    """A ReportOrder in, the ReportView out."""
    return as_json(_made(request, person, site, decoded(data, ReportOrder)), 201)


def _made(request: Request, person: Scope, site: str, order: ReportOrder) -> object:
    if order.language not in LANGUAGES:
        raise InvalidInput(f"a report is in one of {', '.join(LANGUAGES)}", code="bad_language")
    return parts_of(request).reports.make(person, site, order.month, order.language)


def _page(
    request: Request, person: Scope, site: str, *, error: NightlightError | None = None, month: str = ""
) -> HTMLResponse:
    parts, language = parts_of(request), language_of(request)
    name, this_month = parts.reports.this_month(person, site)
    html = parts.report_pages.of_site(
        parts.reports.of_site(person, site),
        site,
        name,
        person,
        language,
        month=month or this_month,
        error=error.code if error is not None else "",
    )
    return HTMLResponse(html, status_of(error) if error is not None else 200)
