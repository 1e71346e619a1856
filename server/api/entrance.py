"""Signing in and out, and the choice of language."""

from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.base.errors import Conflict, InvalidInput, PermissionDenied, ResourceExhausted
from server.api.errors import retry_after_s, status_of
from server.api.gate import NAME_CHARS_MAX, READ, mark_of, open_to_all, source_of
from server.api.parts import parts_of
from server.api.tongue import LANGUAGE_COOKIE, language_of
from server.services.people.authority_sign_in import BY_AUTHORITY
from server.services.people.passkeys import Site
from server.web.languages import LANGUAGES

FIELDS_MAX = 8
LANGUAGE_COOKIE_S = 31_536_000
PATH_CHARS_MAX = 400
DEVICE_CHARS_MAX = 120
LINK_CHARS_MAX = 64
SECOND = "second"
SAID_RESET, SAID_LEFT = "reset", "left"
AUTHORITY = BY_AUTHORITY.encode()
"""What a sign-in between its steps remembers where an authority's provider was the first one."""
SECOND_BY_AUTHORITY = {"totp": "authority_totp", "recovery": "authority_spare"}
router = APIRouter()


async def _form(request: Request) -> dict[str, str]:
    """The fields of a URL-encoded form; anything else gives none."""
    try:
        fields = parse_qs((await request.body()).decode(), max_num_fields=FIELDS_MAX, keep_blank_values=True)
    except ValueError:
        return {}
    return {name: values[-1] for name, values in fields.items()}


Form = Annotated[dict[str, str], Depends(_form)]


@router.api_route("/sign-in", methods=READ)
@open_to_all
def sign_in_page(request: Request) -> Response:
    """The form; who is signed in already goes on, and a screen that the authority's provider sends back."""
    parts = parts_of(request)
    onward = local_path(request.query_params.get("next", ""))
    token = parts.gate.token_of(request)
    known = parts.sign_in.resume(token) if token else None
    if known is not None and not known.only:
        return RedirectResponse(onward, 303)
    if known is not None and not request.query_params:
        return RedirectResponse("/wall", 303)
    asked = request.query_params.get("said", "")
    said = asked if asked in (SAID_RESET, SAID_LEFT) else ""
    return HTMLResponse(_sign_in_page(request, onward, said=said))


@router.post("/sign-in")
@open_to_all
def sign_in(request: Request, form: Form) -> Response:
    """Opens a session; a fresh token every time, so that none can be planted beforehand."""
    parts = parts_of(request)
    name = form.get("name", "").strip()[:NAME_CHARS_MAX]
    onward = local_path(form.get("next", ""))
    try:
        device = parts.gate.device_of(request)
        person = parts.gate.check_password(name, form.get("password", ""), source_of(request), device)
    except (PermissionDenied, ResourceExhausted) as error:
        status = status_of(error)
        html = _sign_in_page(request, onward, name=name, error=error.code)
        headers = {"Retry-After": str(retry_after_s(error.code))} if isinstance(error, ResourceExhausted) else None
        return HTMLResponse(html, status, headers)
    steps = parts.sign_in.second_steps(person.account_name)
    if steps:
        token = parts.people.steps.remember(SECOND, person.account_name)
        return HTMLResponse(parts.people_pages.second(token, onward, steps, language_of(request)))
    return _signed_in(request, person.account_name, "password", onward)


@router.post("/sign-in/second")
@open_to_all
def second_step(request: Request, form: Form) -> Response:
    """A code of time or a recovery code, behind a right password."""
    parts, token, onward = parts_of(request), form.get("step", ""), local_path(form.get("next", ""))
    try:
        name, began = parts.people.steps.recall(SECOND, token, use_up=False)
        device = parts.gate.device_of(request)
        proof = parts.people.steps.check(name, form.get("code", ""), source_of(request), device)
        parts.people.steps.recall(SECOND, token, use_up=True)
    except (PermissionDenied, ResourceExhausted) as error:
        if error.code == "step_over":
            return HTMLResponse(_sign_in_page(request, onward, error=error.code), 401)
        html = parts.people_pages.second(token, onward, frozenset({"totp"}), language_of(request), error)
        return HTMLResponse(html, 401 if isinstance(error, PermissionDenied) else status_of(error))
    return _signed_in(request, name, SECOND_BY_AUTHORITY[proof] if began == AUTHORITY else proof, onward)


@router.post("/sign-in/passkey/options")
@open_to_all
def passkey_options(request: Request) -> Response:
    """What the device is to be asked, as JSON."""
    options, token = parts_of(request).people.passkeys.sign_in_options(site_of(request))
    return Response(f'{{"token":"{token}","options":{options}}}', media_type="application/json")


@router.post("/sign-in/passkey")
@open_to_all
def passkey_sign_in(request: Request, form: Form) -> Response:
    """Both steps at once: the device has checked its owner."""
    parts, onward = parts_of(request), local_path(form.get("next", ""))
    try:
        name = parts.people.passkeys.sign_in(form.get("token", ""), form.get("answer", ""), site_of(request))
    except (PermissionDenied, InvalidInput) as error:
        return HTMLResponse(_sign_in_page(request, onward, error=error.code), 401)
    return _signed_in(request, name, "passkey", onward)


@router.api_route("/join", methods=READ)
@open_to_all
def join_page(request: Request, i: str = "") -> Response:
    """Where an invitation's link leads: it asks for the code that was told another way."""
    return HTMLResponse(parts_of(request).people_pages.join(i[:LINK_CHARS_MAX], language_of(request)))


@router.post("/join")
@open_to_all
def join(request: Request, form: Form) -> Response:
    """Opens the account; what it sees, the facility says afterwards."""
    parts, link, name = parts_of(request), form.get("link", "")[:LINK_CHARS_MAX], form.get("name", "")
    try:
        made = parts.people.invitations.accept(link, form.get("code", ""), name, form.get("password", ""))
    except (PermissionDenied, InvalidInput, Conflict) as error:
        html = parts.people_pages.join(link, language_of(request), error, name=name[:NAME_CHARS_MAX])
        return HTMLResponse(html, status_of(error))
    return _signed_in(request, made, "password", "/")


@router.post("/sign-out")
@open_to_all
def sign_out(request: Request) -> Response:
    """Ends the session on the server, whether or not the browser forgets its cookie; an authority's goes on to its provider.

    So does one that had ended by itself: the provider's may still stand.
    """
    parts = parts_of(request)
    token, last = parts.gate.token_of(request), parts.gate.last_of(request)
    known = parts.sign_in.resume(token) if token else None
    if token:
        parts.sign_in.close_session(token)
    came_by = known.proof if known is not None else BY_AUTHORITY if last.by_authority else ""
    response = leave_provider(request, came_by) or RedirectResponse("/sign-in", 303)
    parts.gate.clear_cookie(response)
    if last.by_authority:
        parts.gate.set_last(response, last.mark, by_authority=False)
    return response


def leave_provider(request: Request, proof: str) -> Response | None:
    """On to the provider that a session's way in (``proof``) led through, to sign out there too; None where it led through none.

    By a page of ours: browsers follow no form to another site that ``form-action`` does not name.
    """
    if not proof.startswith(BY_AUTHORITY):
        return None
    parts = parts_of(request)
    address = parts.people.authority.leave(f"{site_of(request).origin}/sign-in")
    if not address:
        return RedirectResponse(f"/sign-in?said={SAID_LEFT}", 303)
    return HTMLResponse(parts.people_pages.left(address, language_of(request)))


@router.api_route("/language", methods=READ)
@open_to_all
def language(request: Request, to: str = "", back: str = "") -> Response:
    """Keeps the choice for a year and goes back to where it was made."""
    response = RedirectResponse(local_path(back), 303)
    if to in LANGUAGES:
        secure = parts_of(request).public_origin.startswith("https://")
        response.set_cookie(
            LANGUAGE_COOKIE, to, max_age=LANGUAGE_COOKIE_S, path="/", samesite="lax", httponly=True, secure=secure
        )
    return response


def site_of(request: Request) -> Site:
    """This server as the browser that asks knows it; passkeys are bound to it."""
    origin = parts_of(request).public_origin or str(request.base_url).rstrip("/")
    return Site(origin, urlsplit(origin).hostname or "")


def device_of(request: Request) -> str:
    """What the browser says it is, for the list of devices."""
    told = request.headers.get("user-agent", "")
    return "".join(sign for sign in told if sign.isprintable())[:DEVICE_CHARS_MAX]


def open_session(request: Request, response: Response, name: str, proof: str) -> None:
    """A session under a fresh token, in place of the one that the browser brought; the browser is known from now on."""
    parts = parts_of(request)
    before = parts.gate.token_of(request)
    if before:
        parts.sign_in.close_session(before)
    token = parts.sign_in.open_session(name, proof=proof, source=source_of(request), device=device_of(request))
    parts.gate.set_cookie(response, token, parts.session_hours)
    known = parts.people.devices.remember(name, parts.gate.device_of(request))
    parts.gate.set_device(response, known)
    parts.gate.set_last(response, mark_of(name, known), by_authority=proof.startswith(BY_AUTHORITY))


def _signed_in(request: Request, name: str, proof: str, onward: str) -> Response:
    response = RedirectResponse(onward, 303)
    open_session(request, response, name, proof)
    return response


def _sign_in_page(request: Request, onward: str, *, name: str = "", error: str = "", said: str = "") -> str:
    parts, language = parts_of(request), language_of(request)
    label = parts.people.authority.label(language)
    return parts.pages.sign_in(language, onward, name=name, error=error, authority=label, said=said)


def local_path(text: str) -> str:
    """``text`` where it is a path on this server, else the home page: a link never leads elsewhere through us."""
    plain = text.isascii() and text.isprintable() and len(text) <= PATH_CHARS_MAX and "\\" not in text
    return text if plain and text.startswith("/") and not text.startswith("//") else "/"
