"""A site by its rules and the sites of a region, worst first: pages for people, the same as JSON for scripts."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from server.api.gate import READ, Person
from server.api.parts import parts_of
from server.api.tongue import language_of

router = APIRouter()
Period = Annotated[str, Query(max_length=10)]
Path = Annotated[str, Query(max_length=64)]


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
def region_page(request: Request, person: Person, region: Path = "", period: Period = "") -> HTMLResponse:
    """The sites that the person reaches below a region, worst first."""
    parts = parts_of(request)
    found = parts.compliance.of_region(person, region.strip("/"), period)
    return HTMLResponse(parts.compliance_pages.region(found, person, language_of(request)))


@router.api_route("/api/v1/compliance", methods=READ)
def region_data(request: Request, person: Person, region: Path = "", period: Period = "") -> Response:
    """A RegionCompliance."""
    return _json(parts_of(request).compliance.of_region(person, region.strip("/"), period))


def _json(found: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(found), media_type="application/json")
