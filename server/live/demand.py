"""Which cameras are watched, and so pushed: one push a camera, however many watch.

Invariants: an agent is asked only while somebody watches, and ``LINGER_S`` longer so that coming back is instant; a token
opens one push of one camera and is forgotten after ``TOKEN_US``.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from config.base.clock import US_PER_S, Clock
from config.base.errors import NightlightError
from config.base.ids import fresh_id
from config.base.logs import get_logger
from config.wire.live import LiveWanted
from server.live.hub import Hub
from server.services.live.pushes import PushLine

RENEW_S = 3.0
AHEAD_US = 8 * US_PER_S
LINGER_S = 3.0
HURRY_S = 1.0
"""While nothing comes: how often the agent is asked again."""
TOKEN_US = 15 * US_PER_S
TOKENS_MAX = 4

log = get_logger("live")


@dataclass
class Wanted:
    """A camera that is watched."""

    hub: Hub
    watching: int = 0
    tokens: dict[str, int] = field(default_factory=dict)
    line: PushLine | None = None
    task: asyncio.Task[None] | None = None
    over_at_s: float | None = None
    push: object | None = None
    end_push: Callable[[], None] = lambda: None


class Demand:
    """Used by the event loop alone."""

    def __init__(
        self,
        clock: Clock,
        push_url: str,
        find_line: Callable[[str], Awaitable[PushLine]],
        say: Callable[[LiveWanted], bool],
        seed: Callable[[str], str] = lambda _camera_id: "",
    ) -> None:
        """``seed``: of a camera's pattern, where its site marks."""
        self._clock = clock
        self._push_url = push_url
        self._find_line = find_line
        self._say = say
        self._seed = seed
        self.cameras: dict[str, Wanted] = {}

    def want(self, camera_id: str, *, marked: bool = False) -> Hub:
        """One more watches; ``release`` it once. ``marked``: as the site has it since the newest view began."""
        wanted = self.cameras.get(camera_id)
        if wanted is None:
            wanted = self.cameras[camera_id] = Wanted(Hub(camera_id))
        if (wanted.hub.marked is not None) != marked:
            wanted.end_push()  # what was asked for is not what is wanted now
            wanted.hub.mark(wanted=marked)
        wanted.watching += 1
        wanted.over_at_s = None
        if wanted.task is None:
            wanted.task = asyncio.get_running_loop().create_task(self._ask(wanted))
        return wanted.hub

    def release(self, camera_id: str) -> None:
        """One fewer watches."""
        wanted = self.cameras[camera_id]
        wanted.watching -= 1
        if wanted.watching == 0:
            wanted.over_at_s = asyncio.get_running_loop().time() + LINGER_S

    def claim(self, camera_id: str, token: str, line: PushLine) -> Wanted | None:
        """The camera that a push with this token is for, once; None where none was asked for."""
        wanted = self.cameras.get(camera_id)
        if wanted is None or wanted.line != line:
            return None
        until_us = wanted.tokens.pop(token, 0)
        return wanted if until_us > self._clock.monotonic_us() else None

    def close(self) -> None:
        """Asks no agent any more."""
        for wanted in self.cameras.values():
            if wanted.task is not None:
                wanted.task.cancel()

    async def _ask(self, wanted: Wanted) -> None:
        """Asks the agent until nobody watches any more."""
        loop = asyncio.get_running_loop()
        while wanted.over_at_s is None or loop.time() < wanted.over_at_s:
            try:
                wanted.line = await self._find_line(wanted.hub.camera_id)
                if not self._say(self._message(wanted, wanted.line)):
                    log.warning("live_not_asked", camera=wanted.hub.camera_id, why="the broker is away")
            except NightlightError as error:
                log.warning("live_not_asked", camera=wanted.hub.camera_id, why=str(error))
            wait_s = RENEW_S if wanted.push is not None else HURRY_S
            if wanted.over_at_s is not None:
                wait_s = min(wait_s, max(0.05, wanted.over_at_s - loop.time()))
            await asyncio.sleep(wait_s)
        wanted.end_push()
        del self.cameras[wanted.hub.camera_id]

    def _message(self, wanted: Wanted, line: PushLine) -> LiveWanted:
        now_us = self._clock.monotonic_us()
        wanted.tokens = {token: until for token, until in wanted.tokens.items() if until > now_us}
        while len(wanted.tokens) >= TOKENS_MAX:
            wanted.tokens.pop(next(iter(wanted.tokens)))
        token = secrets.token_urlsafe(32)
        wanted.tokens[token] = now_us + TOKEN_US
        return LiveWanted(
            message_id=fresh_id(),
            site_id=line.site_id,
            agent_id=line.agent_id,
            camera_id=line.camera_id,
            until_us=self._clock.utc_us() + AHEAD_US,
            push_url=self._push_url,
            push_token=token,
            marking=self._seed(line.camera_id) if wanted.hub.marked is not None else "",
        )
