"""The thread of one camera: connect, read, and connect again for ever with a bounded wait.

Invariant: whatever goes wrong with this camera stays with it; its condition says what, and its log line what to do.
"""

import threading

from config.base.backoff import Backoff
from config.base.clock import US_PER_S
from config.base.logs import get_logger
from config.settings.edge import CameraSettings, RecordingSettings
from edge_agent.cameras.board import CameraBoard
from edge_agent.cameras.faults import CameraFault
from edge_agent.cameras.source import open_stream
from edge_agent.cameras.watchdog import Progress
from edge_agent.lifecycle import Worker
from edge_agent.recording.recorder import Recorder
from edge_agent.timekeeping import AgentClock

STEADY_US = 10 * US_PER_S
"""A session that lasted so long was a good one: the next try comes soon."""

log = get_logger("cameras")


class CameraWorker(Worker):
    """Start it once; ``close`` ends its recording even where its reader is stuck."""

    def __init__(
        self,
        camera: CameraSettings,
        password: str,
        settings: RecordingSettings,
        clock: AgentClock,
        board: CameraBoard,
        recorder: Recorder,
    ) -> None:
        super().__init__(f"camera-{camera.id}")
        self._camera = camera
        self._password = password
        self._settings = settings
        self._clock = clock
        self._board = board
        self._recorder = recorder
        self._backoff = Backoff(settings.reconnect_first_s, settings.reconnect_limit_s)
        self._state = threading.Lock()
        self._progress = Progress("idle", 0)
        self._session = 0

    def run(self) -> None:
        while not self.stopping.is_set():
            began_us = self._clock.monotonic_us()
            try:
                self._record()
            except CameraFault as fault:
                log.debug("session_ended", camera=self._camera.id, condition=fault.condition, why=str(fault))
            if self._clock.monotonic_us() - began_us > STEADY_US + self._settings.stall_s * US_PER_S:
                self._backoff.reset()
            self.stopping.wait(self._backoff.next_s())

    def progress(self) -> Progress:
        return self._progress

    def abandon(self, seen: Progress) -> None:
        """The watchdog's word: the reader is stuck. Its recording is ended here, and it finds out when it wakes."""
        with self._state:
            if self._progress is not seen:
                return
            self._progress = Progress("idle", seen.since_us)
            if seen.phase == "opening":
                limit_s = self._settings.connect_timeout_s
                fault = CameraFault("unreachable", f"the camera did not answer within {limit_s} s: check its address")
            else:
                fault = CameraFault(
                    "stalled", f"no frame for {self._settings.stall_s} s although the connection stands"
                )
            try:
                self._end(self._session, fault)
            except CameraFault as hung:
                log.exception("recording_cannot_be_ended", camera=self._camera.id, error=str(hung))

    def close(self, timeout_s: float) -> bool:
        """Stops, waits for the reader, and ends the recording in any case."""
        ended = super().close(timeout_s)
        with self._state:
            try:
                end = self._recorder.end_session(self._session)
            except CameraFault as hung:
                log.exception("recording_cannot_be_ended", camera=self._camera.id, error=str(hung))
                return False
            self._board.set(self._camera.id, "stopped", "", end)
        return ended

    def _record(self) -> None:
        """One session, from connecting to its end. Raises CameraFault."""
        with self._state:
            self._board.set_floor(self._camera.id, self._clock.utc_us())
            self._progress = opening = Progress("opening", self._clock.monotonic_us())
            self._session = 0
        try:
            stream = open_stream(self._camera, self._password, self._settings)
        except CameraFault as fault:
            with self._state:
                if self._progress is opening:
                    self._progress = Progress("idle", 0)
                    self._end(0, fault)
            raise
        try:
            with self._state:
                session = self._session = self._recorder.begin_session(stream.format)
                self._progress = Progress("reading", self._clock.monotonic_us())
            for packet in stream.packets():
                arrival_us = self._clock.monotonic_us()
                self._progress = Progress("reading", arrival_us)
                if self.stopping.is_set() or not self._recorder.take(session, packet, arrival_us):
                    return
        except CameraFault as fault:
            with self._state:
                self._progress = Progress("idle", 0)
                self._end(session, fault)
            raise
        finally:
            with self._state:
                self._progress = Progress("idle", 0)
                if not self.stopping.is_set():  # else ``close`` ends it
                    self._end(session, CameraFault("stalled", "the recording was interrupted by a fault of the agent"))
            stream.close()

    def _end(self, session: int, fault: CameraFault) -> None:
        """Ends the session's recording and says why, once: whoever comes second finds it ended."""
        if session and not self._recorder.runs(session):
            return
        end = self._recorder.end_session(session) if session else None
        self._board.set_floor(self._camera.id, None)
        if not self.stopping.is_set():
            self._board.set(self._camera.id, fault.condition, str(fault), end)
