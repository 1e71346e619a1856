"""What was attested of a day: a page for people, JSON for scripts, and the ledger's newest checkpoint as it is signed."""

from datetime import date

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from config.base.clock import to_datetime
from config.base.errors import InvalidInput, NotFound
from server.api.data import parse_day
from server.api.gate import READ, Person
from server.api.parts import parts_of
from server.api.tongue import language_of

router = APIRouter()


@router.api_route("/sites/{site}/attestations/{day}", methods=READ)
def page(request: Request, person: Person, site: str, day: str) -> HTMLResponse:
    """The attestation in force, and those before it."""
    parts = parts_of(request)
    found = parts.attestations.of_day(person, site, _day(day))
    return HTMLResponse(parts.pages.attestation(found, language_of(request), reader=person))


@router.api_route("/api/v1/sites/{site}/attestations/{day}", methods=READ)
def attestations(request: Request, person: Person, site: str, day: str) -> Response:
    """An AttestedDay."""
    found = parts_of(request).attestations.of_day(person, site, _day(day))
    return Response(msgspec.json.encode(found), media_type="application/json")


@router.api_route("/api/v1/sites/{site}/checkpoint", methods=READ)
def checkpoint(request: Request, person: Person, site: str) -> Response:
    """The newest checkpoint of the site's ledger, a C2SP signed note."""
    parts = parts_of(request)
    found = parts.attestations.of_day(person, site, to_datetime(parts.clock.utc_us()).date()).ledger
    if found is None:
        raise NotFound("no checkpoint of that site's ledger was signed yet")
    return PlainTextResponse(found.note)


def _day(text: str) -> date:
    found = parse_day(text)
    if found is None:
        raise InvalidInput("a day is written YYYY-MM-DD", code="bad_day")
    return found
