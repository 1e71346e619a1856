"""The duty room's screen: the page, the fragment that it renews itself with, and the stream that says when."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from server.api.entrance import device_of, leave_provider
from server.api.events import stream_of
from server.api.feed import Fragment
from server.api.gate import READ, Person, source_of
from server.api.parts import parts_of
from server.api.tongue import language_of
from server.services.people.sign_in import SCREEN_HOURS
from storage.database.scope import Scope

router = APIRouter()


@router.api_route("/wall", methods=READ)
def wall(request: Request, person: Person) -> HTMLResponse:
    """The page."""
    parts, language = parts_of(request), language_of(request)
    found = parts.wall.look(person, language)
    html = parts.wall.pages.page(
        person,
        language,
        now_us=parts.clock.utc_us(),
        timezone=found.timezone,
        fragment=found.fragment.html,
        digest=found.fragment.digest,
    )
    return HTMLResponse(html)


@router.post("/wall/screen")
def leave_open(request: Request, person: Person) -> Response:
    """This browser shows the duty room for a week and can do nothing else; whoever was signed in here no longer is.

    Nor at an authority's provider: it lets in again who is known there, and so anybody who stands before the screen.
    """
    parts = parts_of(request)
    token = parts.sign_in.open_screen(person, parts.gate.token_of(request), source_of(request), device_of(request))
    response = leave_provider(request, person.proof) or RedirectResponse("/wall", 303)
    parts.gate.set_cookie(response, token, SCREEN_HOURS)
    return response


@router.api_route("/wall/board", methods=READ)
def wall_board(request: Request, person: Person) -> HTMLResponse:
    """The inside of the page, its digest as the entity tag; and the server's clock, for the one on the screen."""
    parts = parts_of(request)
    found = parts.wall.look(person, language_of(request)).fragment
    now_ms = parts.clock.utc_us() // 1_000
    return HTMLResponse(found.html, headers={"ETag": f'"{found.digest}"', "Nightlight-Now": str(now_ms)})


@router.get("/wall/events")
async def wall_events(request: Request, person: Person) -> StreamingResponse:
    """``changed`` with the new digest, ``heartbeat`` where nothing changes, ``over`` when the session is."""
    parts, language = parts_of(request), language_of(request)

    def look(who: Scope) -> Fragment:
        return parts.wall.look(who, language).fragment

    return await stream_of(request, person, "", look)
