"""The diagnosis beside the recording: one thread and one decoder for all cameras of a shard.

Invariant: each camera has its turn every ``every_s`` with its newest keyframe, and none waits for another's: where
decoding falls behind, pictures are left out, evenly; a camera whose pictures take long, or whose pictures raise what
nobody expected, is looked at less often, and the others as before. A stream that stops is the recording's to tell; here nothing is seen,
and what is open stays open.
"""

import threading
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import cv2

from config.base.backoff import Backoff
from config.base.clock import US_PER_S
from config.base.errors import InvalidInput
from config.base.logs import get_logger
from config.settings.edge import CameraSettings, FindingRules, StreamChoice
from config.wire.findings import FINDING_NAMES, FindingName
from edge_agent.cameras.feed import Feed, FeedPacket
from edge_agent.diagnosis.decoder import KeyframeDecoder
from edge_agent.diagnosis.hysteresis import Rule, State, Watch
from edge_agent.diagnosis.measuring import Bgr, Mask, measure
from edge_agent.diagnosis.memory import WatcherMemory
from edge_agent.diagnosis.privacy import visible_for
from edge_agent.diagnosis.reference import Reference
from edge_agent.diagnosis.reports import KIND, DiagnosisReport, FindingChange, FindingNow, encode
from edge_agent.diagnosis.source import PictureSource, quiet_us
from edge_agent.diagnosis.still import still_of
from edge_agent.diagnosis.watcher import Noticed, Watcher
from edge_agent.lifecycle import Worker
from edge_agent.recording.parameter_sets import START_CODE, parameter_sets
from edge_agent.shards.companions import ShardContext

LOOK_AGAIN_US = 200_000
"""Where no keyframe is there when a camera's turn comes."""
REPORT_EVERY_US = 15 * US_PER_S
KEEP_EVERY_US = 600 * US_PER_S
SHARES = 8
"""One camera takes at most this part of the thread's time."""
PAUSE_US_MAX = 60 * US_PER_S
FAILED_FIRST_S, FAILED_LIMIT_S = 2.0, 60.0
"""The wait after a look that raised what nobody expected."""
CHANGES_MAX = 32
"""Of one camera that wait for the main process; past that the oldest goes, and what stands is told all the same."""
FOLDER = "diagnosis"

log = get_logger("diagnosis")


@dataclass
class _Seat:
    """One camera."""

    camera: CameraSettings
    source: PictureSource
    watcher: Watcher
    visible: Mask | None
    due_us: int
    reported_us: int = 0
    kept_us: int = 0
    changes: deque[FindingChange] = field(default_factory=lambda: deque(maxlen=CHANGES_MAX))
    """What the main process has not heard of."""
    picture: Bgr | None = None
    """With which a finding was raised last that has not been told."""
    picture_us: int | None = None
    timeline_id: str = ""
    """Of the newest picture."""
    on_recorded: bool = False
    """The watcher looks at the recorded stream, because the other one is silent."""
    other_references: list[Reference] = field(default_factory=list)
    """Of the stream that the watcher does not look at."""
    failed: Backoff = field(default_factory=lambda: Backoff(FAILED_FIRST_S, FAILED_LIMIT_S))


def rules_of(settings: FindingRules) -> dict[FindingName, Rule]:
    """The settings as the watcher takes them."""
    rules: dict[FindingName, Rule] = {}
    for name in FINDING_NAMES:
        rule = getattr(settings, name)
        rules[name] = Rule(rule.threshold, rule.raise_after, rule.raise_of, rule.clear_after)
    return rules


def next_due_us(due_us: int, began_us: int, ended_us: int, every_us: int) -> int:
    """When a camera has its next turn whose last one was due at ``due_us`` and lasted so long."""
    pause_us = min((SHARES - 1) * (ended_us - began_us), PAUSE_US_MAX)
    return max(due_us + every_us, began_us + every_us // 2, ended_us + pause_us)


class Diagnosis(Worker):
    """The companion's thread; cameras come and go from the shard's own."""

    def __init__(self, context: ShardContext) -> None:
        super().__init__("diagnosis")
        self._context = context
        self._rules = rules_of(context.settings.diagnosis.findings)
        self._every_us = int(context.settings.diagnosis.every_s * US_PER_S)
        self._memory = WatcherMemory(Path(context.settings.agent.state_dir) / FOLDER)
        self._decoder = KeyframeDecoder()
        self._lock = threading.Lock()
        self._seats: dict[str, _Seat] = {}

    def add(self, camera: CameraSettings, feed: Feed, recorded: Feed) -> None:
        """``recorded`` stands in for ``feed`` where that is silent; they may be one."""
        watcher = Watcher(self._rules)
        self._memory.recall(camera, watcher)
        now_us = self._context.clock.monotonic_us()
        source = PictureSource(feed, recorded, quiet_us(self._context.settings.diagnosis.every_s), now_us)
        with self._lock:
            # Turns are spread over the interval, so that a shard's cameras do not all come at once.
            ahead_us = self._every_us * (len(self._seats) % 8) // 8
            due_us = now_us + ahead_us
            visible = visible_for(camera.privacy_masks)
            self._seats[camera.id] = _Seat(camera, source, watcher, visible, due_us)

    def remove(self, camera_id: str) -> None:
        with self._lock:
            seat = self._seats.pop(camera_id, None)
        if seat is not None:
            seat.source.close()
            self._keep(seat)

    def run(self) -> None:
        cv2.setNumThreads(1)
        while not self.stopping.is_set():
            next_us = self.round()
            now_us = self._context.clock.monotonic_us()
            self.stopping.wait(min(max(next_us - now_us, 5_000), LOOK_AGAIN_US) / US_PER_S)

    def round(self) -> int:
        """Each camera that is due has its turn; when the next one is due (monotonic)."""
        now_us = self._context.clock.monotonic_us()
        with self._lock:
            seats = list(self._seats.values())
        for seat in seats:
            if seat.due_us <= now_us and not self.stopping.is_set():
                try:
                    self._turn(seat)
                except Exception:  # a supervisor of cameras: what one of them brings up must not cost the others
                    wait_s = self._step_aside(seat)
                    log.exception("camera_not_diagnosed", camera=seat.camera.id, again_in_s=round(wait_s, 1))
        return min((seat.due_us for seat in seats), default=now_us + LOOK_AGAIN_US)

    def _step_aside(self, seat: _Seat) -> float:
        """After a failure: the seconds until the camera's next turn."""
        wait_s = seat.failed.next_s()
        seat.due_us = self._context.clock.monotonic_us() + int(wait_s * US_PER_S)
        self._decoder = KeyframeDecoder()  # whatever state it was left in
        return wait_s

    def keep_all(self) -> None:
        with self._lock:
            seats = list(self._seats.values())
        for seat in seats:
            self._keep(seat)

    def _keep(self, seat: _Seat) -> None:
        """What is known of the diagnosed stream, whichever is looked at now."""
        known = seat.watcher.copy()
        if seat.on_recorded:
            known.references = list(seat.other_references)
        self._memory.keep(seat.camera, known)

    def _turn(self, seat: _Seat) -> None:
        now_us = self._context.clock.monotonic_us()
        packet = seat.source.newest(now_us)
        if packet is None:
            seat.due_us = now_us + LOOK_AGAIN_US
        else:
            if seat.source.on_recorded != seat.on_recorded:
                _change_stream(seat)
            timeline = self._context.clock.timeline
            at_us = timeline.utc_us(packet.captured_us)
            if seat.timeline_id not in ("", timeline.timeline_id):
                seat.watcher.clock_began(timeline.started_us)
            seat.timeline_id = timeline.timeline_id
            self._look(seat, packet, timeline.timeline_id, at_us)
            ended_us = self._context.clock.monotonic_us()
            seat.due_us = next_due_us(seat.due_us, now_us, ended_us, self._every_us)
            seat.failed.reset()
            if seat.changes or now_us - seat.reported_us >= REPORT_EVERY_US:
                self._report(seat, timeline.timeline_id, at_us, now_us)
        if seat.watcher.references and now_us - seat.kept_us >= KEEP_EVERY_US:
            seat.kept_us = now_us
            self._keep(seat)

    def _look(self, seat: _Seat, packet: FeedPacket, timeline_id: str, at_us: int) -> None:
        try:
            picture: Bgr | None = self._decoder.decode(packet.format.codec, _with_parameters(packet))
        except InvalidInput as error:
            log.info("keyframe_undecodable", camera=seat.camera.id, why=str(error))
            picture = None
        if picture is None:
            noticed = seat.watcher.cannot_decode(at_us)
        else:
            noticed = seat.watcher.see(measure(picture, seat.visible), at_us)
        if noticed:
            seat.changes.extend(_change(one, timeline_id, at_us) for one in noticed)
            seat.kept_us = 0
            _log(seat.camera.id, noticed)
        if picture is not None and any(one.change.raised for one in noticed):
            seat.picture, seat.picture_us = picture, at_us

    def _report(self, seat: _Seat, timeline_id: str, at_us: int, now_us: int) -> None:
        still = still_of(seat.picture, seat.camera.privacy_masks) if seat.picture is not None else None
        findings = [_now(name, seat.watcher, self._rules[name]) for name in FINDING_NAMES]
        scores: dict[str, float] = {
            name: round(score, 4) for name, score in seat.watcher.scores.items() if score is not None
        }
        report = DiagnosisReport(
            timeline_id,
            at_us,
            findings,
            still=still,
            still_us=seat.picture_us,
            changes=list(seat.changes),
            scores=scores,
            on_recorded=seat.on_recorded,
        )
        body = encode(report)
        if self._context.tell(KIND, seat.camera.id, body):
            seat.changes.clear()
            seat.picture, seat.picture_us, seat.reported_us = None, None, now_us


def _change_stream(seat: _Seat) -> None:
    """The watcher learns the other stream's view apart: it may show more or less of the room."""
    seat.on_recorded = seat.source.on_recorded
    seat.other_references = seat.watcher.change_view(seat.other_references)
    if seat.on_recorded:
        log.warning(
            "diagnosis_on_recorded_stream",
            camera=seat.camera.id,
            why="the stream that is to be diagnosed brings no pictures",
            do="check sub_url, or set diagnose to the recorded stream",
        )
    else:
        log.info("diagnosis_on_its_own_stream", camera=seat.camera.id)


def _now(name: FindingName, watcher: Watcher, rule: Rule) -> FindingNow:
    watch = watcher.watches.get(name, Watch())
    since_us = watch.since_us if watch.state == "open" else watch.good_since_us
    return FindingNow(name, watch.state, since_us, watcher.scores.get(name) or 0.0, rule.threshold)


def _change(noticed: Noticed, timeline_id: str, at_us: int) -> FindingChange:
    change = noticed.change
    state: State = "open" if change.raised else "clear"
    since_us = change.since_us if change.until_us is None else change.until_us
    return FindingChange(
        timeline_id, at_us, FindingNow(noticed.finding, state, since_us, noticed.score, noticed.threshold)
    )


def _with_parameters(packet: FeedPacket) -> bytes:
    """The keyframe with parameter sets before it: some cameras tell them in the stream's description only."""
    if parameter_sets(packet.data, packet.format.codec):
        return packet.data
    parameters = packet.format.parameters
    return parameters + packet.data if parameters.startswith((START_CODE, b"\x00" + START_CODE)) else packet.data


def _log(camera_id: str, noticed: list[Noticed]) -> None:
    for one in noticed:
        event = "finding_raised" if one.change.raised else "finding_cleared"
        log.info(event, camera=camera_id, finding=one.finding, score=round(one.score, 3), threshold=one.threshold)


class DiagnosisCompanion:
    """What the shard knows of it."""

    def __init__(self, context: ShardContext) -> None:
        self._diagnosis = Diagnosis(context) if context.settings.diagnosis.enabled else None

    def start(self) -> None:
        if self._diagnosis is not None:
            self._diagnosis.start()

    def choice(self, camera: CameraSettings) -> StreamChoice:
        return camera.diagnose

    def asked(self, kind: str, camera_id: str, body: bytes) -> None:
        """Nobody asks it for anything."""

    def camera_added(self, camera: CameraSettings, feed: Feed, recorded: Feed) -> None:
        if self._diagnosis is not None:
            self._diagnosis.add(camera, feed, recorded)

    def camera_removed(self, camera_id: str) -> None:
        if self._diagnosis is not None:
            self._diagnosis.remove(camera_id)

    def close(self, timeout_s: float) -> None:
        if self._diagnosis is not None and self._diagnosis.close(timeout_s):
            self._diagnosis.keep_all()
