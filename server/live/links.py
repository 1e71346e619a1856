"""uvicorn's own connections, which hand their transport to the application.

Invariant: everything else about HTTP and WebSocket is uvicorn's; the transport is for writing shared frames and for cutting.
"""

import asyncio
from typing import Any, cast

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

TRANSPORT = "nightlight.transport"


def _handing(app: ASGIApp, transport: asyncio.Transport) -> ASGIApp:
    async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("extensions", {})[TRANSPORT] = transport
        await app(scope, receive, send)

    return with_transport


class HttpLink(H11Protocol):
    """An HTTP connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app = _handing(cast(ASGIApp, self.app), transport)


class WebSocketLink(WebSocketsSansIOProtocol):
    """A WebSocket."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.app = _handing(cast(ASGIApp, self.app), cast(asyncio.Transport, transport))


def transport_of(scope: Scope) -> asyncio.Transport:
    """The connection's transport."""
    extensions: dict[str, Any] = scope["extensions"]
    return cast(asyncio.Transport, extensions[TRANSPORT])
