"""Cameras that agents found at a site: as JSON, and a picture of each, which is looked at on record."""

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from server.api.gate import READ, Person
from server.api.parts import parts_of

router = APIRouter(prefix="/api/v1")


@router.api_route("/sites/{site}/discovered", methods=READ)
def discovered(request: Request, person: Person, site: str) -> Response:
    """A list of DiscoveredView."""
    return Response(
        msgspec.json.encode(parts_of(request).discovered.found(person, site)), media_type="application/json"
    )


@router.api_route("/sites/{site}/discovered/{agent}/{camera}/picture", methods=["GET"])
def picture(request: Request, person: Person, site: str, agent: str, camera: str) -> Response:
    """A JPEG; nobody on the way may keep it."""
    jpeg = parts_of(request).discovered.picture(person, site, agent, camera)
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "no-store"})
