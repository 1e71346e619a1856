"""What is wrong with the pictures of a site's cameras: as JSON, and the still of one finding, looked at on record."""

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from server.api.gate import READ, Person, source_of
from server.api.parts import parts_of

router = APIRouter(prefix="/api/v1")


@router.api_route("/sites/{site}/findings", methods=READ)
def findings(request: Request, person: Person, site: str) -> Response:
    """A list of FindingView."""
    found = parts_of(request).findings.of_site(person, site)
    return Response(msgspec.json.encode(found), media_type="application/json")


@router.api_route("/sites/{site}/findings/{finding}/still", methods=["GET"])
def still(request: Request, person: Person, site: str, finding: str) -> Response:
    """A JPEG; nobody on the way may keep it."""
    jpeg = parts_of(request).findings.still(person, site, finding, source_of(request))
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "no-store"})
