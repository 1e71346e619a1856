"""JSON for scripts: the sites within reach and their days, as the services tell them."""

import re
from datetime import date

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from config.base.errors import InvalidInput
from server.api.gate import READ, Person
from server.api.parts import parts_of

router = APIRouter(prefix="/api/v1")
_DAY = re.compile(r"2[0-9]{3}-[0-9]{2}-[0-9]{2}")


def parse_day(text: str) -> date | None:
    """A date as YYYY-MM-DD; None for ``today`` or nothing. Raises InvalidInput."""
    if text in {"", "today"}:
        return None
    if not _DAY.fullmatch(text):
        raise InvalidInput("a day is written YYYY-MM-DD, or 'today'", code="bad_day")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput("there is no such day", code="bad_day") from error


@router.api_route("/sites", methods=READ)
def sites(request: Request, person: Person) -> Response:
    """A list of SiteSummary."""
    return _json(parts_of(request).reader.sites(person))


@router.api_route("/sites/{site}/days/{day}", methods=READ)
def site_day(request: Request, person: Person, site: str, day: str) -> Response:
    """A SiteDay."""
    return _json(parts_of(request).reader.day(person, site, parse_day(day)))


@router.api_route("/sites/{site}/calendar", methods=READ)
def site_calendar(request: Request, person: Person, site: str, last: str = "", days: str = "90") -> Response:
    """A SiteCalendar: ``days`` of them, up to the day ``last`` or up to today."""
    if not re.fullmatch(r"[0-9]{1,3}", days):
        raise InvalidInput("a number of days is written in digits", code="bad_days")
    return _json(parts_of(request).calendar.of_site(person, site, parse_day(last), int(days)))


@router.api_route("/sites/{site}/health", methods=READ)
def site_health(request: Request, person: Person, site: str) -> Response:
    """A SiteHealth."""
    return _json(parts_of(request).health.of_site(person, site))


def _json(content: object) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
