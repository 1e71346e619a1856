"""The thread of one stream of a camera: connect, read, and connect again for ever with a bounded wait.

Invariant: whatever goes wrong with this stream stays with it; the camera's condition says what, and its log line what
to do. A stream that nobody records is connected only while somebody subscribes to it, and says nothing of the camera.
"""

import threading

from config.base.backoff import Backoff
from config.base.clock import US_PER_S
from config.base.logs import get_logger
from config.settings.edge import CameraSettings, RecordingSettings
from edge_agent.cameras.faults import CameraFault
from edge_agent.cameras.feed import Feed
from edge_agent.cameras.figures import Meter
from edge_agent.cameras.report import CameraReport
from edge_agent.cameras.source import PacketSource, open_source
from edge_agent.cameras.watchdog import Progress
from edge_agent.lifecycle import Worker
from edge_agent.recording.recorder import Recorder, RecordingClock, SessionEnd

STEADY_US = 10 * US_PER_S
"""A session that lasted so long was a good one: the next try comes soon."""
WANTED_WITHIN_S = 0.5

log = get_logger("cameras")


class StreamWorker(Worker):
    """Start it once; ``close`` ends its recording even where its reader is stuck."""

    def __init__(
        self,
        camera: CameraSettings,
        password: str,
        settings: RecordingSettings,
        clock: RecordingClock,
        feed: Feed,
        meter: Meter,
        recording: tuple[Recorder, CameraReport] | None,
    ) -> None:
        """``recording``: where this stream is the one that is recorded."""
        super().__init__(f"camera-{camera.id}-{feed.stream}")
        self._camera = camera
        self._password = password
        self._settings = settings
        self._clock = clock
        self._feed = feed
        self._meter = meter
        self._recorder: Recorder | None = recording[0] if recording else None
        self._report: CameraReport | None = recording[1] if recording else None
        self._backoff = Backoff(settings.reconnect_first_s, settings.reconnect_limit_s)
        self._state = threading.Lock()
        self._progress = Progress("idle", 0)
        self._session = 0
        self._source: PacketSource | None = None

    def stop(self) -> None:
        super().stop()
        source = self._source
        if source is not None:
            source.interrupt()

    def run(self) -> None:
        while not self.stopping.is_set():
            if self._recorder is None and not self._feed.wanted.wait(WANTED_WITHIN_S):
                continue
            began_us = self._clock.monotonic_us()
            try:
                self._read()
                if self._recorder is None:  # nobody wants it any more: no fault
                    self._backoff.reset()
                    continue
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

    def end_recording(self) -> SessionEnd:
        """After ``close``: ends the recording in any case. Raises CameraFault where the disk hangs."""
        with self._state:
            return self._recorder.end_session(self._session) if self._recorder is not None else SessionEnd()

    def _read(self) -> None:
        """One session, from connecting to its end. Raises CameraFault."""
        with self._state:
            if self._report is not None:
                self._report.set_floor(self._clock.timeline.utc_us(self._clock.monotonic_us()))
            self._progress = opening = Progress("opening", self._clock.monotonic_us())
            self._session = 0
        try:
            source = open_source(self._camera, self._feed.stream, self._password, self._settings)
        except CameraFault as fault:
            with self._state:
                if self._progress is opening:
                    self._progress = Progress("idle", 0)
                    self._end(0, fault)
            raise
        try:
            self._source = source
            self._take_all(source)
        finally:
            self._source = None
            self._meter.reachable = False
            self._feed.pause()
            with self._state:
                self._progress = Progress("idle", 0)
                if not self.stopping.is_set():  # else ``end_recording`` is called
                    self._end(
                        self._session, CameraFault("stalled", "the recording was interrupted by a fault of the agent")
                    )
            source.close()

    def _take_all(self, source: PacketSource) -> None:
        recorder, feed, meter, monotonic_us = self._recorder, self._feed, self._meter, self._clock.monotonic_us
        with self._state:
            session = self._session = recorder.begin_session(source.format) if recorder is not None else 0
            self._progress = Progress("reading", monotonic_us())
            feed.begin(source.format)
            meter.reachable = True
        hurried = feed.hurries
        try:
            for packet in source.packets():
                arrival_us = monotonic_us()
                self._progress = Progress("reading", arrival_us)
                meter.frames += 1
                meter.bytes += packet.size
                meter.last_packet_us = arrival_us
                if recorder is None and not feed.has_subscribers:
                    return
                if feed.listens:
                    feed.publish(packet, arrival_us)
                if packet.is_keyframe:
                    source.note(meter, packet, self._clock.timeline.utc_us(arrival_us))
                if packet.is_keyframe or feed.hurries is not hurried:
                    hurried = feed.hurries
                    source.be_prompt(prompt=hurried)
                if self.stopping.is_set() or not (recorder is None or recorder.take(session, packet, arrival_us)):
                    return
        except CameraFault as fault:
            with self._state:
                self._progress = Progress("idle", 0)
                if not self.stopping.is_set():
                    self._end(session, fault)
            raise

    def _end(self, session: int, fault: CameraFault) -> None:
        """Ends the session's recording and says why, once: whoever comes second finds it ended."""
        if self._recorder is None or self._report is None:
            return
        if session and not self._recorder.runs(session):
            return
        end = self._recorder.end_session(session) if session else SessionEnd()
        if not self.stopping.is_set() and not end.told:
            self._report.set(fault.condition, str(fault), end.at)
        self._report.set_floor(None)
