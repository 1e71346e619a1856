"""A site's own store: its page, its figures as JSON, and recordings that are brought from it to be looked at."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from config.base.errors import InvalidInput
from config.wire.fields import Detail, Micros, Slug
from server.api.gate import READ, Person, source_of
from server.api.parts import parts_of

router = APIRouter()


class FetchOrder(msgspec.Struct, frozen=True):
    """Which recording is to be brought, and why."""

    camera_id: Slug
    at_us: Micros
    reason: Detail


async def _body(request: Request) -> bytes:
    return await request.body()


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
        order = msgspec.json.decode(data, type=FetchOrder)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise InvalidInput(f"not a fetch order: {error}", code="malformed") from error
    asked = parts_of(request).cell_fetcher.ask(
        person, site, order.camera_id, order.at_us, order.reason, source_of(request)
    )
    return _json(asked)


@router.api_route("/sites/{site}/fetches/{fetch_id}.mp4", methods=READ)
def recording(request: Request, person: Person, site: str, fetch_id: str) -> Response:
    """The bytes that were brought, playable as they are."""
    chunks = parts_of(request).cell_fetcher.recording(person, site, fetch_id)
    return StreamingResponse(chunks, media_type="video/mp4")


def _json(content: object) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
