"""One camera inside a shard: a reader for each of its streams that is used, and the recorder on one of them.

Invariant: there is one connection for each stream, whoever wants its packets.
"""

from collections.abc import Callable
from typing import get_args

from config.base.logs import get_logger
from config.settings.edge import CameraSettings, RecordingSettings, StreamName
from edge_agent.cameras.faults import CameraFault
from edge_agent.cameras.feed import Feed
from edge_agent.cameras.figures import Meter
from edge_agent.cameras.report import CameraReport, Say
from edge_agent.cameras.worker import StreamWorker
from edge_agent.recording.recorder import Recorder, RecordingClock, Room, Segments
from edge_agent.timekeeping import Instant

log = get_logger("cameras")


class ShardCamera:
    """``start`` it once, then ``close`` it once."""

    def __init__(
        self,
        camera: CameraSettings,
        password: str,
        settings: RecordingSettings,
        clock: RecordingClock,
        segments: Segments,
        room: Room,
        say: Say,
    ) -> None:
        def now() -> Instant:
            return clock.timeline.instant(clock.monotonic_us())

        self.settings = camera
        self.report = CameraReport(camera.id, now, Meter(clock.monotonic_us()), say)
        self.feeds: dict[StreamName, Feed] = {}
        self._recorder = Recorder(self.report, clock, segments, room, settings)
        self.workers: list[StreamWorker] = []
        for stream in get_args(StreamName):
            if not camera.source_url(stream):
                continue
            feed = self.feeds[stream] = Feed(camera.id, stream)
            recorded = stream == camera.record
            meter = self.report.meter if recorded else Meter(clock.monotonic_us())
            recording = (self._recorder, self.report) if recorded else None
            self.workers.append(StreamWorker(camera, password, settings, clock, feed, meter, recording))

    def start(self) -> None:
        for worker in self.workers:
            worker.start()

    def stop(self) -> None:
        """Asks its readers to end; returns at once."""
        for worker in self.workers:
            worker.stop()

    def close(self, left_s: Callable[[], float], *, why: str = "", again: bool = False) -> bool:
        """Ends reader and recording even where the reader is stuck; False where a thread had to be left behind.

        ``again``: it will begin anew at once; ``why`` goes to the server.
        """
        self.stop()
        ended = [worker.close(left_s()) for worker in self.workers]
        for feed in self.feeds.values():
            feed.end()
        end: Instant | None = None
        for worker in self.workers:
            try:
                end = worker.end_recording().at or end
            except CameraFault as hung:
                log.exception("recording_cannot_be_ended", camera=self.settings.id, error=str(hung))
                return False
        self.report.set("starting" if again else "stopped", why, end)
        self.report.set_floor(None)
        return all(ended)
