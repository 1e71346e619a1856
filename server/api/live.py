"""The live view's pages: what one may look at, the player, and the tickets it asks for.

Invariant: a camera that is not the reader's is not found, whatever the reason; a ticket is asked for with a POST of our own
page and answered in a body.
"""

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from config.base.clock import US_PER_DAY
from config.base.errors import NotFound
from config.base.roles import REGION_ROLES, Role
from server.api.forms import Fields
from server.api.gate import READ, Person
from server.api.parts import parts_of
from server.api.shield import HEADERS, POLICY
from server.api.tongue import language_of
from server.domain.lease import Reason, Refusal
from server.services.people.leases import Look
from server.web.live import Home
from storage.database.scope import Scope

LOOKED_US = 7 * US_PER_DAY
router = APIRouter()


class Answer(msgspec.Struct):
    """To a request for a ticket: one of the two."""

    ticket: str = ""
    reason: str = ""
    next_us: int | None = None


@router.api_route("/live", methods=READ)
def live(request: Request, person: Person) -> Response:
    """A guardian's rooms; for others the sites that they reach."""
    parts, language = parts_of(request), language_of(request)
    if person.role != Role.GUARDIAN:
        return HTMLResponse(parts.live_pages.sites(parts.reader.sites(person), person, language))
    now_us, people = parts.clock.utc_us(), parts.people
    since_us = now_us - LOOKED_US
    home = Home(
        children=parts.live.children.of(person),
        looks=people.book.looks_at_children(person, since_us),
        requests=parts.requests.asks.mine(person),
        hears=bool(parts.notices.mine(person).subscriptions),
        retain_days=parts.requests.asks.retain_days,
        now_us=now_us,
    )
    return HTMLResponse(parts.live_pages.home(home, person, language))


@router.api_route("/sites/{site}/live", methods=READ)
def of_site(request: Request, person: Person, site: str) -> Response:
    """The cameras of one site, for those who work there and for authorities."""
    parts, now_us = parts_of(request), parts_of(request).clock.utc_us()
    if person.role == Role.GUARDIAN:
        raise NotFound("no such page")
    looks = parts.live.desk.cameras_for(person, now_us, site)
    html = parts.live_pages.rooms(looks, person, now_us, language_of(request), here=f"/sites/{site}/live")
    return HTMLResponse(html)


@router.api_route("/live/{camera}", methods=READ)
def watch(request: Request, person: Person, camera: str) -> Response:
    """The page with the player."""
    parts = parts_of(request)
    look = _look(request, person, camera)
    html = parts.live_pages.player(
        look, person, language_of(request), base=parts.live.base, asks_why=person.role in REGION_ROLES
    )
    return HTMLResponse(html, headers={POLICY: policy(parts.live.sources)})


@router.post("/live/{camera}/tickets")
def ticket(request: Request, person: Person, camera: str, fields: Fields) -> Response:
    """A ticket for this session and camera, or why there is none."""
    parts = parts_of(request)
    del person  # the session itself is judged, with everything that belongs to it
    at = request.client if fields.get("relay", "") == "1" else None  # for a relay of the site: deploy/mediamtx
    found = parts.live.tickets.issue(
        parts.gate.token_of(request),
        camera,
        fields.get("reason", ""),
        relay_source=at.host if at is not None else None,
    )
    if isinstance(found, Refusal):
        if found.reason == Reason.NOT_FOUND:
            raise NotFound("no such camera")
        return _json(Answer(reason=found.reason, next_us=found.next_us), 403)
    return _json(Answer(ticket=found), 201)


def policy(sources: tuple[str, ...]) -> str:
    """The content policy of a page with a player: pictures from the live process, and from memory."""
    more = " ".join(["'self'", *sources])
    return HEADERS[POLICY].replace("connect-src 'self'", f"connect-src {more}; media-src blob: {more}")


def _look(request: Request, person: Scope, camera: str) -> Look:
    """Raises NotFound where it is not the reader's."""
    parts, now_us = parts_of(request), parts_of(request).clock.utc_us()
    if person.role == Role.GUARDIAN:
        looks = parts.live.desk.cameras_for(person, now_us)
    else:
        looks = parts.live.desk.cameras_for(person, now_us, parts.live.site_of(camera))  # judged there, whoever asks
    found = next((look for look in looks if look.camera_id == camera), None)
    if found is None:
        raise NotFound("no such camera")
    return found


def _json(answer: Answer, status: int) -> Response:
    return Response(msgspec.json.encode(answer), status, {"Cache-Control": "no-store"}, "application/json")
