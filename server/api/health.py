"""Whether this process can serve: it can where the database answers."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from server.api.gate import READ, open_to_all
from server.api.parts import parts_of

router = APIRouter()


@router.api_route("/healthz", methods=READ)
@open_to_all
def healthz(request: Request) -> Response:
    """200, or 503 where the database does not answer."""
    parts_of(request).database.ping()
    return Response(b'{"status":"ok"}', media_type="application/json")
