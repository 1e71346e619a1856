"""Asks cameras for the time that is missing, one stretch after another, and claims what they had.

Invariants: only what was fetched is claimed (I1), once, its file durable before its manifest. One camera is asked at a
time, in a process of its own; recording never waits for any of it. Each ask ends in a report to the server, and a
stretch that was settled is not asked for again.
"""

import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from config.base.clock import US_PER_S
from config.base.errors import NightlightError, NotFound, Unavailable
from config.base.ids import fresh_id
from config.base.logs import get_logger
from config.base.timespan import Span, SpanSet
from config.settings.edge import OnvifSettings, RecordingSettings
from config.wire.replay import SPANS_MAX, CameraClockReading
from edge_agent.cameras.board import CameraBoard
from edge_agent.lifecycle import Worker
from edge_agent.messages import Sealer, SegmentClaim
from edge_agent.onvif.camera import OnvifCamera
from edge_agent.onvif.clock_book import ClockBook
from edge_agent.onvif.clock_watch import LIMITS, measured
from edge_agent.onvif.digest import Credentials
from edge_agent.onvif.errors import silent
from edge_agent.onvif.fetch import Ended, Job
from edge_agent.onvif.fetched_segments import FetchedSegment
from edge_agent.onvif.fetching import fetch_in_process
from edge_agent.onvif.missing import TRIES_MAX, AskBook, Asked, Rule, next_to_ask, retry_us
from edge_agent.onvif.recordings import recordings, replay_url
from edge_agent.recording.sink import sync_folder
from edge_agent.shards.fleet import WantedCamera
from edge_agent.spool.database import SpoolDatabase
from edge_agent.spool.disk import DiskGuard
from edge_agent.spool.outbox import Outbox
from edge_agent.spool.recorded import JOIN_US, recorded_spans
from edge_agent.spool.segments import WHOLE, SegmentSpool
from edge_agent.timekeeping import AgentClock

LOOK_EVERY_S = 5.0
AGREE_US = 2 * US_PER_S
SILENT_S = 8.0
SPARE_S = 120.0
RECORDINGS_MAX = 4
NO_SERVICE = "the camera does not offer its recordings over ONVIF (Profile G)"
CLOCK_SET = "the camera's clock was set meanwhile: when its recordings were made cannot be told"
WORDS = {
    "refused": "the camera refuses this user and password for its recordings",
    "no_times": "the camera's replay does not say when its frames were recorded",
    "disk": "the disk refused to take it, or has no room",
    "silent": "the camera's replay gave nothing",
    "broken": "the camera's replay broke off",
    "lost": "parts of the camera's replay were lost on the way",
    "nonsense": "the camera's replay cannot be understood",
}

log = get_logger("replay")

Outcome = Literal["fetched", "none", "failed"]


@dataclass(frozen=True)
class Parts:
    """What it works with; ``cameras``: those that are recorded now, with their passwords."""

    cameras: Callable[[], list[WantedCamera]]
    clock: AgentClock
    board: CameraBoard
    guard: DiskGuard
    database: SpoolDatabase
    outbox: Outbox
    sealer: Sealer
    spool: SegmentSpool
    clocks: ClockBook
    scratch: Path


@dataclass
class _Ask:
    """One stretch of one camera, while it is asked for."""

    camera: WantedCamera
    span: Span
    readings: tuple[CameraClockReading, ...]
    start_offset_us: int
    end_offset_us: int
    fetched: SpanSet
    timelines: dict[str, str]

    @property
    def missing(self) -> list[Span]:
        """What of it was not had, but for slivers."""
        left = SpanSet.of(self.span) - self.fetched
        return [span for span in left if span.duration_us >= JOIN_US]


class Replayer(Worker):
    """``clean`` once, before the spool is recovered; then ``start``."""

    def __init__(self, parts: Parts, settings: OnvifSettings, recording: RecordingSettings) -> None:
        super().__init__("replay")
        self._parts = parts
        self._rule = Rule(settings.replay_hours * 3_600 * US_PER_S, settings.replay_settle_s * US_PER_S)
        self._recording = recording
        self._asks = AskBook(parts.database)

    def clean(self) -> None:
        """Removes what a fetch left behind that was cut short: files that no manifest claims. They can be fetched again."""
        scratch = self._parts.scratch
        if not scratch.is_dir():
            return
        known = self._parts.spool.known_ids()
        for folder in scratch.iterdir():
            for file in folder.iterdir():
                segment_id = file.name.partition(".")[0]
                if segment_id not in known:
                    self._parts.spool.path(folder.name, segment_id).unlink(missing_ok=True)
                file.unlink()

    def run(self) -> None:
        while not self.stopping.wait(LOOK_EVERY_S):
            self.pulse()
            for camera in self._parts.cameras():
                if self.stopping.is_set():
                    return
                if camera.settings.replay and camera.settings.onvif_url:
                    self.look(camera)

    def look(self, camera: WantedCamera) -> Span | None:
        """Asks one camera for its oldest missing stretch, if it may be asked now; what was asked for."""
        parts, name = self._parts, camera.settings.id
        try:
            if parts.board.condition(name) != "recording" or not parts.guard.has_room():
                return None
            recorded, asked = recorded_spans(parts.database, name), self._asks.of(name)
            span = next_to_ask(recorded, asked, parts.clock.utc_us(), self._rule)
            if span is None:
                return None
            tries = 1 + max((ask.tries for ask in asked if SpanSet.of(ask.span) & SpanSet.of(span)), default=0)
            self._ask(camera, span, tries)
        except NightlightError as error:
            log.exception("replay_put_off", camera=name, why=str(error))
            return None
        return span

    def _ask(self, camera: WantedCamera, span: Span, tries: int) -> None:
        parts, name = self._parts, camera.settings.id
        log.info("replay_asked", camera=name, start_us=span.start_us, end_us=span.end_us, tries=tries)
        ask: _Ask | None = None
        settled = False
        try:
            ask = self._prepare(camera, span)
            outcome, detail, settled = self._fetch(ask)
        except NotFound as error:
            outcome, detail, settled = "failed", str(error) if error.code == "clock_set" else NO_SERVICE, True
        except NightlightError as error:
            outcome, detail = "failed", str(error)
        if self.stopping.is_set() and outcome == "failed":
            return  # the agent ends: that is no fault of the camera's
        settled = settled or outcome != "failed" or tries >= TRIES_MAX
        due_us = parts.clock.utc_us() + retry_us(tries)
        if tries == 1 or settled:
            had_none = [] if outcome == "failed" or ask is None else ask.missing
            self._report(name, span, outcome, had_none, detail)
        self._asks.note(name, Asked(span, tries, due_us, settled))
        fetched_s = ask.fetched.total_us // US_PER_S if ask else 0
        log.info("replay_answered", camera=name, outcome=outcome, fetched_s=fetched_s, why=detail)

    def _prepare(self, camera: WantedCamera, span: Span) -> _Ask:
        """Compares the camera's clock once more: the stretch then lies between two readings, if there was one before."""
        parts, settings = self._parts, camera.settings
        device = OnvifCamera(settings.onvif_url, Credentials(settings.username, camera.password), parts.clock, LIMITS)
        found = measured(device, parts.clock, self.stopping.wait)
        if found is None:
            raise silent("the agent's own clock changed meanwhile")
        after = found.reading
        before = parts.clocks.before(settings.id, span.start_us)
        parts.clocks.note(settings.id, after)
        if before is None:
            return _Ask(camera, span, (), after.offset_us, after.offset_us, SpanSet(), {})
        drift_us = after.offset_us - before.offset_us
        if abs(drift_us) > AGREE_US + before.bound_us + after.bound_us:
            raise NotFound(CLOCK_SET, code="clock_set")
        return _Ask(camera, span, (before, after), *_offsets(before, after, span), SpanSet(), {})

    def _fetch(self, ask: _Ask) -> tuple[Outcome, str, bool]:
        """Outcome, why, and whether asking again would be in vain."""
        settings = ask.camera.settings
        device = OnvifCamera(settings.onvif_url, Credentials(settings.username, ask.camera.password), self._parts.clock)
        low, high = ask.span.start_us + ask.start_offset_us, ask.span.end_us + ask.end_offset_us
        kept = [one for one in recordings(device, self.stopping.wait) if one.overlaps(low, high)]
        if not kept:
            return "none", "", True
        why = "nothing"
        for recording in kept[:RECORDINGS_MAX]:
            why = self._fetch_one(ask, replay_url(device, recording.token))
            if not ask.missing or self.stopping.is_set():
                break
        if not ask.missing:
            return "fetched", "", True
        if why in ("complete", "closed", "nothing") or (why == "silent" and ask.fetched):
            return ("fetched" if ask.fetched else "none"), "", True
        return "failed", WORDS.get(why, why), why == "no_times"

    def _fetch_one(self, ask: _Ask, url: str) -> str:
        settings, parts = ask.camera.settings, self._parts
        folder = parts.scratch / settings.id
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        job = Job(
            url=url,
            username=settings.username,
            password=ask.camera.password,
            folder=str(folder),
            start_us=ask.span.start_us,
            end_us=ask.span.end_us,
            start_offset_us=ask.start_offset_us,
            end_offset_us=ask.end_offset_us,
            segment_us=self._recording.segment_s * US_PER_S,
            connect_within_s=float(self._recording.connect_timeout_s),
            silent_s=SILENT_S,
            allow_basic=settings.allow_basic,
        )
        within_s = SPARE_S + 1.5 * ask.span.duration_us / US_PER_S
        try:
            with closing(fetch_in_process(job, parts.clock, within_s, self.stopping.is_set)) as answers:
                for said in answers:
                    self.pulse()
                    if isinstance(said, Ended):
                        return "lost" if said.lost_packets and said.why == "complete" else said.why
                    if not parts.guard.has_room():
                        return "disk"
                    self._claim(ask, said, folder)
        except Unavailable as error:
            return str(error)
        finally:
            for left in folder.iterdir():
                left.unlink(missing_ok=True)  # what was claimed has its other name
        return "broken"

    def _claim(self, ask: _Ask, found: FetchedSegment, folder: Path) -> None:
        """The file gets its place in the spool, durably; then it is claimed. Raises NightlightError."""
        parts, camera_id = self._parts, ask.camera.settings.id
        source, target = folder / f"{found.segment_id}{WHOLE}", parts.spool.path(camera_id, found.segment_id)
        try:
            if source.stat().st_size != found.size_bytes:
                raise Unavailable("a fetched file is not what it was said to be")
            os.link(source, target)
            sync_folder(target.parent)
        except OSError as error:
            raise Unavailable(f"a fetched file cannot be taken in: {error.strerror}") from error
        try:
            parts.spool.adopt(
                SegmentClaim(
                    camera_id=camera_id,
                    segment_id=found.segment_id,
                    run_id=found.run_id,
                    timeline_id=ask.timelines.setdefault(found.run_id, fresh_id()),
                    start_us=found.start_us,
                    end_us=found.end_us,
                    sha256=found.sha256,
                    size_bytes=found.size_bytes,
                    codec=found.codec,
                    width=found.width,
                    height=found.height,
                    frames=found.frames,
                    recovered=False,
                    origin="camera_storage",
                    camera_clock=ask.readings,
                )
            )
        except NightlightError:
            target.unlink(missing_ok=True)
            raise
        ask.fetched |= SpanSet.of((found.start_us, found.end_us))

    def _report(self, name: str, span: Span, outcome: Outcome, had_none: list[Span], detail: str) -> None:
        parts = self._parts
        none = [(one.start_us, one.end_us) for one in had_none[:SPANS_MAX]]
        sealed = parts.sealer.replay_report(name, parts.clock.now(), span, outcome, none, detail)
        with parts.database.transaction() as connection:
            parts.outbox.put(connection, sealed)
        parts.outbox.wake.set()


def _offsets(before: CameraClockReading, after: CameraClockReading, span: Span) -> tuple[int, int]:
    """The camera's offset at both ends of the stretch, by a straight line between the two readings."""
    long_us = max(1, after.at_us - before.at_us)

    def at(instant_us: int) -> int:
        return before.offset_us + (after.offset_us - before.offset_us) * (instant_us - before.at_us) // long_us

    return at(span.start_us), at(span.end_us)
