"""Carries the outbox to the server: in order, within a window, and again until each message is answered.

Invariant: this thread deletes nothing; only the server's answers do (see ``inbox``).
"""

import threading

from config.base.clock import US_PER_S, Clock
from config.base.logs import get_logger
from edge_agent.lifecycle import Worker
from edge_agent.reporting.express import EXPRESS_MAX, ExpressPlan
from edge_agent.reporting.link import MqttLink
from edge_agent.reporting.resending import QUESTIONS_MAX, SendPlan
from edge_agent.spool.outbox import LANES, Lane, Outbox, OutboxRow

IDLE_S = 0.5
SILENCE_TURNS = 4
NOT_REGISTERED = (
    "the server says nothing of camera {camera}. If it is not registered there yet:"
    " python -m server.admin camera add SITE {camera} --zone ZONE --agent AGENT --name NAME"
)

log = get_logger("outbox")


class OutboxPublisher(Worker):
    """``connected`` and ``answered`` may be called from any thread."""

    def __init__(self, outbox: Outbox, link: MqttLink, clock: Clock, resend_s: int) -> None:
        super().__init__("outbox")
        self._outbox = outbox
        self._link = link
        self._clock = clock
        self._lock = threading.Lock()
        heard_us: dict[str, int] = {}
        self._plans: dict[Lane, SendPlan] = {lane: SendPlan(resend_s * US_PER_S, heard_us=heard_us) for lane in LANES}
        self._express = ExpressPlan()
        self._number = 0
        """Of the connection that the plans speak of."""
        self._silent_since_us: int | None = None
        self._silence_us = SILENCE_TURNS * resend_s * US_PER_S

    def connected(self) -> None:
        """There is another connection: looks at it at once."""
        self._outbox.wake.set()

    def answered(self, message_id: str) -> None:
        with self._lock:
            if not self._express.answered(message_id):
                for plan in self._plans.values():
                    plan.answered(message_id, self._clock.monotonic_us())
            self._silent_since_us = None
        self._outbox.wake.set()

    def stop(self) -> None:
        super().stop()
        self._outbox.wake.set()

    def run(self) -> None:
        while not self.stopping.is_set():
            self.pulse()
            self._outbox.wake.wait(IDLE_S)
            self._outbox.wake.clear()
            if self._link.connected:
                self._round()

    def _round(self) -> None:
        """Sends what may go out now: alarms, then live state, then the backlog."""
        with self._lock:
            self._begin_again_on_a_new_connection()
            self._send_alarms()
            for lane in self._plans:
                self._send_lane(lane)
                self._ask_for_unheard(lane)
            self._watch_for_silence()

    def _begin_again_on_a_new_connection(self) -> None:
        """Here and nowhere else, lest the first word on a new connection be one from the middle of the outbox."""
        if self._link.number == self._number:
            return
        self._number = self._link.number
        for plan in self._plans.values():
            plan.connected(self._clock.monotonic_us())
        self._express.connected()
        self._silent_since_us = None

    def _send_lane(self, lane: Lane) -> None:
        """Repeats first as far as they may, then new messages in order."""
        plan = self._plans[lane]
        plan.turn(self._clock.monotonic_us())
        room = plan.repeats()
        repeats = self._outbox.between(plan.repeat_from, plan.repeat_to, room, plan.unheard, lane=lane) if room else []
        if not repeats:
            plan.repeats_done()
        if not all(self._send(plan, row, repeat=True) for row in repeats):
            return
        room = plan.room()
        fresh = self._outbox.between(plan.sent_to, None, room, plan.unheard, lane=lane) if room else []
        # Where one is not taken, those after it wait too: else it would come after them.
        all(self._send(plan, row, repeat=False) for row in fresh)

    def _send_alarms(self) -> None:
        now_us = self._clock.monotonic_us()
        for row in self._express.due(self._outbox.express(EXPRESS_MAX), now_us):
            if self._link.publish(row.name, row.body):
                self._express.sent(row.message_id, now_us)
                log.info("alarm_sent", message_id=row.message_id)

    def _ask_for_unheard(self, lane: Lane) -> None:
        plan, now_us = self._plans[lane], self._clock.monotonic_us()
        for camera_id in plan.to_ask(now_us):
            again = bool(plan.unheard[camera_id].asked)
            rows = self._outbox.oldest_of(camera_id, QUESTIONS_MAX, lane=lane)
            for row in rows:
                self._link.publish(row.name, row.body)
            plan.asked(camera_id, [row.message_id for row in rows], now_us)
            if rows and again and camera_id:
                log.warning("camera_unheard", camera=camera_id, advice=NOT_REGISTERED.format(camera=camera_id))

    def _send(self, plan: SendPlan, row: OutboxRow, *, repeat: bool) -> bool:
        """False where the connection does not take it now."""
        if self._link.number != self._number or not self._link.publish(row.name, row.body):
            return False
        plan.sent(row.message_id, row.position, self._clock.monotonic_us(), repeat=repeat, camera_id=row.camera_id)
        return True

    def _watch_for_silence(self) -> None:
        """A broker that refuses a subscription may not say so: the only sign is that no answer ever comes."""
        now_us = self._clock.monotonic_us()
        if not any(plan.window for plan in self._plans.values()):
            self._silent_since_us = None
        elif self._silent_since_us is None:
            self._silent_since_us = now_us
        elif now_us - self._silent_since_us > self._silence_us:
            self._silent_since_us = now_us
            log.warning(
                "server_silent",
                advice="messages go out and no answer comes: is server.ingest running, are the cameras registered"
                " there, and may this agent read its own topic at the broker?",
            )
