"""The public page: sites that an authority has published, for everybody, without signing in, and for caches in between."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from server.api.gate import READ, open_to_all
from server.api.parts import parts_of
from server.api.tongue import language_of

FRESH_S = 300
router = APIRouter()
Words = Annotated[str, Query(max_length=64)]


@router.api_route("/public", methods=READ)
@open_to_all
def sites(request: Request, name: Words = "", region: Words = "", page: int = 1) -> Response:
    """Fifty a page, by name."""
    parts = parts_of(request)
    # PostgreSQL takes no NUL in a text.
    name, region = name.replace("\0", "").strip(), region.replace("\0", "").strip(" /")
    found = parts.publisher.sites(name, region, page)
    html = parts.publication_pages.sites(found, language_of(request), name=name, region=region)
    return _cached(request, html)


@router.api_route("/public/{site}", methods=READ)
@open_to_all
def site(request: Request, site: str) -> Response:
    """One; what is not published looks like what does not exist."""
    parts = parts_of(request)
    return _cached(request, parts.publication_pages.site(parts.publisher.site(site), language_of(request)))


def _cached(request: Request, html: str) -> Response:
    tag = f'"{hashlib.sha256(html.encode()).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": f"public, max-age={FRESH_S}", "Vary": "Accept-Language, Cookie"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(html, media_type="text/html; charset=utf-8", headers=headers)
