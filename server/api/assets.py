"""Style, script and pictures of the pages: read into memory at start, so no path from outside ever reaches a disk.

The page that checks evidence packages is served as it is kept, to anybody, under its own policy: it may load nothing at
all and connect to nowhere, not even to here.
"""

import hashlib
import re
from html import unescape
from importlib.resources import files

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from config.base.errors import NotFound
from server.api.gate import READ, open_to_all
from server.api.parts import parts_of
from server.api.shield import POLICY
from server.web import worker

YEAR_S = 31_536_000
VERIFIER = (files("config.evidence") / "web/verifier.html").read_bytes()
router = APIRouter()


def _policy(page: str) -> str:
    """The policy that a page states for itself, and what only a header can say."""
    stated = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">', page)
    return "; ".join([*([unescape(stated[1])] if stated else ["default-src 'none'"]), "frame-ancestors 'none'"])


_VERIFIER_HEADERS = {
    "ETag": f'"{hashlib.sha256(VERIFIER).hexdigest()}"',
    "Cache-Control": "no-cache",
    POLICY: _policy(VERIFIER.decode()),
}


@router.api_route("/verify", methods=READ)
@open_to_all
def verifier(request: Request) -> Response:
    """Checks an evidence package in the reader's browser; nothing is sent here."""
    if request.headers.get("if-none-match") == _VERIFIER_HEADERS["ETag"]:
        return Response(status_code=304, headers=_VERIFIER_HEADERS)
    return Response(VERIFIER, media_type="text/html; charset=utf-8", headers=_VERIFIER_HEADERS)


@router.api_route("/worker.js", methods=READ)
@open_to_all
def service_worker(request: Request) -> Response:
    """For the whole of the pages; browsers ask for it again by themselves, and take it where a byte is another."""
    script = worker.script(parts_of(request).pages)
    return Response(script, media_type="text/javascript; charset=utf-8", headers={"Cache-Control": "no-cache"})


@router.api_route("/offline", methods=READ)
@open_to_all
def offline(request: Request) -> Response:
    """What a browser keeps for when there is no network; nothing in it is anybody's."""
    page = worker.offline(parts_of(request).pages)
    return Response(page, media_type="text/html; charset=utf-8", headers={"Cache-Control": "no-cache"})


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
