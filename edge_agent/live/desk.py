"""Takes the server's word that somebody watches a camera, and has its shard push it.

Invariants: only a signed word that is still good is obeyed, for a camera of this agent; nothing is kept; a wish of the
server reaches at most ``AHEAD_US_MAX`` ahead, so that a server that falls silent ends the push.
"""

from collections.abc import Callable

import msgspec

from config.base.clock import US_PER_S
from config.base.logs import get_logger
from config.wire.live import LivePush, LiveWanted
from edge_agent.live.wish import KIND, LiveWish
from edge_agent.messages import Sealer

AHEAD_US_MAX = 30 * US_PER_S

log = get_logger("live")


class LiveDesk:
    """``take`` is called by the inbox's thread; it does not wait."""

    def __init__(self, sealer: Sealer, utc_us: Callable[[], int], ask: Callable[[str, str, bytes], bool]) -> None:
        """``ask``: ``(kind, camera_id, body)`` to the companions beside a camera."""
        self._sealer = sealer
        self._utc_us = utc_us
        self._ask = ask

    def take(self, wanted: LiveWanted) -> None:
        """Obeys, or says in the log why not."""
        for_us = min(wanted.until_us - self._utc_us(), AHEAD_US_MAX)
        if for_us <= 0:
            log.warning("live_too_late", camera=wanted.camera_id, late_ms=-for_us // 1_000)
            return
        hello = self._sealer.seal(
            LivePush(
                **self._sealer.who(),
                camera_id=wanted.camera_id,
                push_token=wanted.push_token,
            )
        )
        body = msgspec.msgpack.encode(LiveWish(for_us, wanted.push_url, hello, wanted.marking))
        if not self._ask(KIND, wanted.camera_id, body):
            log.warning("live_not_here", camera=wanted.camera_id)
