"""The views that run, and their end: asked four times a second whether each may go on.

Invariants (I6): a view begins after its permit and its place on the access record, in this order; what is not
known to be allowed for ``KNOWN_US_MAX`` is cut, whatever keeps the answer away; after a cut no byte of pictures is sent.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from config.base.clock import US_PER_S, Clock
from config.base.errors import NightlightError, PermissionDenied
from config.base.logs import get_logger
from config.base.roles import Role
from server.domain.lease import Permit, Reason, Refusal
from server.live.viewer import Viewer, abort
from server.services.live.standing import Answers, Standing
from server.services.live.tickets import Redeemed, TicketDesk
from server.services.live.views import OpenView, ViewDesk

ASK_EVERY_S = 0.25
LOOK_EVERY_S = 0.05
KNOWN_US_MAX = 800_000
"""Of the second that a revocation has: the rest is for the cut."""
HLS_IDLE_US = 8 * US_PER_S
VIEWS_MAX = 5_000
THREADS = 4
REPLACED, LEFT, STOPPING, LEASE_CHANGED = "replaced", "left", "stopping", "lease_changed"
BUSY_THERE = "busy"

Found = TypeVar("Found")
log = get_logger("live")


@dataclass(eq=False)
class Running:
    """One view while it runs."""

    view: OpenView
    known_us: int
    """When it was last known to be allowed; monotonic."""
    touched_us: int
    """When anything was asked for; monotonic. For HLS alone."""
    viewer: Viewer | None = None
    in_flight: set[asyncio.Transport] = field(default_factory=set)
    ended: str = ""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    on_end: Callable[[], None] = lambda: None
    sent_bytes: int = 0


class Watch:
    """Used by the event loop alone; the database is asked in threads."""

    def __init__(self, clock: Clock, standing: Standing, tickets: TicketDesk, book: ViewDesk) -> None:
        self._clock = clock
        self._standing = standing
        self.tickets = tickets
        self._book = book
        self._asking = ThreadPoolExecutor(1, "standing")
        self._work = ThreadPoolExecutor(THREADS, "views")
        self.running: dict[str, Running] = {}
        self.known_us = 0
        """When the database last answered; monotonic."""

    def now_us(self) -> int:
        """Monotonic."""
        return self._clock.monotonic_us()

    async def in_thread(self, work: Callable[[], Found]) -> Found:
        """Runs what waits for the database."""
        return await asyncio.get_running_loop().run_in_executor(self._work, work)

    async def begin(self, ticket: str, session_token: str, source: str) -> Running | Refusal:
        """A view for a ticket. Raises PermissionDenied (``bad_ticket``), Unavailable, NightlightError."""
        return await self._begin(lambda: self._open(self.tickets.redeem(ticket, session_token), source))

    async def begin_relayed(self, ticket: str, camera_id: str, source: str) -> Running | Refusal:
        """The same for a view that the site's own relay serves. Raises as ``begin``; PermissionDenied where the site marks."""

        def opened() -> OpenView | Refusal:
            found = self.tickets.redeem_relayed(ticket, source)
            if isinstance(found, Redeemed) and found.permit.camera_id != camera_id:
                raise PermissionDenied("the ticket is of another camera", code="bad_ticket")
            if isinstance(found, Redeemed) and self._book.marks(found.permit.site_id):
                raise PermissionDenied("the site marks its live view: a relay cannot", code="marked")
            return self._open(found, source)

        return await self._begin(opened)

    async def _begin(self, opened: Callable[[], OpenView | Refusal]) -> Running | Refusal:
        asked_us = self._clock.monotonic_us()
        if len(self.running) >= VIEWS_MAX:
            return Refusal(Reason.UNAVAILABLE)
        found = await self.in_thread(opened)
        if isinstance(found, Refusal):
            return found
        running = Running(found, known_us=asked_us, touched_us=asked_us)
        for other in list(self.running.values()):
            if found.permit.role == Role.GUARDIAN and other.view.permit.person == found.permit.person:
                self.cut(other, REPLACED)
        self.running[found.view_id] = running
        log.info("view_began", view=found.view_id, camera=found.permit.camera_id)
        return running

    def cut(self, running: Running, why: str, next_us: int | None = None) -> None:
        """Ends a view: not one byte more."""
        if running.ended:
            return
        running.ended = why
        if running.viewer is not None:
            running.viewer.cut(last_word(why, next_us))
            running.sent_bytes += running.viewer.sent_bytes
        for transport in list(running.in_flight):
            abort(transport)
        running.over.set()
        running.on_end()
        self.running.pop(running.view.view_id, None)
        log.info("view_ended", view=running.view.view_id, camera=running.view.permit.camera_id, why=why)
        self._work.submit(self._close, running.view, why, running.sent_bytes)

    async def guard(self) -> None:
        """Asks for all views, again and again."""
        loop = asyncio.get_running_loop()
        while True:
            views = list(self.running.values())
            asked_us = self._clock.monotonic_us()
            try:
                answers, replaced = await loop.run_in_executor(self._asking, self._ask, [one.view for one in views])
            except NightlightError as error:
                log.warning("standing_unknown", why=str(error), views=len(views))
            except Exception:  # the supervisor of what must not end: views of which nothing is known are cut
                log.exception("standing_failed")
            else:
                self._judge(views, answers, replaced, asked_us)
            await asyncio.sleep(ASK_EVERY_S)

    async def watchdog(self) -> None:
        """Cuts what is not known to be allowed."""
        while True:
            now_us = self._clock.monotonic_us()
            known_us, idle_us = now_us - KNOWN_US_MAX, now_us - HLS_IDLE_US
            views = self.running.values()
            unknown = [one for one in views if one.known_us < known_us]
            idle = [one for one in views if one.viewer is None and one.touched_us < idle_us]
            for one in unknown:
                self.cut(one, Reason.UNAVAILABLE)
            for one in idle:
                self.cut(one, LEFT)
            await asyncio.sleep(LOOK_EVERY_S)

    def close(self) -> None:
        """Cuts everything; waits until the book is closed."""
        for one in list(self.running.values()):
            self.cut(one, STOPPING)
        self._asking.submit(self._standing.close)
        self._asking.shutdown(wait=False)
        self._work.shutdown(wait=True)

    def _judge(
        self, views: Sequence[Running], answers: Sequence[Permit | Refusal], replaced: set[str], asked_us: int
    ) -> None:
        self.known_us = asked_us
        for one, answer in zip(views, answers, strict=True):
            if one.view.view_id in replaced:
                self.cut(one, REPLACED)
            elif isinstance(answer, Permit) and answer.lease_id == one.view.permit.lease_id:
                one.known_us = max(one.known_us, asked_us)
            elif isinstance(answer, Permit):
                self.cut(one, LEASE_CHANGED)  # leave by another lease is another view, on record as such
            elif answer.reason != Reason.UNAVAILABLE:
                self.cut(one, answer.reason, answer.next_us)

    def _ask(self, views: Sequence[OpenView]) -> Answers:
        return self._standing.ask(views)

    def _open(self, found: Redeemed | Refusal, source: str) -> OpenView | Refusal:
        if not isinstance(found, Redeemed):
            return found
        return self._book.open(found.permit, found.session_sha256, found.reason, source)

    def _close(self, view: OpenView, why: str, sent_bytes: int) -> None:
        try:
            self._book.close(view, why, sent_bytes)
        except NightlightError as error:  # its end is seen to be missing, and when it began stands
            log.error("view_not_closed", view=view.view_id, why=str(error))  # noqa: TRY400 - it says all there is


def last_word(why: str, next_us: int | None) -> bytes:
    """What a player is told of an end."""
    return json.dumps({"type": "ended", "reason": str(why), "next_us": next_us}).encode()
