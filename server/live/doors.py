"""The ways in: an agent's push, a viewer's WebSocket, and LL-HLS.

Invariants: nobody watches without a ticket in the first message or a body, spent there and then; every LL-HLS request is
judged by its session; nothing is cached; an address holds nothing that opens anything for another session.
"""

import asyncio
import json
import re
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from http import HTTPStatus

from starlette.datastructures import Address
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from config.base.errors import InvalidInput, NightlightError, PermissionDenied
from config.base.logs import get_logger
from config.wire.live import BUSY
from server.domain.lease import Reason, Refusal
from server.live.demand import Demand, Wanted
from server.live.links import transport_of
from server.live.viewer import Viewer, abort, unsent_bytes
from server.live.watching import BUSY_THERE, LEFT, Running, Watch, last_word
from server.services.live.pushes import PushDesk, PushLine
from server.services.live.tickets import TICKET_CHARS, digest

FIRST_WORD_S = 5.0
HELLO_BYTES_MAX = 4_096
SILENT_S = 10.0
"""A push that brings nothing for so long is over."""
PUSH_BYTES_MAX, PUSH_WINDOW_S = 60 * 2**20, 10.0
"""48 Mbit/s: what more a camera sends is not one."""
RELOAD_WITHIN_S = 3.0
SETTLE_S = 0.25
REFUSED, BAD_FIRST = 4403, 4400
NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
_FILE = re.compile(r"(index\.m3u8|init-(\d{1,9})\.mp4|seg-(\d{1,9})\.m4s|part-(\d{1,9})-(\d{1,4})\.m4s)")

log = get_logger("live")


class Doors:
    """Used by the event loop alone."""

    def __init__(self, watch: Watch, demand: Demand, pushes: PushDesk, cookie_name: str, origin: str) -> None:
        """``origin``: of the pages that may watch, ``https://watch.example.org``."""
        self._watch = watch
        self._demand = demand
        self._pushes = pushes
        self._cookie_name = cookie_name
        self._origin = origin
        self.pushing: dict[PushLine, Wanted] = {}

    async def push(self, link: WebSocket) -> None:
        """An agent's push, until it ends or nobody watches any more."""
        await link.accept()
        try:
            hello = await asyncio.wait_for(link.receive_bytes(), FIRST_WORD_S)
            if len(hello) > HELLO_BYTES_MAX:
                raise InvalidInput("a push begins with a live-push", code="oversized")
            found = await self._watch.in_thread(lambda: self._pushes.check(hello))
            line = PushLine(found.site_id, found.agent_id, found.camera_id)
            wanted = self._demand.claim(found.camera_id, found.push_token, line)
            if wanted is None:
                raise PermissionDenied("nobody asked for this push", code="bad_token")
        except (TimeoutError, WebSocketDisconnect, KeyError):
            await _close(link, BAD_FIRST)
            return
        except NightlightError as error:
            log.warning("push_refused", code=error.code, why=str(error))
            await _close(link, REFUSED)
            return
        await self._take(link, wanted, line)

    async def _take(self, link: WebSocket, wanted: Wanted, line: PushLine) -> None:
        transport, mine = transport_of(link.scope), object()
        wanted.end_push()  # the newest push of a camera is the one
        wanted.push, wanted.end_push = mine, lambda: abort(transport)
        self.pushing[line] = wanted
        log.info("push_began", camera=line.camera_id)
        loop = asyncio.get_running_loop()
        taken, since_s = 0, loop.time()
        try:
            while wanted.push is mine:
                message = await asyncio.wait_for(link.receive_bytes(), SILENT_S)
                taken += len(message)
                if loop.time() - since_s > PUSH_WINDOW_S:
                    taken, since_s = 0, loop.time()
                _check_rate(taken)
                if wanted.push is mine:
                    wanted.hub.take(message)
        except WebSocketDisconnect as error:
            if error.code == BUSY and wanted.push is mine:
                self._busy(line.camera_id)
        except (TimeoutError, KeyError, RuntimeError):
            pass  # it is over; the agent is asked again while somebody watches
        except InvalidInput as error:
            log.warning("push_refused", code=error.code, camera=line.camera_id, why=str(error))
        finally:
            if wanted.push is mine:
                wanted.push, wanted.end_push = None, _nothing
                wanted.hub.end()
                self.pushing.pop(line, None)
            abort(transport)
            log.info("push_ended", camera=line.camera_id)

    def _busy(self, camera_id: str) -> None:
        """The site's box makes as many cameras small as it may: who waits is told, and asks again by hand."""
        log.warning("push_refused", code="busy", camera=camera_id, advice="raise live.transcodes_max of the agent")
        for running in list(self._watch.running.values()):
            if running.view.permit.camera_id == camera_id:
                self._watch.cut(running, BUSY_THERE)

    async def view(self, link: WebSocket) -> None:
        """A viewer's WebSocket: the ticket first, then pictures."""
        if link.headers.get("origin") != self._origin:
            await link.close()  # refused before it stands: another site's page
            return
        await link.accept()
        try:
            first = json.loads(await asyncio.wait_for(link.receive_text(), FIRST_WORD_S))
            ticket = str(first["ticket"])[: TICKET_CHARS + 1]
        except (TimeoutError, WebSocketDisconnect, ValueError, KeyError, TypeError):
            await _close(link, BAD_FIRST)
            return
        found = await self._begin(ticket, link.cookies.get(self._cookie_name, ""), _source(link.client))
        if isinstance(found, bytes):
            with suppress(WebSocketDisconnect, RuntimeError):  # who has gone need not be told
                await link.send_text(found.decode())
            await _close(link, REFUSED)
            return
        await self._show(link, found)

    async def _show(self, link: WebSocket, running: Running) -> None:
        view, camera_id = running.view, running.view.permit.camera_id
        hub = self._demand.want(camera_id, marked=running.view.word is not None)
        viewer = running.viewer = Viewer(transport_of(link.scope), running.view.word)
        try:
            if not running.ended:
                told = {"type": "view", "code": view.code, "mark": view.permit.mark, "warm": hub.is_warm}
                await link.send_text(json.dumps(told))
                hub.join(viewer)
            reading = asyncio.ensure_future(_until_gone(link))
            over = asyncio.ensure_future(running.over.wait())
            await asyncio.wait({reading, over}, return_when=asyncio.FIRST_COMPLETED)
            over.cancel()
            if reading.cancel() is False:
                reading.exception()  # it is gone: there is nothing more to be said about that
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            hub.leave(viewer)
            self._demand.release(camera_id)
            self._watch.cut(running, LEFT)

    async def begin_hls(self, request: Request) -> Response:
        """A ticket in the body; the address of a playlist that is good for this session alone."""
        if request.headers.get("origin") != self._origin:
            return _answer(HTTPStatus.FORBIDDEN, {"reason": "foreign_origin"})
        ticket = await _ticket_in(request)
        token = request.cookies.get(self._cookie_name, "")
        found = await self._begin(ticket, token, _source(request.client))
        if isinstance(found, bytes):
            return self._open_to_page(_answer(HTTPStatus.FORBIDDEN, json.loads(found)))
        camera_id = found.view.permit.camera_id
        self._demand.want(camera_id, marked=found.view.word is not None)
        found.on_end = lambda: self._demand.release(camera_id)
        told = {"code": found.view.code, "mark": found.view.permit.mark}
        return self._open_to_page(_answer(HTTPStatus.OK, told | {"playlist": f"hls/{found.view.view_id}/index.m3u8"}))

    async def hls(self, request: Request) -> Response:
        """A playlist, an initialisation segment, a segment or a part of a running view."""
        running = self._running(request)
        named = _FILE.fullmatch(request.path_params["name"])
        if running is None or named is None:
            return _answer(HTTPStatus.NOT_FOUND, {"reason": "not_found"})
        transport = transport_of(request.scope)
        running.in_flight.add(transport)
        running.touched_us = self._watch.now_us()
        try:
            body, kind = await self._file(running, named, request)
        finally:
            running.in_flight.add(transport)  # an earlier request of this connection may have been settled meanwhile
            asyncio.get_running_loop().call_later(RELOAD_WITHIN_S, self._settle, running, transport)
        if running.ended:
            return _answer(HTTPStatus.FORBIDDEN, {"reason": running.ended})
        if body is None:
            return _answer(HTTPStatus.NOT_FOUND, {"reason": "not_found"})
        running.sent_bytes += len(body)
        return self._open_to_page(Response(body, media_type=kind, headers=NO_STORE))

    def _settle(self, running: Running, transport: asyncio.Transport) -> None:
        """A connection stays one that a cut ends until all that it was given has reached the player."""
        if running.ended or transport.is_closing() or unsent_bytes(transport) == 0:
            running.in_flight.discard(transport)
        else:
            asyncio.get_running_loop().call_later(SETTLE_S, self._settle, running, transport)

    async def _file(self, running: Running, named: re.Match[str], request: Request) -> tuple[bytes | None, str]:
        wanted = self._demand.cameras.get(running.view.permit.camera_id)
        if wanted is None:
            return None, ""
        parts, marked, word = wanted.hub.parts, wanted.hub.marked, running.view.word
        if (marked is None) != (word is None):
            return None, ""  # the site began or ceased to mark a moment ago
        _, epoch, segment, number, part = named.groups()
        if epoch is not None:
            return parts.initialisations.get(int(epoch)), "video/mp4"
        if segment is not None:
            chosen = marked.parts_for(word, int(segment), parts) if marked is not None else parts
            return (chosen.find(int(segment), None) if chosen is not None else None), "video/mp4"
        if number is not None:
            await self._wait(running, parts.wait_for(int(number), int(part), RELOAD_WITHIN_S))
            chosen = marked.parts_for(word, int(number), parts) if marked is not None else parts
            return (chosen.find(int(number), int(part)) if chosen is not None else None), "video/mp4"
        ahead = (request.query_params.get("_HLS_msn", ""), request.query_params.get("_HLS_part", "0"))
        if all(text.isascii() and text.isdigit() and len(text) < 10 for text in ahead):
            await self._wait(running, parts.wait_for(int(ahead[0]), int(ahead[1]), RELOAD_WITHIN_S))
        elif not parts.segments:
            await self._wait(running, parts.wait_for(0, 0, RELOAD_WITHIN_S))
        return parts.playlist().encode(), "application/vnd.apple.mpegurl"

    async def _wait(self, running: Running, news: Coroutine[None, None, None]) -> None:
        """For news of the stream, or the view's end."""
        coming = asyncio.ensure_future(news)
        over = asyncio.ensure_future(running.over.wait())
        await asyncio.wait({coming, over}, return_when=asyncio.FIRST_COMPLETED)
        for one in (coming, over):
            one.cancel()

    def _running(self, request: Request) -> Running | None:
        """The view that is named, where it is this session's; None otherwise, whatever the reason."""
        running = self._watch.running.get(request.path_params["view"])
        token = request.cookies.get(self._cookie_name, "")
        if running is None or running.viewer is not None or not token:
            return None
        return running if digest(token) == running.view.session_sha256 else None

    async def _begin(self, ticket: str, token: str, source: str) -> Running | bytes:
        """The view, or the last word on why there is none."""
        try:
            found = await self._watch.begin(ticket, token, source)
        except PermissionDenied as error:
            return last_word(error.code, None)
        except NightlightError as error:
            log.warning("view_not_begun", code=error.code, why=str(error))
            return last_word(Reason.UNAVAILABLE, None)
        return last_word(found.reason, found.next_us) if isinstance(found, Refusal) else found

    def _open_to_page(self, response: Response) -> Response:
        """Where pages come from another port: only ours may read it."""
        response.headers["Access-Control-Allow-Origin"] = self._origin
        response.headers["Access-Control-Allow-Credentials"] = "true"
        response.headers["Vary"] = "Origin"
        return response


def _check_rate(taken: int) -> None:
    if taken > PUSH_BYTES_MAX:
        raise InvalidInput("a push brings more than a camera sends", code="oversized")


async def _ticket_in(request: Request) -> str:
    """What the body begins with, and no more of it than a ticket has; empty where it does not come in time."""
    found = b""
    try:
        async with asyncio.timeout(FIRST_WORD_S):
            async for some in request.stream():
                found += some[: TICKET_CHARS + 1]
                if len(found) > TICKET_CHARS:
                    break
    except (TimeoutError, ClientDisconnect):
        return ""
    return found[: TICKET_CHARS + 1].decode("ascii", "replace")


async def _until_gone(link: WebSocket) -> None:
    """Reads what the viewer says, which is nothing, until it goes."""
    while True:
        await link.receive_text()


async def _close(link: WebSocket, code: int) -> None:
    try:
        await asyncio.wait_for(link.close(code), FIRST_WORD_S)
    except (TimeoutError, RuntimeError, WebSocketDisconnect):
        abort(transport_of(link.scope))


def _answer(status: HTTPStatus, told: Mapping[str, object]) -> Response:
    return JSONResponse(dict(told), status, headers=NO_STORE)


def _source(client: Address | None) -> str:
    """The address for the access record."""
    return client.host if client is not None else ""


def _nothing() -> None:
    """No push is there to be ended."""
