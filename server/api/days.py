"""A site's calendar and its days with all cameras: pages for people and the same as files. What is filtered stands in the address."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from config.base.timespan import Span
from server.api.data import parse_day
from server.api.gate import READ, Person
from server.api.in_two import in_two
from server.api.parts import parts_of
from server.api.tables import table_file
from server.api.tongue import language_of
from server.domain.authorisation import Action, reach
from server.services.coverage.read_day import SiteDay
from server.services.docket.refer import CaseRef
from server.web.day import Asked
from storage.database.scope import Scope

router = APIRouter()
Word = Annotated[str, Query(max_length=64)]
Format = Annotated[Literal["csv", "xlsx"], Query()]
Hour = Annotated[int | None, Query(ge=0, le=25)]


@router.api_route("/sites/{site}/calendar", methods=READ)
def calendar(request: Request, person: Person, site: str, last: Word = "", camera: Word = "") -> HTMLResponse:
    """Ninety days up to ``last``, or up to today; of one ``camera`` where one is named."""
    parts = parts_of(request)
    found = parts.calendar.of_site(person, site, parse_day(last))
    return HTMLResponse(parts.calendar_pages.of_site(found, person, language_of(request), camera=camera))


@router.api_route("/sites/{site}/calendar/file", methods=READ)
def calendar_file(
    request: Request,
    person: Person,
    site: str,
    last: Word = "",
    camera: Word = "",
    format: Format = "csv",  # noqa: A002 - the parameter's name
) -> Response:
    """A line a camera-day."""
    parts = parts_of(request)
    found = parts.calendar.of_site(person, site, parse_day(last))
    rows = parts.calendar_pages.rows(found, language_of(request), camera=camera)
    return table_file(rows, "days", f"{site}-calendar-{found.last_day}", format)


@router.api_route("/sites/{site}/days/{day}", methods=READ)
def day_page(request: Request, person: Person, site: str, day: str, hour: Hour = None, show: Word = "") -> Response:
    """All cameras over the day, or over one ``hour`` of it; with ``show=trouble`` those with gaps alone."""
    parts, wanted, language = parts_of(request), parse_day(day), language_of(request)
    asked, plays = Asked(hour, trouble=show == "trouble"), bool(reach(person.role, Action.PLAYBACK))

    def cameras() -> str:
        found = parts.reader.day(person, site, wanted, tells_arrivals=False)
        return parts.day_pages.cameras(found, _cases(request, person, found), asked, language, plays=plays)

    around = parts.day_pages.around(parts.reader.outline(person, site, wanted), asked, person, language)
    return in_two(request, around, cameras)


@router.api_route("/sites/{site}/days/{day}/file", methods=READ)
def day_file(
    request: Request,
    person: Person,
    site: str,
    day: str,
    format: Format = "csv",  # noqa: A002 - the parameter's name
) -> Response:
    """A line a gap."""
    parts = parts_of(request)
    found = parts.reader.day(person, site, parse_day(day), tells_arrivals=False)
    return table_file(parts.day_pages.rows(found, language_of(request)), "days", f"{site}-gaps-{found.day}", format)


def _cases(request: Request, person: Scope, found: SiteDay) -> list[CaseRef]:
    if not reach(person.role, Action.COMPLIANCE_READ):
        return []
    return parts_of(request).references.touching(person, found.site_id, Span(found.start_us, found.end_us))
