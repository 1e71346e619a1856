"""A forgotten password: what to do, the link by mail where this server sends mail, and the page that a link leads to."""

from fastapi import APIRouter
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.base.errors import InvalidInput, PermissionDenied, ResourceExhausted
from config.base.ids import fresh_id
from server.api.entrance import LINK_CHARS_MAX
from server.api.errors import status_of
from server.api.forms import Fields
from server.api.gate import NAME_CHARS_MAX, READ, Person, open_to_all, source_of
from server.api.parts import Parts, parts_of
from server.api.people import REFUSALS, show_people
from server.api.tongue import language_of
from server.services.notices.channels import Message
from server.services.people.reset_passwords import MadeReset

router = APIRouter()


@router.api_route("/forgot", methods=READ)
@open_to_all
def forgot(request: Request) -> Response:
    """Whom to ask, and a form where a link can be mailed."""
    parts = parts_of(request)
    return HTMLResponse(parts.people_pages.forgot(language_of(request), mails=parts.people.mail is not None))


@router.post("/forgot")
@open_to_all
def ask_by_mail(request: Request, fields: Fields) -> Response:
    """The same answer for every name, in the same time: what there is to do is done after it."""
    parts, language, source = parts_of(request), language_of(request), source_of(request)
    name = fields.get("name", "").strip().lower()[:NAME_CHARS_MAX]
    if parts.people.mail is None:
        return HTMLResponse(parts.people_pages.forgot(language, mails=False), 404)
    try:
        parts.people.asked_by_mail.check(source)
    except ResourceExhausted as error:
        return HTMLResponse(parts.people_pages.forgot(language, error, mails=True), status_of(error))
    parts.people.asked_by_mail.failed(source)
    work = BackgroundTask(_mail, parts, name, source, _own_origin(request), language)
    return HTMLResponse(parts.people_pages.forgot(language, mails=True, asked=True), background=work)


@router.api_route("/reset", methods=READ)
@open_to_all
def reset_page(request: Request, r: str = "") -> Response:
    """Where a link leads."""
    parts, link = parts_of(request), r[:LINK_CHARS_MAX]
    needs_code = parts.people.resets.needs_code(link)
    return HTMLResponse(parts.people_pages.reset(link, language_of(request), needs_code=needs_code))


@router.post("/reset")
@open_to_all
def reset(request: Request, fields: Fields) -> Response:
    """Another password; whoever chose it signs in with it, second step and all."""
    parts, link = parts_of(request), fields.get("link", "")[:LINK_CHARS_MAX]
    try:
        parts.people.resets.use(link, fields.get("code", ""), fields.get("password", ""), source_of(request))
    except (PermissionDenied, InvalidInput) as error:
        needs_code = parts.people.resets.needs_code(link)
        html = parts.people_pages.reset(link, language_of(request), error, needs_code=needs_code)
        return HTMLResponse(html, status_of(error))
    response = RedirectResponse("/sign-in?said=reset", 303)
    parts.gate.clear_cookie(response)
    return response


@router.post("/sites/{site}/people/resets")
def make_reset(request: Request, person: Person, site: str, fields: Fields) -> Response:
    """The one answer that link and code stand in."""
    parts = parts_of(request)
    try:
        made = parts.people.resets.make(person, site, fields.get("account", ""))
    except REFUSALS as error:
        return show_people(request, person, site, error)
    found = parts.people.reader.of_site(person, site)
    origin = parts.public_origin or str(request.base_url).rstrip("/")
    html = parts.people_pages.reset_made(found, made, f"{origin}/reset?r={made.link}", person, language_of(request))
    return HTMLResponse(html, 201)


def _own_origin(request: Request) -> str:
    """Never by the name that a stranger's request gives itself: a link in a mail would lead to theirs."""
    parts = parts_of(request)
    if parts.public_origin:
        return parts.public_origin
    host, port = request.scope["server"]
    return f"{request.url.scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _mail(parts: Parts, name: str, source: str, origin: str, language: str) -> None:
    sending = parts.people.mail

    def send(address: str, made: MadeReset) -> None:
        title, body = parts.people_pages.reset_mail(language)
        link = f"{origin}/reset?r={made.link}"
        if sending is not None:
            sending.send(Message(fresh_id(), address, "", title, body, link, "", [], parts.clock.utc_us()))

    parts.people.resets.mail(name, source, send)
