"""A site's alarms: as JSON, and the two things that an operator may do about one.

The forms are guarded as all forms are: the shield lets nothing change that does not come from our own pages.
"""

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from server.api.gate import READ, Person
from server.api.parts import parts_of
from server.services.intake.handle_alarms import Act

ALARM_ID_MAX = 2**63 - 1
router = APIRouter()


@router.api_route("/api/v1/sites/{site}/alarms", methods=READ)
def alarms(request: Request, person: Person, site: str) -> Response:
    """A SiteAlarms."""
    found = parts_of(request).duty.of_site(person, site)
    return Response(msgspec.json.encode(found), media_type="application/json")


@router.post("/sites/{site}/alarms/{alarm_id}/acknowledge")
def acknowledge(request: Request, person: Person, site: str, alarm_id: int) -> Response:
    """Somebody has seen it; back to the board."""
    return _act(request, person, site, alarm_id, "acknowledge")


@router.post("/sites/{site}/alarms/{alarm_id}/clear")
def clear(request: Request, person: Person, site: str, alarm_id: int) -> Response:
    """Somebody says that it is over; back to the board."""
    return _act(request, person, site, alarm_id, "clear")


def _act(request: Request, person: Person, site: str, alarm_id: int, act: Act) -> Response:
    parts_of(request).duty.act(person, site, min(alarm_id, ALARM_ID_MAX), act)
    return RedirectResponse(f"/sites/{site}#alarms", 303)
