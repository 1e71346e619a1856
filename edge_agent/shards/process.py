"""A shard: the process that reads a few cameras and writes their segments.

Invariants: it holds no key and no credential but its cameras'; it ends with the main process (end of file on the
socket, or the parent's death); whatever it wrote is durable or rescued by the main process.
"""

import gc
import os
import socket
import sys
import threading
import time
from pathlib import Path

import edge_agent.cameras.rtsp.source  # noqa: F401 - what is loaded before they are forked, shards share
from config.base.clock import SystemClock
from config.base.errors import InvalidInput
from config.base.logs import configure, get_logger
from config.settings.edge import CameraSettings
from edge_agent.cameras.camera import ShardCamera
from edge_agent.cameras.watchdog import Watchdog
from edge_agent.cameras.worker import StreamWorker
from edge_agent.diagnosis.shard import DiagnosisCompanion
from edge_agent.live.shard import LiveCompanion
from edge_agent.shards.companions import TOLD_BYTES_MAX, Companion, ShardContext
from edge_agent.shards.messages import (
    MESSAGE_BYTES_MAX,
    REMOVED,
    Ask,
    Begin,
    CameraPulse,
    CameraSet,
    ConditionIs,
    Down,
    DropCamera,
    End,
    Ended,
    Opened,
    RoomIs,
    SetCamera,
    TimelineIs,
    Told,
    read_down,
)
from edge_agent.shards.stand_ins import ShardClock, ShardRoom, ShardSegments
from edge_agent.shards.uplink import Uplink

END_WITHIN_S = 1.5
CHANGE_WITHIN_S = 1.5
COLLECT_AFTER = (20_000, 20, 20)
"""Packets come and go by the thousand and hold no cycles: Python's default would look at them all the time."""
CHANGED = "its settings were changed"

log = get_logger("shards")


def serve(connection: socket.socket) -> None:
    """The whole life of a shard process; never returns."""
    first = _next(connection)
    if not isinstance(first, Begin):
        raise InvalidInput("the first word to a shard is Begin")
    configure("edge_agent", first.settings.agent.log_level)
    gc.set_threshold(*COLLECT_AFTER)
    shard = Shard(connection, first)
    shard.start()
    while True:
        said = _next(connection)
        if isinstance(said, End):  # beside this thread: what is being opened still waits for its answer
            threading.Thread(target=_end, args=(shard,), name="end", daemon=True).start()
        else:
            shard.obey(said)


def _end(shard: "Shard") -> None:
    """At the end of the process: what nobody expected is shown, and the main process rescues what is torn."""
    try:
        shard.close()
    except Exception:
        log.exception("shard_not_ended")
    sys.stderr.flush()
    os._exit(0)


def _next(connection: socket.socket) -> Down:
    data = connection.recv(MESSAGE_BYTES_MAX)
    if not data:
        os._exit(0)  # the main process is gone: it will rescue what is torn when it starts again
    return read_down(data)


class Shard:
    """The cameras of this process. ``obey`` is called by the thread that reads the socket."""

    def __init__(self, connection: socket.socket, begin: Begin) -> None:
        self._settings = begin.settings
        self._clock = ShardClock(SystemClock(), begin.timeline)
        self._uplink = Uplink(connection, self._pulses)
        self._room = ShardRoom(self._uplink, room=begin.room)
        self._segments = ShardSegments(self._uplink, Path(begin.spool))
        self._lock = threading.Lock()
        self._cameras: dict[str, ShardCamera] = {}
        self._watchdog = Watchdog(self._workers, SystemClock(), begin.settings.recording)
        context = ShardContext(self._clock, begin.settings, self._tell)
        self._companions: list[Companion] = [DiagnosisCompanion(context), LiveCompanion(context)]

    def start(self) -> None:
        self._uplink.start()
        self._watchdog.start()
        for companion in self._companions:
            companion.start()

    def obey(self, said: Down) -> None:
        """Does what the main process says; what takes time is done by a thread of its own."""
        if isinstance(said, Opened):
            self._segments.answer(said)
        elif isinstance(said, TimelineIs):
            self._clock.timeline = said.timeline
        elif isinstance(said, RoomIs):
            self._room.room = said.room
        elif isinstance(said, Ask):
            self._ask(said)
        elif isinstance(said, SetCamera | DropCamera):
            threading.Thread(target=self._change, args=(said,), name="change", daemon=True).start()

    def close(self) -> None:
        """Makes everything whole, says so, and returns; readers that are stuck die with the process."""
        deadline_s = time.monotonic() + END_WITHIN_S
        with self._lock:
            cameras = list(self._cameras.values())
        self._watchdog.stop()
        for camera in cameras:
            camera.stop()
        for camera in cameras:
            camera.close(lambda: max(0.05, deadline_s - time.monotonic()))
        for companion in self._companions:
            companion.close(max(0.05, deadline_s - time.monotonic()))
        self._uplink.say(Ended())
        self._uplink.join()

    def _ask(self, said: Ask) -> None:
        """A companion's fault is its own: this thread hears what recording waits for."""
        for companion in self._companions:
            try:
                companion.asked(said.kind, said.camera_id, said.body)
            except Exception:
                log.exception("companion_failed", kind=said.kind, camera=said.camera_id)

    def _change(self, said: SetCamera | DropCamera) -> None:
        """One camera after the other settings of it, if there were any. The main process waits with the next change."""
        camera_id = said.camera.id if isinstance(said, SetCamera) else said.camera_id
        with self._lock:
            before = self._cameras.pop(camera_id, None)
        if before is not None:
            for companion in self._companions:
                companion.camera_removed(camera_id)
            deadline_s = time.monotonic() + CHANGE_WITHIN_S
            again = isinstance(said, SetCamera)
            why = CHANGED if again else REMOVED
            before.close(lambda: max(0.05, deadline_s - time.monotonic()), why=why, again=again)
        if isinstance(said, SetCamera):
            self._add(said.camera, said.password)
        self._uplink.say(CameraSet(camera_id))

    def _add(self, camera: CameraSettings, password: str) -> None:
        made = ShardCamera(
            camera, password, self._settings.recording, self._clock, self._segments, self._room, self._condition
        )
        with self._lock:
            self._cameras[camera.id] = made
        for companion in self._companions:
            chosen = camera.stream_for(companion.choice(camera))
            companion.camera_added(camera, made.feeds.get(chosen, made.feeds[camera.record]), made.feeds[camera.record])
        made.start()

    def _condition(self, camera_id: str, condition: str, detail: str, at: tuple[int, str]) -> None:
        self._uplink.say(ConditionIs(camera_id, condition, detail, *at))  # type: ignore[arg-type]

    def _tell(self, kind: str, camera_id: str, body: bytes) -> bool:
        if len(body) > TOLD_BYTES_MAX:
            raise InvalidInput(f"a {kind} of {len(body)} bytes; {TOLD_BYTES_MAX} are allowed")
        return self._uplink.tell(Told(kind, camera_id, body))

    def _workers(self) -> list[StreamWorker]:
        with self._lock:
            return [worker for camera in self._cameras.values() for worker in camera.workers]

    def _pulses(self) -> list[CameraPulse]:
        """Each camera now. The order matters: the time, then the floor."""
        with self._lock:
            cameras = list(self._cameras.values())
        found: list[CameraPulse] = []
        for camera in cameras:
            monotonic_us = self._clock.monotonic_us()
            now_us, floor_us = self._clock.timeline.utc_us(monotonic_us), camera.report.floor_us
            figures = camera.report.meter.figures(monotonic_us)
            floor_us = now_us if floor_us is None else floor_us
            found.append(CameraPulse(camera.settings.id, floor_us, camera.report.open_bytes, figures))
        return found
