"""What every request passes before any route sees it, and what every answer carries.

Bodies are read whole, bounded in size and time (I10); a clip alone comes piece by piece. A request that changes something must come from our own pages.
Where ``public_origin`` is set, pages answer to that host alone, so that no foreign name can be bound to them. Agents and
health checks are left out of both: they carry no cookie, and may reach the server under another address.
Source: OWASP CSRF Prevention (Fetch Metadata, Origin), W3C CSP 3.
"""

import asyncio
import re
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config.base.errors import InvalidInput, NightlightError, PermissionDenied
from config.evidence.leaves import LEAF_BYTES
from config.wire.envelope import ENVELOPE_BYTES_MAX
from server.api.errors import respond
from server.api.gate import NotSignedIn
from server.api.kept_forms import BODY
from server.api.parts import Parts
from server.probe.pictures import SENT_BYTES_MAX
from server.services.people.site_documents import DOCUMENT_BYTES_MAX

BODY_BYTES_MAX = ENVELOPE_BYTES_MAX
BODY_BYTES_MAX_AT = {"/agent/v1/cell-answers": ENVELOPE_BYTES_MAX + 1 + LEAF_BYTES}
"""An answer to a challenge carries a leaf of a recording behind its envelope."""
REGISTER_FILE_BYTES_MAX = 2 * 1024 * 1024
REGISTER_BODY_BYTES_MAX = 3 * 1024 * 1024
"""A file of the registers, or one that the page carries as text to its confirmation."""
_REGISTERS = re.compile(r"/(api/v1/)?sites/[^/]{1,64}/registers(/check)?")
PICTURE_BODY_BYTES_MAX = SENT_BYTES_MAX + 64 * 1024
"""A picture of a floor, or of what a camera sees; taken from who is signed in alone."""
_PICTURES = re.compile(r"/sites/[^/]{1,64}/(plan|cameras/[^/]{1,64}/picture)")
DOCUMENT_BODY_BYTES_MAX = DOCUMENT_BYTES_MAX + 64 * 1024
_DOCUMENTS = re.compile(r"/sites/[^/]{1,64}/documents")
"""A document of a site; taken from who is signed in alone."""
CLIP_BYTES_MAX = 128 * 1024 * 1024
_CLIPS = re.compile(r"/sites/[^/]{1,64}/looks/clip")
"""A clip whose view is asked for: taken from who is signed in alone, and not into memory; its route takes one at a time."""
CLIP_WAIT_S = 180.0
BODY_WAIT_S = 10.0
REGISTER_WAIT_S = 60.0
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
NO_COOKIE_PREFIXES = ("/agent/", "/healthz")
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

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._complete(MutableHeaders(scope=message))
            await send(message)

        request = Request(scope)
        try:
            self._check_host(request)
            self._check_origin(request)
            if request.method == "POST" and _CLIPS.fullmatch(request.url.path):
                await self._check_known(request)
                receive = _bounded(receive, CLIP_BYTES_MAX + 64 * 1024)
            else:
                body = scope[BODY] = await _read_body(request, receive, await self._most(request))
                receive = _replay(body, receive)
        except NightlightError as error:
            await respond(self._parts, request, error)(scope, receive, send_guarded)
            return
        except Gone:
            return
        await self._app(scope, receive, send_guarded)

    async def _most(self, request: Request) -> int:
        """How many bytes the body may have. Raises NotSignedIn where only somebody known may send so many."""
        path = request.url.path
        if request.method == "POST" and _PICTURES.fullmatch(path):
            await self._check_known(request)
            return PICTURE_BODY_BYTES_MAX
        if request.method == "POST" and _DOCUMENTS.fullmatch(path):
            await self._check_known(request)
            return DOCUMENT_BODY_BYTES_MAX
        return REGISTER_BODY_BYTES_MAX if _is_register(path) else BODY_BYTES_MAX_AT.get(path, BODY_BYTES_MAX)

    async def _check_known(self, request: Request) -> None:
        token = self._parts.gate.token_of(request)
        if not token or await run_in_threadpool(self._parts.sign_in.resume, token) is None:
            raise NotSignedIn("sign in first")

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


def _is_register(path: str) -> bool:
    return _REGISTERS.fullmatch(path) is not None


async def _read_body(request: Request, receive: Receive, most: int) -> bytes:
    length = request.headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length[:12]) > most:
        raise InvalidInput(f"a request body has at most {most} bytes", code="oversized")
    body = bytearray()
    try:
        async with asyncio.timeout(REGISTER_WAIT_S if most >= REGISTER_BODY_BYTES_MAX else BODY_WAIT_S):
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


def _bounded(receive: Receive, most: int) -> Receive:
    """As it comes. Raises InvalidInput for what is too long, once all of it has come: a browser reads no answer before."""
    taken, until_s = 0, asyncio.get_running_loop().time() + CLIP_WAIT_S

    async def some() -> Message:
        nonlocal taken
        try:
            async with asyncio.timeout_at(until_s):
                while True:
                    message = await receive()
                    taken += len(message.get("body", b""))
                    if taken <= most or message["type"] == "http.disconnect":
                        return message
                    if not message.get("more_body", False):
                        raise InvalidInput(f"a clip has at most {most} bytes", code="oversized")
        except TimeoutError as error:
            raise InvalidInput("the clip did not arrive in time", code="too_slow") from error

    return some


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
