"""Recorded playback: its page, the same as JSON, and the bytes of one recording by range.

Invariant: nothing of it is kept by anybody on the way (``no-store``), and no byte goes out before the look is on record.
Source: RFC 9110, 14 (range requests), in ``server/api/ranges.py``.
"""

from datetime import datetime
from itertools import chain
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from config.base.clock import US_PER_MINUTE, from_datetime
from config.base.errors import InvalidInput, NightlightError, NotFound
from config.base.ids import is_slug
from server.api.cutting import while_allowed
from server.api.errors import status_of
from server.api.forms import Fields
from server.api.gate import READ, Person, source_of
from server.api.live import policy
from server.api.parts import parts_of
from server.api.ranges import byte_range
from server.api.shield import POLICY
from server.api.tongue import language_of
from server.domain.authorisation import Action, reach
from server.services.supervision.inspect_sites import OrderView
from server.web.playback import address_of
from storage.database.scope import Scope

INSTANT_US_MAX = 2**53
NO_STORE = {"Cache-Control": "no-store"}
router = APIRouter()


@router.api_route("/sites/{site}/playback", methods=READ)
def cameras(request: Request, person: Person, site: str) -> Response:
    """Which camera; with ``camera`` and ``at``, as a form asks for them, on to that camera's minute."""
    parts = parts_of(request)
    wanted = request.query_params.get("camera", "")
    if wanted:
        if not is_slug(site) or not is_slug(wanted):
            raise NotFound("no such camera")
        return RedirectResponse(address_of(site, wanted, request.query_params.get("at", "")), 303)
    day = parts.reader.day(person, site)
    html = parts.playback_pages.cameras(day, person, language_of(request))
    return HTMLResponse(html, headers=NO_STORE)


@router.api_route("/sites/{site}/playback/{camera}", methods=READ)
def page(request: Request, person: Person, site: str, camera: str) -> Response:
    """What there is around ``at``: microseconds, or a time of the site's own clock; else five minutes ago."""
    return _page(request, person, site, camera)


@router.post("/sites/{site}/playback/{camera}")
def look(request: Request, person: Person, site: str, camera: str, form: Fields) -> Response:
    """Opens a look with its reason, or closes it (``done``)."""
    parts = parts_of(request)
    if "done" in form:
        parts.playback.end(person, site, camera)
        return RedirectResponse(address_of(site, camera, form.get("at", "")), 303)
    at_us = _at(request, person, site, form.get("at", ""))
    try:
        parts.playback.begin(person, site, camera, at_us, form.get("reason", ""), source_of(request))
    except InvalidInput as error:
        return _page(request, person, site, camera, at_us=at_us, error=error)
    return RedirectResponse(f"/sites/{site}/playback/{camera}?at={at_us}", 303)


@router.api_route("/api/v1/sites/{site}/playback/{camera}/minute", methods=READ)
def minute(request: Request, person: Person, site: str, camera: str) -> Response:
    """A MinuteView: what is known of a minute, and by what that is proven."""
    at_us = _at(request, person, site, request.query_params.get("at", ""))
    return Response(
        msgspec.json.encode(parts_of(request).minutes.of(person, site, camera, at_us)),
        media_type="application/json",
        headers=NO_STORE,
    )


@router.api_route("/api/v1/sites/{site}/playback/{camera}", methods=READ)
def listed(request: Request, person: Person, site: str, camera: str) -> Response:
    """A PlaybackView."""
    at_us = _at(request, person, site, request.query_params.get("at", ""))
    found = parts_of(request).playback.around(person, site, camera, at_us)
    return Response(msgspec.json.encode(found), media_type="application/json", headers=NO_STORE)


@router.api_route("/sites/{site}/playback/{camera}/{segment}.mp4", methods=READ)
def recording(request: Request, person: Person, site: str, camera: str, segment: str) -> Response:
    """The bytes that were asked for: 200, 206 or 416."""
    playback = parts_of(request).playback
    footage = playback.footage(person, site, camera, segment, source_of(request))
    tag = f'"{footage.sha256}"'
    headers = {**NO_STORE, "Accept-Ranges": "bytes", "ETag": tag, "Content-Disposition": "inline"}
    wanted = request.headers.get("range", "")
    if request.headers.get("if-range", tag) != tag:
        wanted = ""
    span = byte_range(wanted, footage.size_bytes)
    if span is None:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{footage.size_bytes}"})
    first, last, status = span
    if status == 206:
        headers["Content-Range"] = f"bytes {first}-{last}/{footage.size_bytes}"
    headers["Content-Length"] = str(last - first + 1)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type="video/mp4")
    pieces = while_allowed(
        request,
        person,
        playback.pieces(footage, first, last),
        lambda: playback.check(person, site, camera, segment),
    )
    begun = next(pieces, b"")  # a store that refuses is an answer of its own, not a broken one
    return StreamingResponse(chain([begun], pieces), status, headers, "video/mp4")


def _at(request: Request, person: Scope, site: str, text: str) -> int:
    parts = parts_of(request)
    if not text:
        return parts.clock.utc_us() - 5 * US_PER_MINUTE
    if text.isascii() and text.isdigit() and int(text[:17]) < INSTANT_US_MAX and len(text) <= 17:
        return int(text)
    zone = next((one.timezone for one in parts.reader.sites(person) if one.site_id == site), "UTC")
    try:
        return from_datetime(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))
    except (ValueError, OverflowError) as error:
        raise InvalidInput("a date with its time", code="bad_time") from error


def _page(
    request: Request,
    person: Scope,
    site: str,
    camera: str,
    *,
    at_us: int | None = None,
    error: NightlightError | None = None,
) -> HTMLResponse:
    parts = parts_of(request)
    wanted = at_us if at_us is not None else _at(request, person, site, request.query_params.get("at", ""))
    found = parts.minutes.of(person, site, camera, wanted)
    orders: list[OrderView] = []
    if reach(person.role, Action.COMPLIANCE_READ):
        orders = parts.inspections.of_incidents(person, site, sorted({one.incident_id for one in found.cases}))
    html = parts.playback_pages.camera(
        found, orders, person, language_of(request), error=error.code if error is not None else ""
    )
    return HTMLResponse(html, status_of(error) if error is not None else 200, {**NO_STORE, POLICY: policy(())})
