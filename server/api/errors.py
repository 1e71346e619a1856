"""The one mapping from Nightlight's errors to HTTP: problem+json for machines, a localised page for people.

Source: RFC 9457. ``code`` is stable; ``title`` is the localised name of the status; ``detail`` holds no secret.
"""

from http import HTTPStatus
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from config.base.errors import (
    Conflict,
    IntegrityViolation,
    InvalidInput,
    NightlightError,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unavailable,
)
from config.base.logs import get_logger
from server.api.gate import READ, SCREEN_ONLY, NotSignedIn, SecondStepMissing
from server.api.kept_forms import keep_form, remember
from server.api.parts import Parts
from server.api.tongue import language_of

RETRY_AFTER_S = 5
_RETRY_AFTER_S = {"too_many_attempts": 300}
"""By code, where it takes longer."""
MACHINE_PREFIXES = ("/api/", "/agent/", "/back-channel/", "/healthz")
_STATUS: tuple[tuple[type[NightlightError], HTTPStatus], ...] = (
    (NotSignedIn, HTTPStatus.UNAUTHORIZED),
    (PermissionDenied, HTTPStatus.FORBIDDEN),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
    (IntegrityViolation, HTTPStatus.UNPROCESSABLE_ENTITY),
    (ResourceExhausted, HTTPStatus.TOO_MANY_REQUESTS),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (InvalidInput, HTTPStatus.BAD_REQUEST),
)
_STATUS_OF_CODE = {
    "wrong_password": HTTPStatus.UNAUTHORIZED,
    "oversized": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "too_slow": HTTPStatus.REQUEST_TIMEOUT,
    "wrong_host": HTTPStatus.MISDIRECTED_REQUEST,
}
log = get_logger("api")


class Problem(msgspec.Struct):
    """RFC 9457's members, and ours: a stable ``code``."""

    type: str
    title: str
    status: int
    code: str
    detail: str


def status_of(error: NightlightError) -> HTTPStatus:
    """The HTTP status of an error; 500 for one that no caller can do anything about."""
    if error.code in _STATUS_OF_CODE:
        return _STATUS_OF_CODE[error.code]
    return next((status for kind, status in _STATUS if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)


def retry_after_s(code: str) -> int:
    """When it makes sense to try again."""
    return _RETRY_AFTER_S.get(code, RETRY_AFTER_S)


def respond(parts: Parts, request: Request, error: NightlightError) -> Response:
    """The answer to a request that ended in ``error``."""
    status = status_of(error)
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request_failed", path=request.url.path, code=error.code, detail=str(error))
    reader, route = getattr(request.state, "reader", None), request.scope.get("route")
    if reader is not None and route is not None and status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}:
        log.info("refused", role=reader.role, method=request.method, route=route.path, code=error.code)
    return answer(parts, request, status, error.code, _told(error, status))


def _told(error: NightlightError, status: HTTPStatus) -> str:
    """What a stranger may read: what a database or a store says of itself names hosts and accounts, and goes to the log."""
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        return "the server could not do this; its log says why"
    if status is HTTPStatus.SERVICE_UNAVAILABLE and error.code == Unavailable.code:
        log.warning("unavailable", why=str(error))
        return "something that this server needs does not answer: try again later"
    return str(error)


def answer(parts: Parts, request: Request, status: HTTPStatus, code: str, detail: str) -> Response:
    """A problem for machines and for scripts of our pages, a page or the way to sign in for people."""
    language = language_of(request)
    headers = {"Cache-Control": "no-store"}
    if status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}:
        headers["Retry-After"] = str(retry_after_s(code))
    if not wants_page(request):
        if status is HTTPStatus.UNAUTHORIZED and request.url.path.startswith("/api/"):
            headers["WWW-Authenticate"] = 'Basic realm="nightlight", charset="UTF-8"'
        title = parts.pages.status_title(status, language)
        problem = Problem(f"urn:nightlight:problem:{code}", title, int(status), code, detail)
        body = msgspec.json.encode(problem)
        return Response(body, status, headers | {"Content-Language": language}, "application/problem+json")
    if status is HTTPStatus.UNAUTHORIZED:
        kept = keep_form(request, parts.kept, parts.gate)
        onward = "?next=%2Fkept" if kept else _next(request)
        return _with_kept(parts, RedirectResponse("/sign-in" + onward, HTTPStatus.SEE_OTHER, headers), kept)
    if code == SecondStepMissing.code:
        return RedirectResponse("/me", HTTPStatus.SEE_OTHER, headers)
    if code == SCREEN_ONLY and request.url.path == "/":
        return RedirectResponse("/wall", HTTPStatus.SEE_OTHER, headers)
    kept = keep_form(request, parts.kept, parts.gate) if "Retry-After" in headers else ""
    reader = getattr(request.state, "reader", None)
    html = parts.pages.error(status, code, language, _here(request), reader=reader, kept=bool(kept))
    return _with_kept(parts, Response(html, status, headers, "text/html; charset=utf-8"), kept)


def _with_kept(parts: Parts, response: Response, kept: str) -> Response:
    if kept:
        remember(response, kept, secure=parts.public_origin.startswith("https://"))
    return response


def wants_page(request: Request) -> bool:
    """Whether a person looks at the answer; a ``fetch`` of our own script is not one."""
    if request.url.path.startswith(MACHINE_PREFIXES):
        return False
    return request.headers.get("sec-fetch-mode", "navigate") == "navigate"


def _here(request: Request) -> str:
    query = f"?{request.url.query}" if request.url.query else ""
    return request.url.path + query if request.method in READ else "/"


def _next(request: Request) -> str:
    here = _here(request)
    if here == "/":
        return ""
    return f"?next={quote(here, safe='')}"
