"""What the running agent answers with: its own state, and what the server says when it is asked."""

from collections.abc import Callable
from dataclasses import dataclass

from config.wire.acceptance import AcceptanceRequest
from edge_agent.cameras.board import CameraBoard, CameraStatus
from edge_agent.centre import Centre
from edge_agent.control.messages import (
    Answer,
    AskServer,
    AskStatus,
    CameraNow,
    Done,
    PauseCamera,
    Question,
    Seen,
    Status,
)
from edge_agent.liveness.registry import Liveness
from edge_agent.messages import Sealer
from edge_agent.reporting.link import MqttLink
from edge_agent.spool.outbox import Outbox
from edge_agent.spool.segments import SegmentSpool
from edge_agent.timekeeping import AgentClock


@dataclass(frozen=True)
class ControlRoom:
    """Thread-safe, as everything is that it looks at."""

    sealer: Sealer
    clock: AgentClock
    board: CameraBoard
    link: MqttLink
    outbox: Outbox
    spool: SegmentSpool
    liveness: Liveness
    centre: Centre
    pause: Callable[[str, float], None]
    """Lets go of a camera for some seconds. Raises NotFound."""
    panels: Callable[[], int]
    software: str

    def answer(self, question: Question) -> Answer:
        """Raises NightlightError where it cannot be answered."""
        if isinstance(question, AskStatus):
            return self._status()
        if isinstance(question, AskServer):
            return self._ask_server(question)
        return self._pause(question)

    def _status(self) -> Status:
        backlog, (waiting, refused) = self.spool.backlog(), self.outbox.counts()
        reading = self.clock.reading
        return Status(
            site_id=self.sealer.site_id,
            agent_id=self.sealer.agent_id,
            software=self.software,
            now_us=self.clock.utc_us(),
            clock_offset_us=reading.offset_us if reading else None,
            clock_bound_us=reading.bound_us if reading else None,
            broker_connected=self.link.connected,
            waiting_segments=backlog.segments,
            waiting_bytes=backlog.size_bytes,
            outbox_messages=waiting,
            refused_messages=refused,
            panels=self.panels(),
            hanging=sorted(self.liveness.overdue()),
            cameras=[_camera(status) for status in self.board.snapshot()],
        )

    def _ask_server(self, question: AskServer) -> Seen:
        request = AcceptanceRequest(
            **self.sealer.who(),
            sent_us=self.clock.utc_us(),
            since_us=question.since_us,
            canary=question.canary,
        )
        return Seen(answer=self.centre.acceptance(self.sealer.seal(request)))

    def _pause(self, question: PauseCamera) -> Done:
        self.pause(question.camera_id, question.seconds)
        return Done()


def _camera(status: CameraStatus) -> CameraNow:
    return CameraNow(
        camera_id=status.camera_id,
        condition=status.condition,
        detail=status.detail,
        since_us=status.since_us,
        last_frame_us=status.last_frame_us,
        frames_per_second=status.frames_per_second,
        bits_per_second=status.bits_per_second,
    )
