"""The keeper of one shard: begins its process, takes in what it says, and begins another when it dies or hangs.

Invariants: what a shard says is looked at, then taken in in order, by this one thread; when its process is gone, its torn
segments are rescued and its cameras' conditions told before the next process is heard. That one is begun first: it connects
to its cameras meanwhile. No other shard notices.
"""

import socket
import threading

from config.base.backoff import Backoff
from config.base.clock import US_PER_S
from config.base.errors import InvalidInput, NightlightError
from config.base.logs import get_logger
from config.settings.edge import CameraSettings
from edge_agent.lifecycle import Worker
from edge_agent.shards.believing import check
from edge_agent.shards.birth import Born
from edge_agent.shards.downlink import Downlink
from edge_agent.shards.endings import Death, settle
from edge_agent.shards.messages import (
    MESSAGE_BYTES_MAX,
    Ask,
    Begin,
    CameraSet,
    ConditionIs,
    DiskRefused,
    Down,
    DropCamera,
    End,
    Ended,
    Finished,
    Opening,
    Pulse,
    Restated,
    RoomIs,
    SetCamera,
    TimelineIs,
    Told,
    Torn,
    Up,
    read_up,
    socket_pair,
)
from edge_agent.shards.parts import Parts
from edge_agent.timekeeping import Instant, Timeline

SILENT_US_MAX = 8 * US_PER_S
"""A shard gives a pulse twice a second; one that is silent for so long hangs."""
HEAR_EVERY_S = GONE_EVERY_S = 0.25
AGAIN_FIRST_S, AGAIN_LIMIT_S = 0.1, 15.0
SHARED_AGAIN_S = 0.5
STEADY_US = 10 * US_PER_S
"""A process that lived so long was a good one: the next is begun soon."""
STATUS_WITHIN_S = 0.5
RESCUE_EVERY_US = 5 * US_PER_S
DEATHS_MAX, DEATHS_WITHIN_US = 3, 600 * US_PER_S
"""A shard that dies so often has a camera that kills it: each then gets a process of its own."""

log = get_logger("shards")


class ShardKeeper(Worker):
    """One shard. ``set_camera`` and ``drop_camera`` may come from any thread, one at a time for each camera."""

    def __init__(self, number: int, parts: Parts) -> None:
        super().__init__(f"shard-{number}")
        self._parts = parts
        self._lock = threading.Lock()
        self._cameras: dict[str, tuple[CameraSettings, str]] = {}
        self._hosted: set[str] = set()
        """Cameras that the process that lives now has, or had until they were dropped."""
        self._answers: dict[str, threading.Event] = {}
        self._downlink: Downlink | None = None
        self._born: Born | None = None
        self._heard_us = 0
        self._room = True
        self._ended = False
        self._death: Death | None = None
        self._backoff = Backoff(AGAIN_FIRST_S, AGAIN_LIMIT_S)
        self._rescued_us = 0
        self._deaths_us: list[int] = []
        self._dropped = 0
        self.told_dropped = 0
        """How many messages of companions its processes had to drop, all of them together."""
        self.alone = False
        """It keeps one camera that must not share a process."""

    @property
    def cameras(self) -> int:
        """How many cameras it has."""
        return len(self._cameras)

    @property
    def pid(self) -> int | None:
        """Of the process that lives now."""
        born = self._born
        return born.pid if born else None

    def set_camera(self, camera: CameraSettings, password: str) -> threading.Event:
        """Has the camera recorded with these settings; the event is set when the shard has taken them."""
        with self._lock:
            self._cameras[camera.id] = (camera, password)
            self._hosted.add(camera.id)
            answer = self._answers[camera.id] = threading.Event()
            self._say(SetCamera(camera=camera, password=password))
        return answer

    def drop_camera(self, camera_id: str) -> threading.Event:
        """The camera is recorded no longer; the event is set when everything of it has been told."""
        with self._lock:
            self._cameras.pop(camera_id, None)
            answer = self._answers[camera_id] = threading.Event()
            if not self._say(DropCamera(camera_id)):
                answer.set()  # no process has it
        return answer

    def give_up(self, camera_id: str) -> None:
        """Another shard has the camera now. Only while no process of this one lives."""
        with self._lock:
            self._cameras.pop(camera_id, None)

    def ask(self, kind: str, camera_id: str, body: bytes) -> bool:
        """Hands something to the shard's companions; False where no process hears it, or it is busy. It is not said again."""
        with self._lock:
            busy = self._downlink is not None and self._downlink.crowded
            return not busy and self._say(Ask(kind, camera_id, body))

    def timeline_is(self, timeline: Timeline) -> None:
        with self._lock:
            self._say(TimelineIs(timeline))

    def stop(self) -> None:
        super().stop()
        with self._lock:
            self._say(End())

    def close(self, timeout_s: float) -> bool:
        """Has everything made whole; a shard that does not manage that in time is killed, and rescued after."""
        ended = super().close(timeout_s)
        if not ended and self._born is not None:
            log.error("shard_killed", shard=self.name, why="it does not end")
            self._parts.nursery.kill(self._born)
            ended = super().close(1.0)
        return ended

    def run(self) -> None:
        while not self.stopping.is_set():
            self.pulse()
            began_us = self._parts.clock.monotonic_us()
            try:
                connection = self._begin()
            except NightlightError as error:
                log.error("shard_not_begun", shard=self.name, why=str(error))  # noqa: TRY400 - it says all there is
                self._settle()
                self._move_floors()
            else:
                self._settle()
                self._bury(connection, self._keep(connection))
            if self._parts.clock.monotonic_us() - began_us > STEADY_US:
                self._backoff.reset()
            if not self.stopping.is_set():
                wait_s = self._backoff.next_s()
                if self.cameras == 1 and wait_s > SHARED_AGAIN_S:
                    self._settle()
                else:  # cameras that share a process do not wait for the one that kills it
                    wait_s = min(wait_s, SHARED_AGAIN_S)
                self.stopping.wait(wait_s)
        self._settle()

    def _begin(self) -> socket.socket:
        ours, theirs = socket_pair()
        try:
            born = self._parts.nursery.fork(theirs)
        except NightlightError:
            ours.close()
            raise
        finally:
            theirs.close()
        ours.settimeout(HEAR_EVERY_S)
        self._room = self._parts.guard.has_room()
        with self._lock:
            self._downlink = Downlink(ours, self._parts.clock.monotonic_us)
            self._born, self._ended = born, False
            self._heard_us = self._parts.clock.monotonic_us()
            self._hosted, self._dropped = set(self._cameras), 0
            self._say(
                Begin(
                    settings=self._parts.settings,
                    spool=str(self._parts.folder),
                    timeline=self._parts.clock.timeline,
                    room=self._room,
                )
            )
            for camera, password in self._cameras.values():
                self._say(SetCamera(camera=camera, password=password))
            if self.stopping.is_set():
                self._say(End())
        log.info("shard_begun", shard=self.name, pid=born.pid, cameras=self.cameras)
        return ours

    def _keep(self, connection: socket.socket) -> str:
        """Listens until the process is gone; why it had to be ended, where it was."""
        while self._moves():
            self.pulse()
            try:
                data = connection.recv(MESSAGE_BYTES_MAX)
            except TimeoutError:
                data = None
            except OSError:
                return ""
            if data == b"":
                return ""
            if data is not None:
                try:
                    self._take(read_up(data))
                except InvalidInput as error:
                    return str(error)
                self._heard_us = self._parts.clock.monotonic_us()
            elif self._parts.clock.monotonic_us() - self._heard_us > SILENT_US_MAX:
                return f"it said nothing for {SILENT_US_MAX // US_PER_S} s"
            self._tell_room()
        return "it does not read what it is told"

    def _moves(self) -> bool:
        """Sends what waits to be sent; False where the process does not hear."""
        with self._lock:
            if self._downlink is None:
                raise ValueError("there is no process to be kept")
            self._downlink.move()
            return not self._downlink.deaf

    def _take(self, said: Up) -> None:
        """Raises InvalidInput for what the shard cannot truthfully say."""
        parts = self._parts
        with self._lock:
            hosted = frozenset(self._hosted)
        check(said, hosted)
        if isinstance(said, Pulse):
            self._count_dropped(said.dropped)
            for pulse in said.cameras:
                parts.board.note(pulse.camera_id, pulse.floor_us, pulse.figures)
                parts.guard.note_open(pulse.camera_id, pulse.open_bytes)
        elif isinstance(said, Opening):
            opened = parts.accounts.opening(said.segment, self.name)
            with self._lock:
                self._say(opened)
        elif isinstance(said, Restated):
            parts.accounts.restated(said, self.name)
        elif isinstance(said, Finished):
            parts.accounts.finished(said, self.name)
        elif isinstance(said, Torn):
            parts.accounts.torn(said.segment, self.name, parts.clock.now())
        elif isinstance(said, ConditionIs):
            parts.board.set(said.camera_id, said.condition, said.detail, Instant(said.at_us, said.timeline_id))
        elif isinstance(said, DiskRefused):
            parts.guard.force_full()
            self._room = True  # so that the word goes out again, whatever was said before
        elif isinstance(said, CameraSet):
            self._answered(said.camera_id)
        elif isinstance(said, Told):
            self._hand_on(said)
        elif isinstance(said, Ended):
            self._ended = True

    def _hand_on(self, said: Told) -> None:
        handler = self._parts.handlers.get(said.kind)
        if handler is None:
            log.warning("told_to_nobody", kind=said.kind, camera=said.camera_id)
            return
        try:
            handler(said.camera_id, said.body)
        except NightlightError as error:
            log.exception("told_in_vain", kind=said.kind, camera=said.camera_id, why=str(error))

    def _count_dropped(self, dropped: int) -> None:
        more = dropped - self._dropped
        if more > 0:
            self._dropped, self.told_dropped = dropped, self.told_dropped + more
            why = "companions say more than the way to the main process takes"
            log.warning("told_dropped", shard=self.name, more=more, in_all=self.told_dropped, why=why)

    def _tell_room(self) -> None:
        room = self._parts.guard.has_room()
        now_us = self._parts.clock.monotonic_us()
        if room and now_us - self._rescued_us > RESCUE_EVERY_US:
            self._rescued_us = now_us
            self._parts.accounts.try_leftovers(list(self._cameras))
        if room != self._room:
            self._room = room
            with self._lock:
                self._say(RoomIs(room))

    def _bury(self, connection: socket.socket, why: str) -> None:
        """The process is gone, or will be in a moment: hears its last words. What it left undone is for ``_settle``."""
        with self._lock:
            born, downlink, self._born, self._downlink = self._born, self._downlink, None, None
        if born is None or downlink is None:
            raise ValueError("a process is buried once")
        downlink.close()
        self._parts.nursery.kill(born)
        at = self._parts.clock.now()
        how = self._parts.nursery.how_it_ended(born, STATUS_WITHIN_S)
        certain = bool(how) or self._await_end(born)
        self._drain(connection)
        connection.close()
        if not self._ended:
            log.error("shard_died", shard=self.name, pid=born.pid, why=why, how=how, cameras=sorted(self._cameras))
        with self._lock:
            answers, self._answers = list(self._answers.values()), {}
        self._death = Death(why or how or "unknown", self._ended, certain, answers, at)
        if not self._ended:
            self._died()

    def _settle(self) -> None:
        """Nothing of a process that is gone may be left undone."""
        death, self._death = self._death, None
        if death is None:
            return
        settle(death, self.name, self._cameras, self._parts)
        if self._downlink is None:
            self._move_floors()

    def _await_end(self, born: Born) -> bool:
        """Until nothing of a killed process can write any more; False where the agent ends first: its next start rescues."""
        if self._parts.nursery.has_ended(born):
            return True
        why = "the process that reads this camera does not end: does the disk answer?"
        log.error("shard_lingers", shard=self.name, pid=born.pid, why=why)
        for camera_id, segment in self._parts.accounts.written_by(self.name).items():
            self._parts.board.silent(camera_id)
            if self._parts.board.condition(camera_id) == "recording":
                self._parts.board.set(camera_id, "stalled", why, Instant(segment.start_us, segment.timeline_id))
        while not self._parts.nursery.has_ended(born):
            self.pulse()
            self._move_floors()
            if self.stopping.wait(GONE_EVERY_S):
                return self._parts.nursery.has_ended(born)
        return True

    def _died(self) -> None:
        now_us = self._parts.clock.monotonic_us()
        self._deaths_us = [at for at in self._deaths_us if now_us - at < DEATHS_WITHIN_US] + [now_us]
        if len(self._deaths_us) >= DEATHS_MAX and self.cameras > 1 and not self.stopping.is_set():
            self._deaths_us.clear()
            self._settle()
            self._parts.scatter(self)

    def _drain(self, connection: socket.socket) -> None:
        """What it said before it died still counts."""
        connection.settimeout(0)
        try:
            while data := connection.recv(MESSAGE_BYTES_MAX):
                self._take(read_up(data))
        except (OSError, InvalidInput):
            return

    def _move_floors(self) -> None:
        """While no process lives nothing is received."""
        now_us = self._parts.clock.utc_us()
        for camera_id in list(self._cameras):
            self._parts.board.set_floor(camera_id, now_us)

    def _answered(self, camera_id: str) -> None:
        with self._lock:
            answer = self._answers.pop(camera_id, None)
        if answer is not None:
            answer.set()

    def _say(self, message: Down) -> bool:
        """With the lock held; False where no process hears it."""
        return self._downlink is not None and self._downlink.say(message)
