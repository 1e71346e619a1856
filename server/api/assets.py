"""Style, script and pictures of the pages: read into memory at start, so no path from outside ever reaches a disk."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from config.base.errors import NotFound
from server.api.gate import READ, open_to_all
from server.api.parts import parts_of

YEAR_S = 31_536_000
router = APIRouter()


@router.api_route("/static/{name}", methods=READ)
@open_to_all
def asset(request: Request, name: str, v: str = "") -> Response:
    """One file; kept for ever by browsers where the digest in the address is its own."""
    found = parts_of(request).pages.assets.get(name)
    if found is None:
        raise NotFound("no such file")
    lasting = f"public, max-age={YEAR_S}, immutable" if v == found.digest else "no-cache"
    tag = f'"{found.digest}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag, "Cache-Control": lasting})
    return Response(found.data, media_type=found.media_type, headers={"ETag": tag, "Cache-Control": lasting})
