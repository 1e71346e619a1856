"""Discovered cameras of a site, the picture of one (looked at on record), and what cameras were asked for; JSON."""

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from server.api.data import parse_day
from server.api.gate import READ, Person, source_of
from server.api.parts import parts_of

router = APIRouter(prefix="/api/v1")


@router.api_route("/sites/{site}/discovered", methods=READ)
def discovered(request: Request, person: Person, site: str) -> Response:
    """A list of DiscoveredView."""
    return _json(parts_of(request).discovered.found(person, site))


@router.api_route("/sites/{site}/discovered/{agent}/{camera}/picture", methods=["GET"])
def picture(request: Request, person: Person, site: str, agent: str, camera: str) -> Response:
    """A JPEG; nobody on the way may keep it."""
    jpeg = parts_of(request).discovered.picture(person, site, agent, camera, source_of(request))
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "no-store"})


@router.api_route("/sites/{site}/days/{day}/replays", methods=READ)
def replays(request: Request, person: Person, site: str, day: str) -> Response:
    """A list of ReplayView."""
    return _json(parts_of(request).replays.day(person, site, parse_day(day)))


@router.api_route("/sites/{site}/cameras/{camera}/picture", methods=["GET"])
def camera_picture(request: Request, person: Person, site: str, camera: str) -> Response:
    """What the camera is to see; nobody on the way may keep it."""
    media_type, data = parts_of(request).camera_pictures.look(person, site, camera, source_of(request))
    return Response(data, media_type=media_type, headers={"Cache-Control": "no-store"})


def _json(content: object) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
