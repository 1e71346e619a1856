"""The heartbeat: what is so now; sent every few seconds and at once when a camera's condition changes.

Invariant: ``settled_until_us`` never promises more than the server has acknowledged: whatever may still become a claim
or a report holds it back.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from config.base.errors import NightlightError
from config.base.ids import fresh_id
from config.base.logs import get_logger
from config.wire.status import CameraHealth, Heartbeat, SpoolHealth
from edge_agent.cameras.board import CameraBoard, CameraStatus
from edge_agent.lifecycle import Worker
from edge_agent.messages import Sealer
from edge_agent.reporting.closing import ClosingHeartbeats
from edge_agent.reporting.link import MqttLink
from edge_agent.spool.disk import DiskGuard
from edge_agent.spool.outbox import Outbox
from edge_agent.spool.segments import SegmentSpool
from edge_agent.timekeeping import AgentClock

SOFTWARE = "nightlight-edge-agent/0.1.0"
AT_MOST_EVERY_S = 0.2
EXPIRES_S = 30

log = get_logger("heartbeat")


def settled_until_us(now_us: int, *held_back_us: int | None) -> int:
    """Everything before this instant is known to the server, as far as the agent knows it."""
    return max(0, min(at for at in (now_us, *held_back_us) if at is not None))


@dataclass(frozen=True)
class Sources:
    """Where a heartbeat reads from."""

    clock: AgentClock
    board: CameraBoard
    outbox: Outbox
    spool: SegmentSpool
    guard: DiskGuard
    sealer: Sealer


def compose(sources: Sources) -> Heartbeat:
    """The heartbeat of this instant.

    The order matters: now, then what is being received, then the segments that are being written or wait to be rescued,
    then the outbox. What is finished in between is then seen at least once, as open or as unacknowledged.
    """
    clock = sources.clock
    timeline, now_us = clock.timeline, clock.utc_us()
    statuses = sources.board.snapshot()
    unfinished = sources.spool.oldest_open()
    oldest = sources.outbox.oldest_unacknowledged()
    backlog, use = sources.spool.backlog(), sources.guard.use()
    waiting, refused = sources.outbox.counts()

    def health(status: CameraStatus) -> CameraHealth:
        return CameraHealth(
            camera_id=status.camera_id,
            condition=status.condition,
            since_us=status.since_us,
            settled_until_us=settled_until_us(
                now_us, status.floor_us, unfinished.get(status.camera_id), oldest.get(status.camera_id)
            ),
            last_frame_us=status.last_frame_us,
            frames_per_second=status.frames_per_second,
            bits_per_second=status.bits_per_second,
        )

    return Heartbeat(
        message_id=fresh_id(),
        site_id=sources.sealer.site_id,
        agent_id=sources.sealer.agent_id,
        timeline_id=timeline.timeline_id,
        timeline_started_us=timeline.started_us,
        sent_us=now_us,
        software=SOFTWARE,
        clock=clock.reading,
        system_clock_error_us=clock.system_clock_error_us(),
        spool=SpoolHealth(
            waiting_segments=backlog.segments,
            waiting_bytes=backlog.size_bytes,
            oldest_waiting_us=backlog.oldest_us,
            outbox_messages=waiting,
            refused_messages=refused,
            free_bytes=use.free_bytes,
        ),
        cameras=[health(status) for status in statuses],
    )


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
            self._now.clear()
            self.send()
            if not self.stopping.wait(AT_MOST_EVERY_S):
                self._now.wait(self._every_s - AT_MOST_EVERY_S)

    def close_timeline(self) -> None:
        """Has the last word on the timeline that just turned out wrong, durably. Raises NightlightError."""
        last = compose(self._sources)
        self._closing.keep(last.timeline_id, self._sources.sealer.seal(last))
        self._link.publish_closing()

    def send(self) -> None:
        """Sends one now, in the caller's thread."""
        try:
            self._before()
            if self._closing.look():
                self._link.publish_closing()
            if self._link.connected:
                self._link.publish("heartbeat", self._sources.sealer.seal(compose(self._sources)), expires_s=EXPIRES_S)
        except NightlightError as error:
            log.exception("heartbeat_not_sent", why=str(error))
