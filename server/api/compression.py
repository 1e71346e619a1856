"""Answers by gzip: pages, style, script and data that a browser asks for by GET, whole and of text.

What a form answers is never compressed, nor is anything streamed. BREACH reads a secret out of a length where one body holds
it beside words of an attacker's choice, asked for in a victim's name: our cookie is ``SameSite=Strict``, so a foreign page
asks in nobody's name; no page holds a token against forgery; one-time codes and secrets stand in answers to POST alone.
Source: RFC 9110 8.4 and 12.5.3; Gluck, Harris and Prado, BREACH (2013).
"""

import gzip
from collections.abc import Iterable

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LEAST_BYTES = 860
"""Below this an answer is one packet either way."""
LEVEL = 5
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

        async def send_smaller(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start" and _suits(Headers(raw=message["headers"])):
                begun = message
                return
            if begun is None:
                await send(message)
                return
            start, begun = begun, None
            headers, body = MutableHeaders(scope=start), message.get("body", b"")
            headers.add_vary_header("Accept-Encoding")
            if wanted and not message.get("more_body", False) and len(body) >= LEAST_BYTES:
                body = await run_in_threadpool(gzip.compress, body, LEVEL, mtime=0)
                headers["Content-Encoding"] = "gzip"
                headers["Content-Length"] = str(len(body))
                message = {**message, "body": body}
            await send(start)
            await send(message)

        await self._app(scope, receive, send_smaller)


def takes_gzip(accepted: Iterable[str]) -> bool:
    """Whether an Accept-Encoding names gzip and does not refuse it."""
    for part in ",".join(accepted).split(","):
        name, _, parameters = part.strip().lower().partition(";")
        if name.strip() == "gzip":
            return parameters.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def _suits(headers: Headers) -> bool:
    return "content-encoding" not in headers and headers.get("content-type", "").partition(";")[0] in TYPES
