"""Statistics of a region: a page, JSON, and the table as a file."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from server.api.gate import READ, Person
from server.api.parts import parts_of
from server.api.scripts import as_json
from server.api.tables import table_file
from server.api.tongue import language_of
from server.services.supervision.count_region import RegionFigures
from storage.database.scope import Scope

router = APIRouter()
Path = Annotated[str, Query(max_length=64)]
Month = Annotated[str, Query(max_length=7)]


@router.api_route("/statistics", methods=READ)
def page(request: Request, person: Person, region: Path = "", month: Month = "") -> HTMLResponse:
    """The worst sites first."""
    html = parts_of(request).statistics_pages.region(
        _count(request, person, region, month), person, language_of(request)
    )
    return HTMLResponse(html)


@router.api_route("/statistics/file", methods=READ)
def file(
    request: Request,
    person: Person,
    region: Path = "",
    month: Month = "",
    table: Literal["sites", "causes", "days", "orders"] = "sites",
    format: Literal["csv", "xlsx"] = "csv",  # noqa: A002 - the parameter's name
) -> Response:
    """One table of a month's figures, in the reader's language; all but the sites for whoever has the whole region."""
    parts, language = parts_of(request), language_of(request)
    found = _count(request, person, region, month)
    if table == "sites":
        rows = parts.statistics_pages.rows(found, language)
    else:
        facts = parts.region_reports.facts(
            person, found.region or parts.region_reports.default_region(person), found.month
        )
        rows = parts.statistics_pages.table(facts, table, language)
    return table_file(rows, table, f"{table}-{found.month}", format)


@router.api_route("/statistics/rules", methods=READ)
def rules(request: Request, person: Person, region: Annotated[str | None, Query(max_length=64)] = None) -> HTMLResponse:
    """What the packs ask of the authority itself."""
    parts = parts_of(request)
    found = parts.region_rules.of_region(person, _path(region))
    return HTMLResponse(parts.region_rule_pages.rules(found, person, language_of(request)))


@router.api_route("/api/v1/statistics/rules", methods=READ)
def rules_json(
    request: Request, person: Person, region: Annotated[str | None, Query(max_length=64)] = None
) -> Response:
    """A RegionRules."""
    return as_json(parts_of(request).region_rules.of_region(person, _path(region)))


@router.api_route("/api/v1/statistics", methods=READ)
def data(request: Request, person: Person, region: Path = "", month: Month = "") -> Response:
    """A RegionFigures."""
    return as_json(_count(request, person, region, month))


def _path(region: str | None) -> str | None:
    return region.replace("\0", "").strip(" /") if region is not None else None


def _count(request: Request, person: Scope, region: str, month: str) -> RegionFigures:
    # PostgreSQL takes no NUL in a text.
    return parts_of(request).statistics.count(person, region.replace("\0", "").strip(" /"), month)
