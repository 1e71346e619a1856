"""Sign-in through an authority's own provider (OpenID Connect): there, and back.

The cookie that binds the answer to the browser is ``lax``, for the browser comes back from another site; the session's is
``strict``, so the way goes on by a page of ours and not by a redirect. That somebody signed out there, the provider says itself, without
a browser between.
"""

from urllib.parse import quote, unquote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.base.errors import InvalidInput, NotFound, PermissionDenied, Unavailable
from server.api.entrance import AUTHORITY, SECOND, Form, local_path, open_session, site_of
from server.api.errors import status_of
from server.api.gate import BOTH_STEPS, READ, open_to_all
from server.api.parts import parts_of
from server.api.tongue import language_of
from server.services.people.second_steps import HALF_US

BACK = "/sign-in/authority/back"
STATE_CHARS_MAX = 64
CODE_CHARS_MAX = 2_048
router = APIRouter()


@router.api_route("/sign-in/authority", methods=READ)
@open_to_all
def go(request: Request, next: str = "") -> Response:  # noqa: A002 - the parameter's name in the address
    """To the provider, with what only this browser knows."""
    parts, onward = parts_of(request), local_path(next)
    try:
        begun = parts.people.authority.begin(site_of(request).origin + BACK)
    except Unavailable as error:
        html = parts.pages.sign_in(language_of(request), onward, error=error.code, authority=_label(request))
        return HTMLResponse(html, status_of(error))
    response = RedirectResponse(begun.address, 303)
    secure = parts.public_origin.startswith("https://")
    response.set_cookie(
        _cookie(request), f"{begun.kept}|{quote(onward, safe='')}", max_age=HALF_US // 1_000_000, path="/",
        secure=secure, httponly=True, samesite="lax",
    )  # fmt: skip
    return response


@router.api_route(BACK, methods=["GET"])
@open_to_all
def back(request: Request, state: str = "", code: str = "", iss: str = "") -> Response:
    """What the provider sent back, taken once."""
    parts, language = parts_of(request), language_of(request)
    kept, _, path = request.cookies.get(_cookie(request), "").partition("|")
    onward = local_path(unquote(path))
    redirect = site_of(request).origin + BACK
    try:
        known = parts.people.authority.finish(
            kept[:STATE_CHARS_MAX], state[:STATE_CHARS_MAX], code[: CODE_CHARS_MAX + 1], redirect, iss
        )
    except (PermissionDenied, Unavailable, NotFound) as error:
        if isinstance(error, NotFound):
            raise
        html = parts.pages.sign_in(language, onward, error=error.code, authority=_label(request))
        return HTMLResponse(html, 401 if isinstance(error, PermissionDenied) else status_of(error))
    steps = parts.sign_in.second_steps(known.account_name)
    response: Response
    if steps and not known.both_steps:
        token = parts.people.steps.remember(SECOND, known.account_name, AUTHORITY)
        response = HTMLResponse(parts.people_pages.second(token, onward, steps, language))
    else:
        proof = BOTH_STEPS if known.both_steps else "authority"
        response = HTMLResponse(parts.people_pages.onward(onward, language))
        open_session(request, response, known.account_name, proof)
    secure = parts.public_origin.startswith("https://")  # a browser takes no __Host- cookie without, not even its end
    response.delete_cookie(_cookie(request), path="/", secure=secure, httponly=True, samesite="lax")
    return response


@router.post("/back-channel/sign-out")
@open_to_all
def signed_out_there(request: Request, form: Form) -> Response:
    """By the provider: its logout token is all that counts. 400 for one that does not hold, as its specification has it."""
    try:
        parts_of(request).people.authority.signed_out_there(form.get("logout_token", ""))
    except PermissionDenied as error:
        raise InvalidInput(str(error), code=error.code) from error
    return Response()


def _cookie(request: Request) -> str:
    return f"{parts_of(request).gate.cookie_name}-authority"


def _label(request: Request) -> str:
    return parts_of(request).people.authority.label(language_of(request))
