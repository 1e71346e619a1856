"""A site by its rules, and the sites of a region, worst first: pages for people, JSON for scripts, the ranking as a file.

What is searched and filtered stands in the address, so that a list can be passed on.
"""

from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from server.api.gate import READ, Person
from server.api.parts import parts_of
from server.api.tables import table_file
from server.api.tongue import language_of
from server.services.compliance.rank_region import Wanted
from server.web.region import wanted_of

router = APIRouter()
Period = Annotated[str, Query(max_length=10)]
Path = Annotated[str, Query(max_length=64)]
Word = Annotated[str, Query(max_length=64)]
PageNumber = Annotated[int, Query(ge=1, le=1_000)]


def _wanted(region: Path = "", period: Period = "", q: Word = "", status: Word = "") -> Wanted:
    return wanted_of(region, period, q, status)


Asked = Annotated[Wanted, Depends(_wanted)]


@router.api_route("/sites/{site}/compliance", methods=READ)
def page(request: Request, person: Person, site: str, period: Period = "") -> HTMLResponse:
    """The rules of a site over a day (today where none is named) or a month."""
    parts = parts_of(request)
    found = parts.compliance.of_site(person, site, period)
    html = parts.compliance_pages.site(found, person, language_of(request), sees_region=bool(person.region))
    return HTMLResponse(html)


@router.api_route("/api/v1/sites/{site}/compliance", methods=READ)
def data(request: Request, person: Person, site: str, period: Period = "") -> Response:
    """A SiteCompliance."""
    return _json(parts_of(request).compliance.of_site(person, site, period))


@router.api_route("/compliance", methods=READ)
def region_page(request: Request, person: Person, wanted: Asked, page: PageNumber = 1) -> HTMLResponse:
    """The sites that the person reaches below a region, worst first."""
    parts = parts_of(request)
    found = parts.regions.ranked(person, wanted, page)
    return HTMLResponse(parts.region_pages.ranked(found, person, language_of(request)))


@router.api_route("/compliance/file", methods=READ)
def region_file(
    request: Request,
    person: Person,
    wanted: Asked,
    format: Literal["csv", "xlsx"] = "csv",  # noqa: A002 - the parameter's name
) -> Response:
    """Every site that was asked for, a line each, in the reader's language."""
    parts = parts_of(request)
    found = parts.regions.ranked(person, wanted)
    rows = parts.region_pages.rows(found, language_of(request))
    return table_file(rows, "compliance", f"compliance-{found.period}", format)


@router.api_route("/api/v1/compliance", methods=READ)
def region_data(request: Request, person: Person, wanted: Asked) -> Response:
    """A RegionCompliance with all of its sites."""
    return _json(parts_of(request).regions.ranked(person, wanted))


def _json(found: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(found), media_type="application/json")
