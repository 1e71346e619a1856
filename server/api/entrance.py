"""Signing in and out, and the choice of language."""

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.base.errors import PermissionDenied, ResourceExhausted
from server.api.errors import RETRY_AFTER_S, status_of
from server.api.gate import NAME_CHARS_MAX, READ, open_to_all, source_of
from server.api.parts import parts_of
from server.api.tongue import LANGUAGE_COOKIE, language_of
from server.web.languages import LANGUAGES

FIELDS_MAX = 8
LANGUAGE_COOKIE_S = 31_536_000
PATH_CHARS_MAX = 400
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
    """The form; who is signed in already goes on."""
    parts = parts_of(request)
    onward = local_path(request.query_params.get("next", ""))
    token = parts.gate.token_of(request)
    if token and parts.sign_in.resume(token) is not None:
        return RedirectResponse(onward, 303)
    return HTMLResponse(parts.pages.sign_in(language_of(request), onward))


@router.post("/sign-in")
@open_to_all
def sign_in(request: Request, form: Form) -> Response:
    """Opens a session; a fresh token every time, so that none can be planted beforehand."""
    parts = parts_of(request)
    name = form.get("name", "").strip()[:NAME_CHARS_MAX]
    onward = local_path(form.get("next", ""))
    try:
        person = parts.gate.check_password(name, form.get("password", ""), source_of(request))
    except (PermissionDenied, ResourceExhausted) as error:
        status = status_of(error)
        html = parts.pages.sign_in(language_of(request), onward, name=name, error=error.code)
        headers = {"Retry-After": str(RETRY_AFTER_S)} if isinstance(error, ResourceExhausted) else None
        return HTMLResponse(html, status, headers)
    response = RedirectResponse(onward, 303)
    parts.gate.set_cookie(response, parts.sign_in.open_session(person.account_name), parts.session_hours)
    return response


@router.post("/sign-out")
@open_to_all
def sign_out(request: Request) -> Response:
    """Ends the session on the server, whether or not the browser forgets its cookie."""
    parts = parts_of(request)
    token = parts.gate.token_of(request)
    if token:
        parts.sign_in.close_session(token)
    response = RedirectResponse("/sign-in", 303)
    parts.gate.clear_cookie(response)
    return response


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


def local_path(text: str) -> str:
    """``text`` where it is a path on this server, else the home page: a link never leads elsewhere through us."""
    plain = text.isascii() and text.isprintable() and len(text) <= PATH_CHARS_MAX and "\\" not in text
    return text if plain and text.startswith("/") and not text.startswith("//") else "/"
