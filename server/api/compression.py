"""Answers by gzip: pages, style, script and data that a browser asks for by GET, of text.

What a form answers is never compressed, nor is anything streamed but a page in parts, each of which is whole for whoever
reads it. BREACH reads a secret out of a length where one body holds
it beside words of an attacker's choice, asked for in a victim's name: our cookie is ``SameSite=Strict``, so a foreign page
asks in nobody's name; no page holds a token against forgery; one-time codes and secrets stand in answers to POST alone.
Source: RFC 9110 8.4 and 12.5.3; Gluck, Harris and Prado, BREACH (2013).
"""

import zlib
from collections.abc import Callable, Iterable

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LEAST_BYTES = 860
"""Below this an answer is one packet either way."""
LEVEL = 6
GZIP = 31
"""Window bits of zlib for a gzip frame; its time is zero, so that equal bodies are equal."""
METHODS = frozenset({"GET", "HEAD"})
"""HEAD says what GET would: routes answer it whole, and the server leaves the body out."""
TYPES = frozenset(
    {
        "text/html",
        "text/css",
        "text/javascript",
        "image/svg+xml",
        "application/json",
        "application/manifest+json",
    }
)


class Compression:
    """Wraps the routes; what it does not compress passes untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in METHODS:
            await self._app(scope, receive, send)
            return
        wanted = takes_gzip(Headers(scope=scope).getlist("accept-encoding"))
        begun: Message | None = None
        pack: Callable[[bytes, bool], bytes] | None = None

        async def send_smaller(message: Message) -> None:
            nonlocal begun, pack
            if message["type"] == "http.response.start" and _suits(Headers(raw=message["headers"])):
                begun = message
                return
            start, begun = begun, None
            body, more = message.get("body", b""), message.get("more_body", False)
            if start is not None and wanted and (more or len(body) >= LEAST_BYTES):
                pack = _packer()
            if pack is not None:
                body = await run_in_threadpool(pack, body, more)
                message = {**message, "body": body}
            if start is not None:
                _tell(MutableHeaders(scope=start), None if pack is None else -1 if more else len(body))
                await send(start)
            await send(message)

        await self._app(scope, receive, send_smaller)


def _packer() -> Callable[[bytes, bool], bytes]:
    """Takes a piece, and whether more follow; of what it gives back a browser can read all that was put in."""
    packer = zlib.compressobj(LEVEL, wbits=GZIP)
    return lambda body, more: packer.compress(body) + packer.flush(zlib.Z_SYNC_FLUSH if more else zlib.Z_FINISH)


def _tell(headers: MutableHeaders, packed_bytes: int | None) -> None:
    """``packed_bytes``: None where nothing is packed, negative where more is to come."""
    headers.add_vary_header("Accept-Encoding")
    if packed_bytes is None:
        return
    headers["Content-Encoding"] = "gzip"
    if packed_bytes >= 0:
        headers["Content-Length"] = str(packed_bytes)


def takes_gzip(accepted: Iterable[str]) -> bool:
    """Whether an Accept-Encoding names gzip and does not refuse it."""
    for part in ",".join(accepted).split(","):
        name, _, parameters = part.strip().lower().partition(";")
        if name.strip() == "gzip":
            return parameters.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def _suits(headers: Headers) -> bool:
    return "content-encoding" not in headers and headers.get("content-type", "").partition(";")[0] in TYPES
