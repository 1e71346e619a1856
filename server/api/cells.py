"""A site's own store: its page, its figures as JSON, and recordings that are brought from it to be looked at."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from config.base.clock import from_datetime
from config.base.decoding import decode_json
from config.base.errors import InvalidInput, NightlightError, NotFound, ResourceExhausted
from config.wire.fields import Detail, Micros, Slug
from server.api.cutting import while_allowed
from server.api.errors import status_of
from server.api.forms import Fields
from server.api.gate import READ, Person, source_of
from server.api.parts import parts_of
from server.api.tongue import language_of
from storage.database.scope import Scope

router = APIRouter()


class FetchOrder(msgspec.Struct, frozen=True):
    """Which recording is to be brought, and why."""

    camera_id: Slug
    at_us: Micros
    reason: Detail


async def _body(request: Request) -> bytes:
    return await request.body()


@router.api_route("/sites/{site}/cell", methods=READ)
def page(request: Request, person: Person, site: str) -> HTMLResponse:
    """The page; ``asked`` after a recording was asked for."""
    return _page(request, person, site, asked="asked" in request.query_params)


@router.post("/sites/{site}/cell/fetches")
def ask(request: Request, person: Person, site: str, form: Fields) -> Response:
    """``at`` is the site's own time."""
    parts = parts_of(request)
    zone = ZoneInfo(parts.cell_reader.of_site(person, site).timezone)
    try:
        at_us = _instant(form.get("at", ""), zone)
        camera_id, reason = form.get("camera", ""), form.get("reason", "")
        parts.cell_fetcher.ask(person, site, camera_id, at_us, reason, source_of(request))
    except (InvalidInput, NotFound, ResourceExhausted) as error:
        return _page(request, person, site, form=form, error=error)
    return RedirectResponse(f"/sites/{site}/cell?asked#fetches", status_code=303)


@router.api_route("/api/v1/sites/{site}/cell", methods=READ)
def figures(request: Request, person: Person, site: str) -> Response:
    """A SiteCell."""
    return _json(parts_of(request).cell_reader.of_site(person, site))


@router.api_route("/api/v1/sites/{site}/fetches", methods=READ)
def fetches(request: Request, person: Person, site: str) -> Response:
    """A list of FetchView, the newest first."""
    return _json(parts_of(request).cell_fetcher.newest(person, site))


@router.post("/api/v1/sites/{site}/fetches")
def fetch(request: Request, person: Person, site: str, data: Annotated[bytes, Depends(_body)]) -> Response:
    """A FetchOrder in, a FetchView out."""
    try:
        order = decode_json(data, FetchOrder)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidInput(f"not a fetch order: {error}", code="malformed") from error
    asked = parts_of(request).cell_fetcher.ask(
        person, site, order.camera_id, order.at_us, order.reason, source_of(request)
    )
    return _json(asked)


@router.api_route("/sites/{site}/fetches/{fetch_id}.mp4", methods=READ)
def recording(request: Request, person: Person, site: str, fetch_id: str) -> Response:
    """The bytes that were brought, playable as they are."""
    fetcher = parts_of(request).cell_fetcher
    chunks = fetcher.recording(person, site, fetch_id)
    allowed = while_allowed(request, person, chunks, lambda: fetcher.recording(person, site, fetch_id))
    return StreamingResponse(allowed, media_type="video/mp4")


def _page(
    request: Request,
    person: Scope,
    site: str,
    *,
    asked: bool = False,
    form: dict[str, str] | None = None,
    error: NightlightError | None = None,
) -> HTMLResponse:
    parts = parts_of(request)
    found = parts.cell_reader.of_site(person, site)
    html = parts.pages.cell(
        found,
        parts.cell_fetcher.newest(person, site),
        {camera.camera_id: camera.name for camera in parts.reader.day(person, site).cameras},
        language_of(request),
        reader=person,
        asked=asked,
        form=form,
        error=error.code if error is not None else "",
    )
    return HTMLResponse(html, status_code=status_of(error) if error is not None else 200)


def _instant(text: str, zone: ZoneInfo) -> int:
    try:
        return from_datetime(datetime.fromisoformat(text).replace(tzinfo=zone))
    except ValueError as error:
        raise InvalidInput("a date with its time", code="bad_time") from error


def _json(content: object) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
