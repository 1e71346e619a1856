"""Tells an open page that its board has changed, by server-sent events.

The session is looked up at every tick, so that a stream ends with the session, and a change of reach shows at once.
Source: WHATWG HTML, 9.2 server-sent events.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse

from config.base.errors import NightlightError, NotFound, PermissionDenied, Unavailable
from config.base.logs import get_logger
from server.api.data import parse_day
from server.api.feed import Fragment
from server.api.gate import Person
from server.api.parts import Parts, parts_of
from server.api.tongue import language_of
from storage.database.scope import Scope

RETRY_MS = 2_000
HEARTBEAT_S = 15.0
ALARMS_EVERY_S = 0.25
"""An alarm does not wait for the next look at the whole board."""
STREAM_S_MAX = 3_600.0
"""A stream ends after an hour, and the browser opens the next one by itself."""
router = APIRouter()
Look = Callable[[Scope], Fragment]
"""Renders a page's fragment for a person."""
log = get_logger("api")


@router.get("/sites/{site}/events")
async def events(
    request: Request, person: Person, site: str, day: str = "", pictures: Annotated[str, Query(max_length=1)] = ""
) -> StreamingResponse:
    """``changed`` with the new digest, ``heartbeat`` where nothing changes, ``over`` when the session is."""
    parts = parts_of(request)
    wanted = parse_day(day)
    language = language_of(request)

    def look(who: Scope) -> Fragment:
        return parts.feed.fragment(who, site, wanted, language, pictures=bool(pictures))

    return await stream_of(request, person, site, look)


@router.get("/sites/{site}/setup/events")
async def setup_events(request: Request, person: Person, site: str) -> StreamingResponse:
    """The same for the page that leads through a site's set-up."""
    parts = parts_of(request)
    language = language_of(request)

    def look(who: Scope) -> Fragment:
        return parts.setup_feed.fragment(who, site, language)

    return await stream_of(request, person, site, look)


async def stream_of(request: Request, person: Scope, site: str, look: Look) -> StreamingResponse:
    """A stream of what ``look`` sees; raises what the first look raises, ResourceExhausted where all places are taken."""
    parts = parts_of(request)
    first = await run_in_threadpool(look, person)
    parts.streams.take(person.account_name)
    stream = _Stream(parts, request, site, look)
    return SlotResponse(stream.run(person, first), parts, person.account_name)


class SlotResponse(StreamingResponse):
    """Gives its place back however it ends, also where the client was gone before the first byte."""

    def __init__(self, content: AsyncIterator[bytes], parts: Parts, account_name: str) -> None:
        super().__init__(content, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
        self._parts = parts
        self._account_name = account_name

    async def __call__(self, scope: object, receive: object, send: object) -> None:
        try:
            await super().__call__(scope, receive, send)  # type: ignore[arg-type]
        finally:
            self._parts.streams.give_back(self._account_name)


class _Stream:
    def __init__(self, parts: Parts, request: Request, site: str, look: Look) -> None:
        self._parts = parts
        self._token = parts.gate.token_of(request)
        self._site = site
        self._fragment = look

    async def run(self, person: Scope, fragment: Fragment) -> AsyncIterator[bytes]:
        """The events of one connection."""
        begun = said = asyncio.get_running_loop().time()
        known = fragment
        yield b"retry: %d\n\n" % RETRY_MS + _event("changed", known.digest)
        while not await self._paused(person, known):
            now = asyncio.get_running_loop().time()
            if now - begun > STREAM_S_MAX:
                return
            try:
                latest = await run_in_threadpool(self._look, person)
            except (PermissionDenied, NotFound):
                yield _event("over", "")
                return
            except Unavailable as error:
                # Better no stream than one that looks alive and cannot see: the page then says so.
                log.warning("event_stream_ended", code=error.code, detail=str(error))
                return
            if latest.digest != known.digest:
                yield _event("changed", latest.digest)
                said = now
            elif now - said >= HEARTBEAT_S:
                yield _event("heartbeat", latest.digest)
                said = now
            known = latest

    def _look(self, person: Scope) -> Fragment:
        if self._parts.sign_in.resume(self._token) != person:
            raise PermissionDenied("the session is over", code="session_over")
        return self._fragment(person)

    async def _paused(self, person: Scope, known: Fragment) -> bool:
        """Waits until it is time to look again, at once where there is a new alarm; True where it is time to end."""
        left_s = self._parts.feed.pause_s(known)
        while left_s > 0:
            if await self._stopped(min(left_s, ALARMS_EVERY_S)):
                return True
            left_s -= ALARMS_EVERY_S
            if known.alarms is not None and await run_in_threadpool(self._has_new_alarm, person, known):
                return False
        return False

    def _has_new_alarm(self, person: Scope, known: Fragment) -> bool:
        try:
            return self._parts.feed.alarm_mark(person, self._site) != known.alarms
        except NightlightError:
            return True  # the look that follows says why

    async def _stopped(self, wait_s: float) -> bool:
        try:
            async with asyncio.timeout(wait_s):
                await self._parts.stopping.wait()
        except TimeoutError:
            return False
        return True


def _event(name: str, data: str) -> bytes:
    return f"event: {name}\ndata: {data}\n\n".encode()
