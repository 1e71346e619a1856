"""A person's own notices: what they hear of, how, and what became of each message."""

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.base.errors import Conflict, InvalidInput, NightlightError, NotFound
from server.api.errors import status_of
from server.api.forms import Fields
from server.api.gate import READ, Person
from server.api.parts import parts_of
from server.api.tongue import language_of
from server.services.notices.subscribe import Wish, minutes_of
from server.services.notices.tell import kinds_of
from storage.database.scope import Scope

router = APIRouter()
DIGITS_MAX = 5


@router.api_route("/notices", methods=READ)
def page(request: Request, person: Person) -> HTMLResponse:
    """Subscriptions and messages."""
    return _page(request, person, {})


@router.api_route("/api/v1/notices", methods=READ)
def data(request: Request, person: Person) -> Response:
    """A Notices."""
    found = parts_of(request).notices.mine(person)
    return Response(msgspec.json.encode(found), media_type="application/json")


@router.post("/notices")
def subscribe(request: Request, person: Person, fields: Fields) -> Response:
    """Begins one; the form comes back with what is wrong with it."""
    try:
        minutes = fields.get("escalate_min", "")
        wish = Wish(
            site_id=fields.get("site", ""),
            kinds=[kind for kind in kinds_of(person.role) if f"kind-{kind}" in fields],
            channel=fields.get("channel", ""),
            target=fields.get("target", ""),
            language=language_of(request),
            quiet_from_min=minutes_of(fields.get("quiet_from", "")),
            quiet_until_min=minutes_of(fields.get("quiet_until", "")),
            escalate_to=fields.get("escalate_to", "").strip() or None,
            escalate_min=int(minutes) if minutes.isascii() and minutes.isdigit() and len(minutes) < DIGITS_MAX else 0,
        )
        parts_of(request).notices.subscribe(person, wish)
    except (Conflict, InvalidInput, NotFound) as error:
        return _page(request, person, fields, error)
    return RedirectResponse("/notices", 303)


@router.post("/notices/{number}/end")
def end(request: Request, person: Person, number: int) -> Response:
    """Nothing more goes by it."""
    parts_of(request).notices.end(person, number)
    return RedirectResponse("/notices", 303)


@router.post("/notices/messages/{message}/seen")
def seen(request: Request, person: Person, message: str) -> Response:
    """Whoever is told next need not be."""
    parts_of(request).notices.seen(person, message)
    return RedirectResponse("/notices#messages", 303)


def _page(request: Request, person: Scope, form: dict[str, str], error: NightlightError | None = None) -> HTMLResponse:
    parts = parts_of(request)
    found = parts.notices.mine(person)
    html = parts.docket_pages.notices(found, person, language_of(request), form, error)
    return HTMLResponse(html, status_of(error) if error is not None else 200)
