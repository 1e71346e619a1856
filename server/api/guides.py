"""The guides for people, beside the work that they tell of, and their pictures."""

import hashlib

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from config.base.errors import NotFound
from server.api.gate import READ, Person
from server.api.parts import parts_of
from server.api.tongue import language_of
from server.web.guides import NAMES, guide_of

PICTURE_KEPT_S = 3_600
router = APIRouter(prefix="/help")


@router.api_route("", methods=READ)
def mine(request: Request, person: Person) -> Response:
    """The guide of the reader's role."""
    return HTMLResponse(parts_of(request).guides.page(guide_of(person.role), person, language_of(request)))


@router.api_route("/{guide}", methods=READ)
def one(request: Request, person: Person, guide: str) -> Response:
    """By its name."""
    if guide not in NAMES:
        raise NotFound("no such guide")
    return HTMLResponse(parts_of(request).guides.page(guide, person, language_of(request)))


@router.api_route("/pictures/{name}", methods=READ)
def picture(request: Request, person: Person, name: str) -> Response:
    """As the tests took it, of a facility that does not exist."""
    del person
    found = parts_of(request).guides.pictures.get(name)
    if found is None:
        raise NotFound("no such picture")
    tag = f'"{hashlib.sha256(found).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": f"private, max-age={PICTURE_KEPT_S}"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(found, media_type="image/png", headers=headers)
