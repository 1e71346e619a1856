"""The board of one site: the page, and the fragment that the page renews itself with."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.base.roles import Role
from server.api.data import parse_day
from server.api.gate import READ, Person
from server.api.parts import parts_of
from server.api.tongue import language_of

router = APIRouter()
Pictures = Annotated[str, Query(max_length=1)]


@router.api_route("/", methods=READ)
def home(request: Request, person: Person) -> Response:
    """Straight to the first site within reach; a guardian to the rooms of their children, the platform's to support."""
    if person.role == Role.GUARDIAN:
        return RedirectResponse("/live", 303)
    if person.role == Role.PLATFORM_ADMIN:
        return RedirectResponse("/support", 303)
    sites = parts_of(request).reader.sites(person)
    if sites:
        return RedirectResponse(f"/sites/{sites[0].site_id}", 303)
    return HTMLResponse(parts_of(request).pages.no_sites(person, language_of(request)))


@router.api_route("/sites/{site}", methods=READ)
def board(request: Request, person: Person, site: str, day: str = "", pictures: Pictures = "") -> HTMLResponse:
    """The page; without ``day`` it follows today. With ``pictures``, each camera's newest, looked at on record."""
    parts = parts_of(request)
    language = language_of(request)
    wanted = parse_day(day)
    fragment = parts.feed.fragment(person, site, wanted, language, pictures=bool(pictures))
    sites = parts.reader.sites(person)
    return HTMLResponse(
        parts.pages.board(
            site_id=site,
            sites=sites,
            day=wanted,
            reader=person,
            language=language,
            fragment=fragment.html,
            digest=fragment.digest,
            pictures=bool(pictures),
        )
    )


@router.api_route("/sites/{site}/board", methods=READ)
def board_fragment(request: Request, person: Person, site: str, day: str = "", pictures: Pictures = "") -> HTMLResponse:
    """The inside of the page, its digest as the entity tag."""
    feed, language = parts_of(request).feed, language_of(request)
    fragment = feed.fragment(person, site, parse_day(day), language, pictures=bool(pictures))
    return HTMLResponse(fragment.html, headers={"ETag": f'"{fragment.digest}"'})
