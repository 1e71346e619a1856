"""What every request passes before any route sees it, and what every answer carries.

Bodies are read whole, bounded in size and time (I10); files come piece by piece, and nothing of them is taken before the gate has let
their sender in. A request that changes something must come from our own pages.
Where ``public_origin`` is set, pages answer to that host alone, so that no foreign name can be bound to them. Agents,
health checks and an authority's provider are left out of both: they carry no cookie, and may reach the server under another address.
Source: OWASP CSRF Prevention (Fetch Metadata, Origin), W3C CSP 3.
"""

import asyncio
import re
from contextlib import suppress
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config.base.errors import InvalidInput, NightlightError, PermissionDenied
from config.evidence.leaves import LEAF_BYTES
from config.wire.envelope import ENVELOPE_BYTES_MAX
from server.api.errors import respond
from server.api.kept_forms import BODY
from server.api.parts import Parts
from server.probe.pictures import SENT_BYTES_MAX
from server.services.people.site_documents import DOCUMENT_BYTES_MAX

BODY_BYTES_MAX = ENVELOPE_BYTES_MAX
BODY_BYTES_MAX_AT = {"/agent/v1/cell-answers": ENVELOPE_BYTES_MAX + 1 + LEAF_BYTES}
"""An answer to a challenge carries a leaf of a recording behind its envelope."""
REGISTER_FILE_BYTES_MAX = 2 * 1024 * 1024
CLIP_BYTES_MAX = 128 * 1024 * 1024
FORM_BYTES = 64 * 1024
"""What a form has besides its file."""
BODY_WAIT_S = 10.0
_SITE = r"/sites/[^/]{1,64}"
FILES = (
    # A file of the registers, or one that the page carries as text to its confirmation.
    (re.compile(rf"(/api/v1)?{_SITE}/registers(/check)?"), 3 * 1024 * 1024, 60.0),
    # A picture of a floor, or of what a camera sees.
    (re.compile(rf"{_SITE}/(plan|cameras/[^/]{{1,64}}/picture)"), SENT_BYTES_MAX + FORM_BYTES, 60.0),
    (re.compile(rf"{_SITE}/documents"), DOCUMENT_BYTES_MAX + FORM_BYTES, 60.0),
    # A clip whose view is asked for; its route takes few at once.
    (re.compile(rf"{_SITE}/looks/clip"), CLIP_BYTES_MAX + FORM_BYTES, 180.0),
)
"""Where files are sent to, how many bytes a body has there at most, and how long it may take."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
NO_COOKIE_PREFIXES = ("/agent/", "/back-channel/", "/healthz")
POLICY = "Content-Security-Policy"
"""The one header that a route may set for itself: a page that brings its own script is let load nothing else."""
HEADERS = {
    POLICY: (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class Gone(Exception):
    """The client went away before its request was complete."""


class Shield:
    """Wraps the whole application, its error pages included."""

    def __init__(self, app: ASGIApp, parts: Parts) -> None:
        self._app = app
        self._parts = parts
        self._host = urlsplit(parts.public_origin).netloc.lower()
        self._tls = parts.public_origin.startswith("https://")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        file: _FileBody | None = None

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                if file is not None:
                    await file.drain()
                self._complete(MutableHeaders(scope=message))
            await send(message)

        request = Request(scope)
        path = request.url.path
        try:
            self._check_host(request)
            self._check_origin(request)
            bounds = next(((most, wait_s) for one, most, wait_s in FILES if one.fullmatch(path)), None)
            if request.method == "POST" and bounds is not None:
                receive = file = _FileBody(receive, *bounds)
            else:
                most = BODY_BYTES_MAX_AT.get(path, BODY_BYTES_MAX)
                body = scope[BODY] = await _read_body(request, receive, most)
                receive = _replay(body, receive)
        except NightlightError as error:
            await respond(self._parts, request, error)(scope, receive, send_guarded)
            return
        except Gone:
            return
        await self._app(scope, receive, send_guarded)

    def _check_host(self, request: Request) -> None:
        if not self._host or request.url.path.startswith(NO_COOKIE_PREFIXES):
            return
        if request.headers.get("host", "").lower() != self._host:
            raise InvalidInput("this server does not answer to that name", code="wrong_host")

    def _check_origin(self, request: Request) -> None:
        if request.method in SAFE_METHODS or request.url.path.startswith(NO_COOKIE_PREFIXES):
            return
        site = request.headers.get("sec-fetch-site")
        if site is not None and site not in {"same-origin", "none"}:
            raise PermissionDenied("the request came from another site", code="foreign_origin")
        origin = urlsplit(request.headers.get("origin", "")).netloc.lower()
        expected = self._host or request.headers.get("host", "").lower()
        if site is None and origin != expected:
            raise PermissionDenied("the request does not say that it came from this site", code="foreign_origin")

    def _complete(self, headers: MutableHeaders) -> None:
        own = headers.get(POLICY)
        for name, value in HEADERS.items():
            headers[name] = value
        if own is not None:
            headers[POLICY] = own
        if self._tls:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        headers.setdefault("Cache-Control", "no-store")


async def _read_body(request: Request, receive: Receive, most: int) -> bytes:
    length = request.headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length[:12]) > most:
        raise InvalidInput(f"a request body has at most {most} bytes", code="oversized")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WAIT_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Gone
                body += message.get("body", b"")
                if len(body) > most:
                    raise InvalidInput(f"a request body has at most {most} bytes", code="oversized")
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError as error:
        raise InvalidInput("the request body did not arrive in time", code="too_slow") from error


class _FileBody:
    """A body as it comes, for a route to take once it knows whose it is.

    Calling it raises InvalidInput for what is too long, once all of it has come, or too slow.
    """

    def __init__(self, receive: Receive, most: int, wait_s: float) -> None:
        self._receive = receive
        self._most = most
        self._until_s = asyncio.get_running_loop().time() + wait_s
        self._taken = 0
        self._over = False

    async def __call__(self) -> Message:
        try:
            async with asyncio.timeout_at(self._until_s):
                while True:
                    message = await self._receive()
                    self._taken += len(message.get("body", b""))
                    self._over = message["type"] == "http.disconnect" or not message.get("more_body", False)
                    if self._taken <= self._most or message["type"] == "http.disconnect":
                        return message
                    if self._over:
                        raise InvalidInput(f"what is sent here has at most {self._most} bytes", code="oversized")
        except TimeoutError as error:
            raise InvalidInput("what was sent did not arrive in time", code="too_slow") from error

    async def drain(self) -> None:
        """Throws away what nobody has taken, for a moment: a browser that still sends reads no answer."""
        self._until_s = min(self._until_s, asyncio.get_running_loop().time() + BODY_WAIT_S)
        with suppress(InvalidInput):
            while not self._over and self._taken <= self._most:
                await self()


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
