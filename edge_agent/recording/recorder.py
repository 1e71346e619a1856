"""The recorder of one camera: packets of a session in, segments in the spool out.

Invariants: segments of one run follow one another without a hole or an overlap; a run ends at its last frame, never at
the moment its end was noticed (I1); where there is no room nothing is written and the camera says so.
"""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from config.base.clock import US_PER_S
from config.base.errors import InvalidInput, NightlightError, ResourceExhausted
from config.base.ids import fresh_id
from config.base.logs import get_logger
from config.settings.edge import RecordingSettings
from config.wire.segments import SEGMENT_SPAN_US_MAX
from edge_agent.cameras.faults import CameraFault
from edge_agent.cameras.feed import StreamFormat
from edge_agent.cameras.report import CameraReport
from edge_agent.cameras.source import VideoPacket
from edge_agent.recording.continuity import Arrival, Continuity, Frame
from edge_agent.recording.decisions import RESTATED_US_MAX, RESTATED_US_MIN, cut_at_keyframe, overlong, run_break
from edge_agent.recording.leave import Leave, PatientWriter
from edge_agent.recording.parameter_sets import START_CODE, parameter_sets
from edge_agent.recording.run import Run
from edge_agent.recording.writer import Header, SegmentWriter
from edge_agent.spool.segments import OpenSegment
from edge_agent.timekeeping import Instant, Timeline

KEYFRAME_WITHIN_US = 30 * US_PER_S
RARE_KEYFRAMES = "key frames come too rarely: set the camera's key frame interval to 4 s or less"
LOCK_WITHIN_S = 2.0

log = get_logger("recording")


class RecordingClock(Protocol):
    """The agent's clock, as far as a recorder reads it."""

    @property
    def timeline(self) -> Timeline: ...

    def monotonic_us(self) -> int: ...


class Segments(Protocol):
    """Where segments are noted and claimed. Nothing in it waits."""

    def open(self, segment: OpenSegment) -> Leave:
        """Asks that the segment be noted; its file is made once leave is given."""
        ...

    def finished(
        self, segment: OpenSegment, *, start_us: int, end_us: int, sha256: str, size_bytes: int, frames: int
    ) -> None:
        """The segment has its final name and is durable; it may begin earlier than when it was opened."""
        ...

    def restated(self, segment: OpenSegment, start_us: int) -> None:
        """It begins there, as is known by now: so it is rescued, should nobody finish it."""
        ...

    def torn(self, segment: OpenSegment) -> None:
        """Writing it failed: what is whole of it is to be rescued."""
        ...

    def part_path(self, camera_id: str, segment_id: str) -> Path: ...

    def path(self, camera_id: str, segment_id: str) -> Path: ...


class Room(Protocol):
    """Whether there is room to record."""

    def has_room(self) -> bool: ...

    def force_full(self) -> None:
        """A write failed for want of room, whatever the figures say."""
        ...


class SessionEnd(NamedTuple):
    """How a session ended."""

    at: Instant | None = None
    """Where its recording ended, if there was one."""
    told: bool = False
    """A write failed, and that has been told as the camera's condition: nothing is left to say."""


@dataclass
class _Session:
    """One opened stream."""

    number: int
    format: StreamFormat
    continuity: Continuity

    def arrival(self, packet: VideoPacket, arrival_us: int) -> Arrival:
        """The packet with its times in microseconds."""
        base = self.format.time_base
        scale, divisor = base.numerator * US_PER_S, base.denominator
        pts, dts = packet.pts, packet.dts
        return Arrival(
            None if pts is None else pts * scale // divisor,
            None if dts is None else dts * scale // divisor,
            arrival_us,
            packet.is_keyframe,
            packet,
        )


class Recorder:
    """Sessions come one after another; any thread may end the one that runs."""

    def __init__(
        self,
        report: CameraReport,
        clock: RecordingClock,
        segments: Segments,
        room: Room,
        settings: RecordingSettings,
    ) -> None:
        self._camera_id = report.camera_id
        self._report = report
        self._clock = clock
        self._segments = segments
        self._room = room
        self._segment_us = settings.segment_s * US_PER_S
        self._frame_gap_us = settings.frame_gap_s * US_PER_S
        self._lock = threading.RLock()
        self._number = 0
        self._session: _Session | None = None
        self._run: Run | None = None
        self._keyless_since_us: int | None = None
        self._arrival_us = 0
        """When the newest packet came; monotonic, like the next."""
        self._ended_us = 0
        """Where the last run ended."""

    def begin_session(self, stream: StreamFormat) -> int:
        """A stream was opened; the number to hand in with each of its packets."""
        self._hold()
        try:
            self._number += 1
            self._session = _Session(self._number, stream, Continuity(self._frame_gap_us))
            self._keyless_since_us = None
            return self._number
        finally:
            self._lock.release()

    def take(self, session: int, packet: VideoPacket, arrival_us: int) -> bool:
        """Takes one packet in; False where the session has been ended from outside. Raises CameraFault."""
        self._hold()
        try:
            current = self._session
            if current is None or current.number != session:
                return False
            self._arrival_us = arrival_us
            for frame in current.continuity.take(current.arrival(packet, arrival_us)):
                try:
                    self._place(current, frame)
                except CameraFault:
                    raise
                except NightlightError as error:
                    fault = self._give_up(error)
                    if not isinstance(error, ResourceExhausted):
                        self._session = None
                        raise fault from error
            return True
        finally:
            self._lock.release()

    def runs(self, session: int) -> bool:
        """Whether a session has not been ended yet."""
        current = self._session
        return current is not None and current.number == session

    def end_session(self, session: int) -> SessionEnd:
        """Ends the session if it still runs. Raises CameraFault where the disk hangs."""
        self._hold()
        try:
            current = self._session
            if current is None or current.number != session:
                return SessionEnd()
            try:
                for frame in current.continuity.flush():
                    self._place(current, frame)
                return SessionEnd(self._end_run())
            except CameraFault:  # no key frame for too long: nothing was being written
                return SessionEnd()
            except NightlightError as error:
                self._give_up(error)
                return SessionEnd(told=True)
            finally:
                self._session = None
        finally:
            self._lock.release()

    def _hold(self) -> None:
        """Takes the lock, or says that a disk which never answers keeps it. No generator: this runs for every frame."""
        if not self._lock.acquire(timeout=LOCK_WITHIN_S):
            raise CameraFault("disk_full", "the disk does not finish writing")

    def _place(self, session: _Session, frame: Frame) -> None:
        """Raises CameraFault; any other NightlightError is a write that failed: ``_give_up`` then, and say no more."""
        if frame.begins_run and self._run is not None:
            end = self._end_run()
            self._report.set("stalled", frame.why, end)
        if frame.is_key:
            self._at_keyframe(session, frame)
        elif self._run is None:
            self._wait_for_keyframe(frame)
        elif overlong(frame.captured_us - self._run.opened_us, self._run.writer.frames, self._segment_us):
            self._report.set("stalled", RARE_KEYFRAMES, self._end_run())
        run = self._run
        if run is not None and frame.presented_us >= run.presented_from_us:
            run.writer.add(frame)
            if frame.is_key and run.writer.size_bytes:
                run.safe_us = frame.captured_us
            run.newest_us = max(run.newest_us, frame.captured_us)

    def _at_keyframe(self, session: _Session, frame: Frame) -> None:
        self._keyless_since_us = None
        run = self._run
        if not self._room.has_room():
            end = self._end_run(frame.captured_us)
            self._report.set_floor(self._clock.timeline.utc_us(frame.captured_us))
            self._report.set("disk_full", "no room to record: see [spool] in the settings", end)
            return
        if run is None:
            self._begin_run(session, frame)
            return
        run.keyframe_distance_us = frame.captured_us - run.keyframe_us
        run.keyframe_us = frame.captured_us
        if run.segment.start_us > run.restate_from_us:
            run.learn(frame, self._arrival_us, session.continuity.leapt_us)
            if abs(run.start_us - run.told_us) >= RESTATED_US_MIN:
                run.told_us = run.start_us
                self._segments.restated(run.segment, run.start_us)
        now = self._clock.timeline
        found = parameter_sets(bytes(frame.packet or b""), session.format.codec)
        broken = run_break(
            parameters_changed=bool(found) and found != run.parameters,
            timeline_changed=now.timeline_id != run.timeline.timeline_id,
        )
        if broken:
            log.info("run_ended", camera=self._camera_id, why=broken)
            self._end_run(frame.captured_us)
            self._begin_run(session, frame)
            return
        run.timeline = now
        self._report.open_bytes = run.writer.size_bytes
        self._report.meter.keyframe_interval_us = run.keyframe_distance_us
        if run.writer.size_bytes:  # else it waits in memory
            self._report.meter.durable_us = frame.captured_us  # once it is added: what came before it is on the disk
        if not run.writer.waits and cut_at_keyframe(run.state(), now.utc_us(frame.captured_us), self._segment_us):
            self._cut(run, frame)

    def _wait_for_keyframe(self, frame: Frame) -> None:
        if self._keyless_since_us is None:
            self._keyless_since_us = frame.captured_us
        if frame.captured_us - self._keyless_since_us > KEYFRAME_WITHIN_US and self._room.has_room():
            raise CameraFault("stalled", RARE_KEYFRAMES)

    def _begin_run(self, session: _Session, frame: Frame) -> None:
        keyframe = bytes(frame.packet or b"")
        found = parameter_sets(keyframe, session.format.codec)
        try:
            header = Header(
                keyframe if found else _annex_b(session.format.parameters) + keyframe,
                session.format.codec,
                session.format.time_base,
            )
        except InvalidInput as error:
            log.warning("keyframe_skipped", camera=self._camera_id, error=str(error))
            return
        timeline, run_id = self._clock.timeline, fresh_id()
        start = timeline.instant(frame.captured_us)
        segment, writer = self._open(run_id, timeline, header, start.us)
        parameters = found or parameter_sets(session.format.parameters, session.format.codec)
        # Neither into what the last run claimed, on whatever timeline, nor below what was said to be settled.
        settled_us = max(self._report.floor_us or 0, timeline.utc_us(self._ended_us) if self._ended_us else 0)
        earliest_us = min(start.us, max(start.us - RESTATED_US_MAX, settled_us))
        self._run = Run(
            run_id,
            timeline,
            header,
            parameters,
            segment,
            writer,
            origin_us=frame.captured_us - frame.presented_us,
            begun_us=self._arrival_us,
            opened_us=frame.captured_us,
            keyframe_us=frame.captured_us,
            presented_from_us=frame.presented_us,
            leapt_us=session.continuity.leapt_us,
            restate_from_us=earliest_us,
            told_us=start.us,
        )
        meter = self._report.meter
        meter.codec, meter.width, meter.height, meter.durable_us = header.codec, header.width, header.height, None
        self._report.set_floor(earliest_us)
        self._report.set("recording", "", start)

    def _open(
        self, run_id: str, timeline: Timeline, header: Header, start_us: int
    ) -> tuple[OpenSegment, PatientWriter]:
        segment = OpenSegment(
            segment_id=fresh_id(),
            camera_id=self._camera_id,
            run_id=run_id,
            timeline_id=timeline.timeline_id,
            start_us=start_us,
            codec=header.codec,
            width=header.width,
            height=header.height,
        )
        part = self._segments.part_path(self._camera_id, segment.segment_id)
        final = self._segments.path(self._camera_id, segment.segment_id)
        leave = self._segments.open(segment)
        return segment, PatientWriter(leave, lambda: SegmentWriter(part, final, header))

    def _cut(self, run: Run, frame: Frame) -> None:
        """The next segment begins with this frame, at the very instant at which the one before ends."""
        at_us = run.timeline.utc_us(frame.captured_us)
        self._finish(run, at_us)
        run.segment, run.writer = self._open(run.run_id, run.timeline, run.header, at_us)
        run.opened_us, run.restate_from_us = frame.captured_us, at_us
        self._report.set_floor(at_us)

    def _finish(self, run: Run, end_us: int) -> None:
        written = run.writer.finish()
        # Times that a camera makes up may leap: what is claimed stays within what the wire contract takes.
        end_us = min(max(end_us, run.segment.start_us + 1), run.segment.start_us + SEGMENT_SPAN_US_MAX)
        self._segments.finished(
            run.segment,
            start_us=max(run.start_us, end_us - SEGMENT_SPAN_US_MAX),
            end_us=end_us,
            sha256=written.sha256,
            size_bytes=written.size_bytes,
            frames=written.frames,
        )
        self._report.open_bytes = 0

    def _end_run(self, next_us: int | None = None) -> Instant | None:
        """Ends the run where its last frame ends, or at ``next_us`` (monotonic) where a frame follows at once.

        Raises NightlightError where it cannot be made whole; the run is then still there, to be given up.
        """
        run = self._run
        if run is None:
            return None
        frame_us = self._session.continuity.frame_us if self._session else 0
        end = run.timeline.instant(run.newest_us + frame_us if next_us is None else next_us)
        self._finish(run, end.us)
        self._run, self._ended_us = None, run.newest_us + frame_us if next_us is None else next_us
        run.header.close()
        self._report.meter.durable_us = None
        self._report.set_floor(end.us)
        return end

    def _give_up(self, error: NightlightError) -> CameraFault:
        """A write failed: what lies on the disk is rescued later. Says so; what to end the session with.

        Want of room is everybody's, and frames go on being read until there is some. Any other fault is this camera's:
        its session ends, and the next one comes after a growing wait.
        """
        run, self._run = self._run, None
        at: Instant | None = None
        if run is not None:
            run.writer.abandon()
            run.header.close()
            self._segments.torn(run.segment)
            # A keyframe that came is not one that went in: before the first that did, nothing of the segment is durable.
            at = run.timeline.instant(max(run.safe_us, run.opened_us))
        self._report.open_bytes = 0
        full = isinstance(error, ResourceExhausted)
        if full:
            self._room.force_full()
        log.error("recording_failed", camera=self._camera_id, error=str(error))
        fault = CameraFault("disk_full" if full else "stalled", str(error))
        self._report.meter.durable_us = None
        self._report.set(fault.condition, str(fault), at)
        if not full:
            self._report.set_floor(None)
        return fault


def _annex_b(parameters: bytes) -> bytes:
    return parameters if parameters.startswith((START_CODE, b"\x00" + START_CODE)) else b""
