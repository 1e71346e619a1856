"""The heartbeat: what is so now; sent at intervals, and at once when something changes.

Invariant: a change waits at most ``AT_MOST_EVERY_S``, and no flood of changes sends more than five a second.
"""

import threading
from collections.abc import Callable

from config.base.errors import NightlightError
from config.base.logs import get_logger
from edge_agent.lifecycle import Worker
from edge_agent.reporting.closing import ClosingHeartbeats, Delivery
from edge_agent.reporting.composing import Sources, compose
from edge_agent.reporting.link import MqttLink

AT_MOST_EVERY_S = 0.2
AGAIN_S = 5.0
"""After so long one is sent again that nobody took: the server must hear of a living agent within its 45 s."""
EXPIRES_S = 30

log = get_logger("heartbeat")


class HeartbeatSender(Worker):
    """Never queues: without a connection there is no heartbeat, and that is what the server should see."""

    def __init__(
        self,
        sources: Sources,
        link: MqttLink,
        closing: ClosingHeartbeats,
        every_s: int,
        before: Callable[[], None],
    ) -> None:
        """``before`` runs ahead of each beat: it stores what could not be stored earlier."""
        super().__init__("heartbeat")
        self._sources = sources
        self._link = link
        self._closing = closing
        self._every_s = every_s
        self._before = before
        self._now = threading.Event()

    def beat(self) -> None:
        """Asks for a heartbeat at once."""
        self._now.set()

    def stop(self) -> None:
        super().stop()
        self._now.set()

    def run(self) -> None:
        while not self.stopping.is_set():
            self.pulse()
            self._now.clear()
            accepted = self.send()
            if not self.stopping.wait(AT_MOST_EVERY_S):
                self._wait(accepted)

    def _wait(self, accepted: Delivery | None) -> None:
        """Until the next is due: when it is asked for, at the latest after the interval, sooner where none arrived."""
        left_s = self._every_s - AT_MOST_EVERY_S
        if left_s > AGAIN_S:
            if self._now.wait(AGAIN_S):
                return
            if accepted is None or accepted() is False:
                return
            left_s -= AGAIN_S
        self._now.wait(left_s)

    def close_timeline(self) -> None:
        """Has the last word on the timeline that just turned out wrong, durably. Raises NightlightError."""
        last = compose(self._sources)
        self._closing.keep(last.timeline_id, self._sources.sealer.seal(last))
        self._link.publish_closing()

    def send(self) -> Delivery | None:
        """Sends one now, in the caller's thread; None where it was not handed over."""
        try:
            self._before()
            if self._closing.look():
                self._link.publish_closing()
            if self._link.connected:
                sealed = self._sources.sealer.seal(compose(self._sources))
                return self._link.deliver("heartbeat", sealed, expires_s=EXPIRES_S)
        except NightlightError as error:
            log.exception("heartbeat_not_sent", why=str(error))
        return None
