"""The facility's pages of people: guardians and staff, the marks of a day, and who looked; and everybody's own consents.

Whatever is refused is said on the page that it came from. Every form works without scripts.
"""

from collections.abc import Callable

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.base.clock import US_PER_DAY
from config.base.errors import Conflict, InvalidInput, NightlightError, NotFound, ResourceExhausted
from config.base.roles import Role
from server.api.errors import status_of
from server.api.forms import Fields
from server.api.gate import READ, Person, source_of
from server.api.parts import parts_of
from server.api.tongue import language_of
from server.services.people.keep_consents import Whose
from server.web.weekly_words import to_code
from storage.database.scope import Scope

REFUSALS = (InvalidInput, Conflict, ResourceExhausted, NotFound)
LOOKED_DAYS = 30
router = APIRouter()


@router.api_route("/sites/{site}/people", methods=READ)
def people(request: Request, person: Person, site: str) -> Response:
    """Everybody of a site, and who is missing."""
    return show_people(request, person, site)


@router.post("/sites/{site}/people/invitations")
def invite(request: Request, person: Person, site: str, fields: Fields) -> Response:
    """The one answer that link and code stand in."""
    parts = parts_of(request)
    try:
        made = parts.people.invitations.invite(
            person, site, guardian_id=fields.get("guardian", ""), staff_id=fields.get("staff", "")
        )
    except REFUSALS as error:
        return show_people(request, person, site, error)
    found = parts.people.reader.of_site(person, site)
    origin = parts.public_origin or str(request.base_url).rstrip("/")
    html = parts.people_pages.invited(found, made, f"{origin}/join?i={made.link}", person, language_of(request))
    return HTMLResponse(html, 201)


@router.post("/sites/{site}/people/approvals")
def approve(request: Request, person: Person, site: str, fields: Fields) -> Response:
    """Somebody who accepted is who they say."""
    desk = parts_of(request).people.invitations
    return _done(request, person, site, lambda: desk.approve(person, site, fields.get("account", "")))


@router.post("/sites/{site}/people/removals")
def remove(request: Request, person: Person, site: str, fields: Fields) -> Response:
    """An account sees nothing here any more."""
    desk = parts_of(request).people.invitations
    return _done(request, person, site, lambda: desk.remove(person, site, fields.get("account", "")))


@router.post("/sites/{site}/people/hours")
def hours(request: Request, person: Person, site: str, fields: Fields) -> Response:
    """Another lease with other hours."""
    office, guardian = parts_of(request).people.leases, fields.get("guardian", "")
    return _done(
        request, person, site, lambda: office.change_hours(person, site, guardian, to_code(fields.get("hours", "")))
    )


@router.post("/sites/{site}/people/revocations")
def revoke(request: Request, person: Person, site: str, fields: Fields) -> Response:
    """A guardian's leases end."""
    office = parts_of(request).people.leases
    return _done(request, person, site, lambda: office.revoke(person, site, fields.get("guardian", "")))


@router.post("/sites/{site}/people/mode")
def mode(request: Request, person: Person, site: str, fields: Fields) -> Response:
    """The facility's own choice."""
    office = parts_of(request).people.leases
    return _done(
        request,
        person,
        site,
        lambda: office.choose(person, site, fields.get("mode", ""), to_code(fields.get("hours", ""))),
    )


@router.post("/sites/{site}/people/marking")
def marking(request: Request, person: Person, site: str, fields: Fields) -> Response:
    """Whether live pictures are marked for each viewer; on record."""
    desk, wanted = parts_of(request).live.marking, fields.get("marked") == "yes"
    return _done(request, person, site, lambda: desk.choose(person, site, wanted=wanted, source=source_of(request)))


@router.post("/sites/{site}/people/consents")
def on_paper(request: Request, person: Person, site: str, fields: Fields) -> Response:
    """What somebody signed on paper, or took back."""
    whose = Whose(site, fields.get("guardian", ""), fields.get("child", ""), fields.get("staff", ""))
    agrees, reference = fields.get("says") == "yes", fields.get("reference", "")
    desk = parts_of(request).people.consents
    return _done(request, person, site, lambda: desk.record(person, whose, reference, agrees=agrees))


@router.api_route("/sites/{site}/today", methods=READ)
def today(request: Request, person: Person, site: str) -> Response:
    """Rooms and children, one tap each."""
    parts = parts_of(request)
    found = parts.people.day.today(person, site)
    return HTMLResponse(parts.people_pages.today(found, person, language_of(request)))


@router.post("/sites/{site}/today/rooms")
def mark_room(request: Request, person: Person, site: str, fields: Fields) -> Response:
    """A room goes dark, or is seen again."""
    day, zone = parts_of(request).people.day, fields.get("zone", "")
    if fields.get("do") == "lift":
        day.lift(person, site, zone)
    else:
        day.blank(person, site, zone, fields.get("why", ""))
    return RedirectResponse(f"/sites/{site}/today", 303)


@router.post("/sites/{site}/today/children")
def mark_child(request: Request, person: Person, site: str, fields: Fields) -> Response:
    """A child was fetched, or is here again."""
    day, child = parts_of(request).people.day, fields.get("child", "")
    (day.came_back if fields.get("do") == "back" else day.fetched)(person, site, child)
    return RedirectResponse(f"/sites/{site}/today#children", 303)


@router.api_route("/sites/{site}/looks", methods=READ)
def looks(request: Request, person: Person, site: str) -> Response:
    """Who looked at what, why, from where and for how long."""
    parts = parts_of(request)
    found = parts.people.book.looks(person, site)
    html = parts.people_pages.looks(found, person, language_of(request), here=f"/sites/{site}/looks", site_id=site)
    return HTMLResponse(html)


@router.api_route("/my/looks", methods=READ)
def my_looks(request: Request, person: Person) -> Response:
    """Who looked at the rooms of a guardian's children."""
    parts = parts_of(request)
    found = parts.people.book.looks_at_children(person, parts.clock.utc_us() - LOOKED_DAYS * US_PER_DAY)
    return HTMLResponse(parts.people_pages.looks(found, person, language_of(request), here="/my/looks"))


@router.api_route("/my/consents", methods=READ)
def my_consents(request: Request, person: Person) -> Response:
    """What a person is asked, and what they said."""
    parts = parts_of(request)
    found = parts.people.consents.own(person)
    return HTMLResponse(parts.people_pages.consents(found, person, language_of(request)))


@router.post("/my/consents")
def say(request: Request, person: Person, fields: Fields) -> Response:
    """A word given or taken back, with effect at once."""
    if person.role == Role.GUARDIAN:
        whose = Whose(fields.get("site", ""), fields.get("guardian", ""), fields.get("child", ""))
    else:
        whose = Whose(fields.get("site", ""), staff_id=fields.get("staff", ""))
    parts_of(request).people.consents.say(person, whose, agrees=fields.get("says") == "yes")
    return RedirectResponse("/my/consents", 303)


def _done(request: Request, person: Scope, site: str, do: Callable[[], None]) -> Response:
    try:
        do()
    except REFUSALS as error:
        return show_people(request, person, site, error)
    return RedirectResponse(f"/sites/{site}/people", 303)


def show_people(request: Request, person: Scope, site: str, error: NightlightError | None = None) -> Response:
    """The page of a site's people, with what was refused."""
    parts = parts_of(request)
    found = parts.people.reader.of_site(person, site)
    marked = parts.live.marking.state(person, site)
    kept = parts.people.documents.of_site(person, site).documents
    html = parts.people_pages.people(found, marked, person, language_of(request), error, documents=kept)
    return HTMLResponse(html, 200 if error is None else status_of(error))
