"""How agents come in over HTTPS, and how an operator lets them: codes, first certificates, the next ones.

An agent has no session: the code's key or its own signature says who asks.
"""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from server.api.gate import READ, Person, open_to_all, source_of
from server.api.parts import parts_of
from server.web import qr

router = APIRouter()


class Invitation(msgspec.Struct):
    """A one-time code, to be typed or scanned; nobody is shown it again."""

    site_id: str
    agent_id: str
    code: str
    expires_us: int
    qr_svg: str


async def _body(request: Request) -> bytes:
    return await request.body()


Body = Annotated[bytes, Depends(_body)]


@router.api_route("/agent/v1/authority", methods=READ)
@open_to_all
def authority(request: Request) -> Response:
    """The authority's certificate in PEM; whoever holds a code knows its fingerprint."""
    return Response(parts_of(request).enrolment.authority().pem, media_type="application/x-pem-file")


@router.post("/agent/v1/enrolments")
@open_to_all
def enrol(request: Request, data: Body) -> Response:
    """A sealed EnrolmentRequest in, an EnrolmentAnswer out."""
    return _json(parts_of(request).enrolment.enrol(data, source_of(request)))


@router.post("/agent/v1/certificates")
@open_to_all
def renew(request: Request, data: Body) -> Response:
    """A sealed CertificateRequest in, a CertificateAnswer out."""
    return _json(parts_of(request).enrolment.renew(data))


@router.post("/api/v1/sites/{site}/agents/{agent}/invitations")
def invite(request: Request, person: Person, site: str, agent: str) -> Response:
    """A fresh code for an agent of a site within the operator's reach; an older open one no longer works."""
    made = parts_of(request).inviter.invite(person, site, agent)
    told = Invitation(made.site_id, made.agent_id, made.code, made.expires_us, qr.svg(made.code))
    return _json(told, 201)


def _json(content: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
