"""For sites that run a MediaMTX: its authentication hook, and the end of what it serves.

Invariants (I6): a read is let in by a spent ticket alone, as a view on record that the guard asks about like any other; its end is a
kick at MediaMTX's control API, repeated until it is done. A session that reads and is no view of ours is kicked. While the API does
not answer nobody is let in: what could not be ended is not begun. The hook is asked about everything (``authHTTPExclude`` is empty);
the API is opened to this process alone, by a word that it makes at its start.
Source: MediaMTX's own documentation: ``authMethod: http``; control API v3.
"""

import asyncio
import hmac
import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Annotated

import msgspec
import urllib3
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from urllib3.util import make_headers

from config.base.clock import US_PER_S
from config.base.decoding import decode_json
from config.base.errors import InvalidInput, NightlightError, Unavailable
from config.base.ids import is_slug
from config.base.logs import get_logger
from server.domain.lease import Refusal
from server.live.watching import Running, Watch
from server.services.live.marking import Marker
from server.services.live.pushes import PushDesk
from server.services.live.tickets import TICKET_CHARS, digest

BODY_BYTES_MAX = 8_192
API_USER = "nightlight"
KINDS = {"webrtc": "webrtcsessions", "rtsp": "rtspsessions"}
"""What may be read by, and where its sessions are listed and kicked. HLS, RTMP and SRT are refused."""
LOOK_EVERY_S, ANSWER_S = 0.5, 0.4
KNOWN_US_MAX = 2 * US_PER_S
KICK_AGAIN_S, KICK_TRIES, CLOSE_WITHIN_S = 0.1, 100, 1.0
SESSIONS_A_VIEW, PAGE_ITEMS, PAGES_MAX = 4, 500, 10
_SESSION = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
KICK_THREADS = 4
_Text = Annotated[str, msgspec.Meta(max_length=500)]

log = get_logger("mediamtx")


class Asked(msgspec.Struct):
    """The body of the hook's request, as MediaMTX sends it."""

    action: _Text
    path: _Text = ""
    protocol: _Text = ""
    user: _Text = ""
    password: _Text = ""
    token: _Text = ""
    ip: _Text = ""
    id: _Text | None = None


class _Session(msgspec.Struct):
    id: str
    state: str = ""


class _Page(msgspec.Struct):
    items: list[_Session] = msgspec.field(default_factory=list)
    page_count: int = msgspec.field(default=1, name="pageCount")


class ControlApi:
    """MediaMTX's control API; thread-safe."""

    def __init__(self, url: str, word: str) -> None:
        self._url = url.rstrip("/")
        self._pool = urllib3.PoolManager(
            headers=make_headers(basic_auth=f"{API_USER}:{word}"), timeout=ANSWER_S, retries=False, maxsize=KICK_THREADS
        )

    def reading(self, kind: str) -> set[str]:
        """The sessions of a kind that read. Raises Unavailable."""
        found: set[str] = set()
        for number in range(PAGES_MAX):
            body = self._ask("GET", f"/v3/{kind}/list?itemsPerPage={PAGE_ITEMS}&page={number}", HTTPStatus.OK)
            try:
                page = decode_json(body, _Page)
            except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
                raise Unavailable("MediaMTX's list of sessions is none", code="bad_answer") from error
            found |= {one.id for one in page.items if one.state == "read"}
            if number + 1 >= page.page_count:
                break
        return found

    def kick(self, kind: str, session_id: str) -> None:
        """Ends a session, or finds it gone. Raises Unavailable."""
        self._ask("POST", f"/v3/{kind}/kick/{session_id}", HTTPStatus.OK, HTTPStatus.NOT_FOUND)

    def _ask(self, method: str, path: str, *good: HTTPStatus) -> bytes:
        try:
            answer = self._pool.request(method, self._url + path)
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"MediaMTX's control API does not answer ({type(error).__name__})") from error
        if answer.status not in good:
            raise Unavailable(f"MediaMTX's control API answered {answer.status}")
        return answer.data


class MediaMtx:
    """Used by the event loop alone; the API is asked in threads of their own."""

    def __init__(self, api_url: str, watch: Watch, pushes: PushDesk, marker: Marker | None) -> None:
        """``api_url`` empty: there is none, and everybody is refused."""
        self._word = secrets.token_urlsafe(24)
        self._api = ControlApi(api_url, self._word) if api_url else None
        self._thread = ThreadPoolExecutor(KICK_THREADS, "mediamtx")
        self._watch = watch
        self._pushes = pushes
        self._marker = marker
        self._views: dict[str, tuple[Running, str, str]] = {}
        """By the digest of the ticket that began it: the view, the address, and where its sessions are kicked."""
        self._sessions: dict[str, str] = {}
        """Ticket digest by session that may read; empty while it is being asked about."""
        self._known_us = -KNOWN_US_MAX
        self._kicking: dict[str, asyncio.Task[None]] = {}

    async def hook(self, request: Request) -> Response:
        """204 for what may be, 401 for everything else; no reason is told to who asks."""
        try:
            asked = decode_json(await _body(request), Asked)
        except (InvalidInput, msgspec.MsgspecError, UnicodeError, RecursionError):
            return Response(status_code=HTTPStatus.UNAUTHORIZED)
        try:
            good = self._api is not None and await self._may(asked)
        except NightlightError as error:
            log.warning("relay_refused", code=error.code, action=asked.action, why=str(error))
            good = False
        return Response(status_code=HTTPStatus.NO_CONTENT if good else HTTPStatus.UNAUTHORIZED)

    async def look(self) -> None:
        """Compares what is read there with what may be, again and again."""
        api = self._api
        while api is not None:
            for kind in KINDS.values():
                try:
                    reading = await self._in_thread(api, kind)
                except NightlightError as error:
                    log.warning("mediamtx_unknown", why=str(error))
                    break
                self._compare(kind, reading)
            else:
                self._known_us = self._watch.now_us()
            await asyncio.sleep(LOOK_EVERY_S)

    async def close(self) -> None:
        """After the views were cut: waits a moment until they are kicked."""
        if self._kicking:
            await asyncio.wait(list(self._kicking.values()), timeout=CLOSE_WITHIN_S)
        self._thread.shutdown(wait=False)

    async def _in_thread(self, api: ControlApi, kind: str) -> set[str]:
        return await asyncio.get_running_loop().run_in_executor(self._thread, api.reading, kind)

    def _compare(self, kind: str, reading: set[str]) -> None:
        now_us = self._watch.now_us()
        for session_id in reading:
            known = self._sessions.get(session_id)
            if known is None:
                log.warning("foreign_reader", kind=kind)
                self._kick(kind, session_id)
            elif known in self._views:
                self._views[known][0].touched_us = now_us

    async def _may(self, asked: Asked) -> bool:
        if asked.action == "api":
            return asked.user == API_USER and hmac.compare_digest(asked.password.encode(), self._word.encode())
        if asked.action == "publish":
            return await self._may_publish(asked)
        return asked.action == "read" and await self._may_read(asked)

    async def _may_publish(self, asked: Asked) -> bool:
        if self._marker is None or not is_slug(asked.path):
            return False
        await self._watch.in_thread(lambda: self._pushes.line(asked.path))  # raises where no agent has the camera
        return hmac.compare_digest(asked.password.encode(), self._marker.publish_word(asked.path).encode())

    async def _may_read(self, asked: Asked) -> bool:
        kind, ticket = KINDS.get(asked.protocol), asked.token or asked.password
        if (
            kind is None
            or not _SESSION.fullmatch(asked.id or "")
            or asked.id is None
            or len(ticket) != TICKET_CHARS
            or not is_slug(asked.path)
        ):
            return False
        if self._watch.now_us() - self._known_us > KNOWN_US_MAX:
            raise Unavailable("MediaMTX's control API does not answer: a view could not be ended", code="no_kick")
        mine = digest(ticket)
        if self._sessions.get(asked.id, mine) != mine or asked.id in self._kicking:
            return False  # it reads by another's leave and is kicked with that one, or is asked about, or has ended
        if mine in self._views:  # RTSP asks for each of its steps
            running, *begun_by = self._views[mine]
            if running.ended or begun_by != [asked.ip, kind] or running.view.permit.camera_id != asked.path:
                return False
            if sum(one == mine for one in self._sessions.values()) >= SESSIONS_A_VIEW:
                return False
            self._sessions[asked.id] = mine
            return True
        self._sessions[asked.id] = ""
        try:
            found = await self._watch.begin_relayed(ticket, asked.path, asked.ip)
        finally:
            if self._sessions.get(asked.id) == "":
                del self._sessions[asked.id]
        if isinstance(found, Refusal):
            return False
        self._sessions[asked.id] = mine
        self._views[mine] = (found, asked.ip, kind)
        found.on_end = lambda: self._ended(mine, kind)
        if found.ended:
            self._ended(mine, kind)
            return False
        return True

    def _ended(self, mine: str, kind: str) -> None:
        if self._views.pop(mine, None) is None:
            return
        for session_id in [one for one, whose in self._sessions.items() if whose == mine]:
            del self._sessions[session_id]
            self._kick(kind, session_id)

    def _kick(self, kind: str, session_id: str) -> None:
        api = self._api
        if api is None or session_id in self._kicking or not _SESSION.fullmatch(session_id):
            return
        task = asyncio.get_running_loop().create_task(self._kick_until_done(api, kind, session_id))
        self._kicking[session_id] = task
        task.add_done_callback(lambda _task: self._kicking.pop(session_id, None))

    async def _kick_until_done(self, api: ControlApi, kind: str, session_id: str) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(KICK_TRIES):
            try:
                await loop.run_in_executor(self._thread, api.kick, kind, session_id)
            except NightlightError as error:
                log.error("not_kicked", why=str(error))  # noqa: TRY400 - it is tried again
                await asyncio.sleep(KICK_AGAIN_S)
            else:
                log.info("kicked", kind=kind)
                return


async def _body(request: Request) -> bytes:
    """Raises InvalidInput for one that is too long."""
    found = b""
    try:
        async for some in request.stream():
            found += some
            if len(found) > BODY_BYTES_MAX:
                raise InvalidInput("the hook's body is too long", code="oversized")
    except ClientDisconnect as error:
        raise InvalidInput("the hook's body did not come", code="bad_request") from error
    return found
