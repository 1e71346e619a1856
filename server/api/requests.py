"""Guardians' requests to see a past incident: asked and looked at by them, answered by the facility.

Invariant: nothing of it is kept by anybody on the way (``no-store``); no picture goes out before the look is on record.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.base.clock import US_PER_MINUTE, from_datetime
from config.base.errors import Conflict, InvalidInput, NightlightError, NotFound, ResourceExhausted
from config.base.timespan import Span
from server.api.errors import status_of
from server.api.forms import Fields, Lists
from server.api.gate import READ, Person, source_of
from server.api.live import policy
from server.api.parts import parts_of
from server.api.ranges import byte_range
from server.api.shield import POLICY
from server.api.tongue import language_of
from server.services.people.answer_footage import Answer
from server.services.people.ask_footage import Wish
from storage.database.scope import Scope

NO_STORE = {"Cache-Control": "no-store"}
REFUSALS = (InvalidInput, Conflict, ResourceExhausted)
router = APIRouter()


@router.api_route("/my/requests", methods=READ)
def mine(request: Request, person: Person) -> Response:
    """A guardian's own, and the form for another."""
    return _mine(request, person)


@router.post("/my/requests")
def ask(request: Request, person: Person, form: Fields) -> Response:
    """Asks; the form comes back with what is wrong with it."""
    asks = parts_of(request).requests.asks
    try:
        asks.ask(person, _wish(request, person, form))
    except (*REFUSALS, NotFound) as error:
        return _mine(request, person, form, error)
    return RedirectResponse("/my/requests", 303)


@router.api_route("/my/requests/{ask}", methods=READ)
def my_one(request: Request, person: Person, ask: str) -> Response:
    """One of them, with its pictures where a look is open."""
    parts = parts_of(request)
    found = parts.requests.asks.one(person, ask)
    html = parts.request_pages.my_one(found, person, language_of(request))
    return HTMLResponse(html, headers={**NO_STORE, POLICY: policy(())})


@router.post("/my/requests/{ask}")
def look(request: Request, person: Person, ask: str) -> Response:
    """Opens a look, on record."""
    parts_of(request).requests.asks.look(person, ask, source_of(request))
    return RedirectResponse(f"/my/requests/{ask}", 303)


@router.api_route("/my/requests/{ask}/{part}.mp4", methods=READ)
def my_part(request: Request, person: Person, ask: str, part: int) -> Response:
    """Masked pictures, by range."""
    return _bytes(request, *parts_of(request).requests.asks.part(person, ask, part))


@router.api_route("/sites/{site}/requests", methods=READ)
def of_site(request: Request, person: Person, site: str) -> Response:
    """All of a site."""
    parts = parts_of(request)
    name, found = parts.requests.answers.of_site(person, site)
    return HTMLResponse(parts.request_pages.of_site(name, site, found, person, language_of(request)), headers=NO_STORE)


@router.api_route("/sites/{site}/requests/{ask}", methods=READ)
def one(request: Request, person: Person, site: str, ask: str) -> Response:
    """One, to be answered."""
    return _one(request, person, site, ask)


@router.post("/sites/{site}/requests/{ask}")
def answer(request: Request, person: Person, site: str, ask: str, form: Fields, lists: Lists) -> Response:
    """Answers it, or releases what was looked through."""
    desk = parts_of(request).requests.answers
    try:
        if "release" in form:
            desk.release(person, site, ask)
        else:
            cells = tuple(int(one) for one in lists.get("cell", []) if one.isascii() and one.isdigit() and len(one) < 3)
            desk.answer(person, site, ask, Answer(form.get("answer", ""), form.get("reason", ""), cells))
    except REFUSALS as error:
        return _one(request, person, site, ask, form, error)
    return RedirectResponse(f"/sites/{site}/requests/{ask}", 303)


@router.api_route("/sites/{site}/requests/{ask}/still.jpg", methods=READ)
def still(request: Request, person: Person, site: str, ask: str) -> Response:
    """The picture on which the fields are chosen; not masked, on record."""
    data = parts_of(request).requests.answers.still(person, site, ask, source_of(request))
    return Response(data, media_type="image/jpeg", headers=NO_STORE)


@router.api_route("/sites/{site}/requests/{ask}/{part}.mp4", methods=READ)
def part(request: Request, person: Person, site: str, ask: str, part: int) -> Response:
    """Masked pictures, to be looked through; on record."""
    return _bytes(request, *parts_of(request).requests.answers.part(person, site, ask, part, source_of(request)))


def _wish(request: Request, person: Scope, form: dict[str, str]) -> Wish:
    """Raises InvalidInput, NotFound."""
    site, child, camera = [*form.get("room", "").split("/"), "", "", ""][:3]
    rooms = parts_of(request).requests.asks.askable(person)
    room = next((one for one in rooms if (one.site_id, one.child_id, one.camera_id) == (site, child, camera)), None)
    if room is None:
        raise NotFound("no such room of your child's", code="no_such_room")
    minutes = form.get("minutes", "")
    if not minutes.isascii() or not minutes.isdigit() or len(minutes) > 3:
        raise InvalidInput("a number of minutes", code="bad_span")
    try:
        begins = datetime.fromisoformat(form.get("at", ""))
        start_us = from_datetime(begins.replace(tzinfo=ZoneInfo(room.timezone)))
    except (ValueError, OverflowError) as error:
        raise InvalidInput("a date with its time", code="bad_time") from error
    span = Span(start_us, start_us + int(minutes) * US_PER_MINUTE)
    return Wish(site, child, camera, span, form.get("why", ""))


def _mine(
    request: Request, person: Scope, form: dict[str, str] | None = None, error: NightlightError | None = None
) -> Response:
    parts = parts_of(request)
    asks = parts.requests.asks
    html = parts.request_pages.mine(
        asks.mine(person), asks.askable(person), person, language_of(request),
        now_us=parts.clock.utc_us(), form=form, error=error,
    )  # fmt: skip
    return HTMLResponse(html, status_of(error) if error is not None else 200, NO_STORE)


def _one(
    request: Request,
    person: Scope,
    site: str,
    ask: str,
    form: dict[str, str] | None = None,
    error: NightlightError | None = None,
) -> Response:
    parts = parts_of(request)
    found, kept = parts.requests.answers.one(person, site, ask)
    html = parts.request_pages.one(found, kept, person, language_of(request), form=form, error=error)
    return HTMLResponse(html, status_of(error) if error is not None else 200, {**NO_STORE, POLICY: policy(())})


def _bytes(request: Request, data: bytes, digest: str) -> Response:
    tag = f'"{digest}"'
    headers = {**NO_STORE, "Accept-Ranges": "bytes", "ETag": tag, "Content-Disposition": "inline"}
    wanted = request.headers.get("range", "") if request.headers.get("if-range", tag) == tag else ""
    span = byte_range(wanted, len(data))
    if span is None:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{len(data)}"})
    first, last, status = span
    if status == 206:
        headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
    return Response(data[first : last + 1], status, headers, "video/mp4")
