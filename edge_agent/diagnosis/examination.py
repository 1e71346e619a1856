"""Whether somebody looks at the pictures that are recorded: where nobody does, the finding ``unexamined`` says so.

Invariant I1: time that is recorded and was not looked at never passes for sound. It is the main process that watches, so
that it holds whatever became of the diagnosis: its thread, its stream, its shard. The finding reaches back to the last
picture that was looked at, and ends with the next one.
"""

import threading
from dataclasses import dataclass

import msgspec

from config.base.clock import US_PER_S
from config.base.errors import InvalidInput, NightlightError
from config.base.logs import get_logger
from config.settings.edge import DiagnosisSettings
from config.wire.findings import UNEXAMINED
from config.wire.health import Examined
from edge_agent.cameras.board import CameraBoard, CameraStatus
from edge_agent.diagnosis.book import FindingBook
from edge_agent.diagnosis.reports import DiagnosisReport, FindingNow, decode
from edge_agent.diagnosis.source import quiet_us
from edge_agent.lifecycle import Worker
from edge_agent.timekeeping import AgentClock

LOOK_EVERY_S = 5.0
TURN_US_MAX = 15 * US_PER_S
"""Where this process slept, reports wait to be taken: the rest of that time does not count."""
LATE_US = 15 * US_PER_S
"""Reports are made so often where there is nothing new."""
KEYFRAMES_MISSED = 3

log = get_logger("diagnosis")


@dataclass
class _Looked:
    """The last picture of a camera that was looked at; until there was one, when it was first seen to record."""

    timeline_id: str
    at_us: int
    monotonic_us: int
    recorded_us: int = 0
    """For how long it was seen to record since."""


class Examination(Worker):
    """``take`` is the fleet's handler of ``reports.KIND``."""

    def __init__(self, book: FindingBook, board: CameraBoard, clock: AgentClock, settings: DiagnosisSettings) -> None:
        super().__init__("examination")
        self._book = book
        self._board = board
        self._clock = clock
        self._enabled = settings.enabled
        self._quiet_us = quiet_us(settings.every_s)
        self._lock = threading.Lock()
        self._looked: dict[str, _Looked] = {}
        self._on_recorded: set[str] = set()
        self._turned_us: int | None = None

    def take(self, camera_id: str, body: bytes) -> None:
        """A shard's report: the camera was looked at. Raises InvalidInput, and what the spool raises."""
        try:
            report = decode(body)
        except msgspec.MsgspecError as error:
            raise InvalidInput(f"a diagnosis report that makes no sense: {error}") from error
        with self._lock:
            self._looked[camera_id] = _Looked(report.timeline_id, report.at_us, self._clock.monotonic_us())
            (self._on_recorded.add if report.on_recorded else self._on_recorded.discard)(camera_id)
        examined = FindingNow(UNEXAMINED, "clear", report.at_us, 0.0, self._quiet_us / US_PER_S)
        self._book.take_report(camera_id, msgspec.structs.replace(report, findings=[*report.findings, examined]))

    def examined(self) -> dict[Examined, list[str]]:
        """The cameras whose pictures are not looked at as they are meant to be."""
        if not self._enabled:
            return {"off": [status.camera_id for status in self._board.snapshot()]}
        with self._lock:
            return {"recorded": sorted(self._on_recorded)}

    def run(self) -> None:
        while not self.stopping.wait(LOOK_EVERY_S):
            self.turn()

    def turn(self) -> None:
        """Raises the finding for every camera that records unseen."""
        now_us = self._clock.monotonic_us()
        passed_us = 0 if self._turned_us is None else min(now_us - self._turned_us, TURN_US_MAX)
        self._turned_us = now_us
        statuses = self._board.snapshot()
        try:
            if self._enabled:
                for status in statuses:
                    self._watch(status, now_us, passed_us)
                self._forget({status.camera_id for status in statuses})
            else:
                self._withdraw()
        except NightlightError as error:  # on a full disk, and tried again at the next turn
            log.warning("examination_waits", why=str(error))

    def _watch(self, status: CameraStatus, now_us: int, passed_us: int) -> None:
        if status.condition != "recording":
            return
        with self._lock:
            looked = self._looked.get(status.camera_id)
            if looked is None:
                first_us, timeline_id = self._clock.now()
                self._looked[status.camera_id] = _Looked(timeline_id, first_us, now_us)
                return
            looked.recorded_us += min(passed_us, max(0, now_us - looked.monotonic_us))
        limit_us = max(self._quiet_us, KEYFRAMES_MISSED * 1_000 * (status.keyframe_interval_ms or 0)) + LATE_US
        if looked.recorded_us > limit_us:
            self._raise(status.camera_id, looked, limit_us)

    def _raise(self, camera_id: str, looked: _Looked, limit_us: int) -> None:
        timeline = self._clock.timeline
        since_us = timeline.utc_us(looked.monotonic_us)
        if looked.timeline_id == timeline.timeline_id:
            since_us = min(since_us, looked.at_us)
        unseen_s, limit_s = looked.recorded_us // US_PER_S, limit_us / US_PER_S
        now = FindingNow(UNEXAMINED, "open", since_us, float(unseen_s), limit_s)
        self._book.take_report(camera_id, DiagnosisReport(timeline.timeline_id, self._clock.utc_us(), [now]))

    def _forget(self, camera_ids: set[str]) -> None:
        with self._lock:
            self._looked = {name: looked for name, looked in self._looked.items() if name in camera_ids}
            self._on_recorded &= camera_ids

    def _withdraw(self) -> None:
        """Nobody is to look any more, by the settings: that is no fault."""
        now_us, timeline_id = self._clock.now()
        for camera_id in self._book.open_findings().get(UNEXAMINED, []):
            now = FindingNow(UNEXAMINED, "clear", now_us, 0.0, 0.0)
            self._book.take_report(camera_id, DiagnosisReport(timeline_id, now_us, [now]))
