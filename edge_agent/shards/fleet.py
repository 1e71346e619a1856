"""All cameras of the agent: which shard has which, and what changes when the wanted ones change.

    outcomes = fleet.apply([wanted(camera) for camera in settings.cameras])

Invariants: a camera whose settings stay the same is not touched; a camera stays in its shard for as long as it is
there; one that cannot be set up leaves the others, and what there was of itself, alone.
"""

import errno
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from config.base.errors import ConfigurationError, NightlightError, NotFound
from config.base.logs import get_logger
from config.settings.edge import CameraSettings, EdgeSettings
from config.settings.loader import read_secret
from edge_agent.cameras.board import CameraBoard
from edge_agent.liveness.registry import Liveness
from edge_agent.shards.accounts import SegmentAccounts
from edge_agent.shards.birth import Nursery
from edge_agent.shards.keeper import ShardKeeper
from edge_agent.shards.messages import REMOVED
from edge_agent.shards.parts import Parts
from edge_agent.spool.ballast import full_disk
from edge_agent.spool.disk import DiskGuard
from edge_agent.spool.segments import SegmentSpool
from edge_agent.timekeeping import AgentClock, Timeline

CHANGE_WITHIN_S = 6.0
END_EMPTY_WITHIN_S = 2.0
HANGS_AFTER_S = 45.0
NOWHERE = "rtsp://127.0.0.1:9/paused"
"""The discard service's port (RFC 863): nobody listens there, so that the connection is refused at once."""

log = get_logger("shards")


class WantedCamera(NamedTuple):
    """A camera that shall be recorded."""

    settings: CameraSettings
    password: str = ""


class Outcome(NamedTuple):
    """What became of one camera."""

    what: Literal["kept", "added", "changed", "removed", "failed"]
    why: str = ""
    """For people, where it failed; the camera is then as it was before."""


def wanted(camera: CameraSettings) -> WantedCamera:
    """A camera of the settings file with the password from its file. Raises ConfigurationError."""
    key = f"cameras.{camera.id}.password_file"
    return WantedCamera(camera, read_secret(camera.password_file, key) if camera.username else "")


class CameraFleet:
    """``apply`` may be called from any thread, before and after ``start``."""

    def __init__(
        self,
        settings: EdgeSettings,
        folder: Path,
        clock: AgentClock,
        board: CameraBoard,
        guard: DiskGuard,
        spool: SegmentSpool,
        lock_descriptor: int,
    ) -> None:
        self._folder = folder
        self._board = board
        self._nursery = Nursery(lock_descriptor)
        self.accounts = SegmentAccounts(spool, guard)
        self._handlers: dict[str, Callable[[str, bytes], None]] = {}
        self._parts = Parts(
            settings=msgspec.structs.replace(settings, cameras=[]),
            folder=folder,
            clock=clock,
            board=board,
            guard=guard,
            accounts=self.accounts,
            nursery=self._nursery,
            handlers=self._handlers,
            scatter=self._scatter,
        )
        self._cameras_max = settings.recording.shard_cameras
        self._applying = threading.Lock()
        self._known: dict[str, WantedCamera] = {}
        self._place: dict[str, ShardKeeper] = {}
        self.keepers: list[ShardKeeper] = []
        self._numbered = 0
        self._closing = False
        self.liveness: Liveness | None = None
        """Where it is given before ``apply``, a keeper whose loop hangs is noticed."""

    def on_told(self, kind: str, handler: Callable[[str, bytes], None]) -> None:
        """Hands ``(camera_id, body)`` of every companion's message of this kind to ``handler``.

        It is called in a keeper's thread: it must not wait long, and a NightlightError of it is logged.
        """
        self._handlers[kind] = handler

    def prepare(self) -> None:
        """Begins loading what shards need; returns at once."""
        self._nursery.start()

    @property
    def told_dropped(self) -> int:
        """How many messages of companions found no room on their way here, in all shards that there are now."""
        return sum(keeper.told_dropped for keeper in self.keepers)

    @property
    def cameras(self) -> dict[str, CameraSettings]:
        """What is recorded now, by id."""
        return {camera_id: known.settings for camera_id, known in self._known.items()}

    def apply(self, cameras: list[WantedCamera]) -> dict[str, Outcome]:
        """Makes these the agent's cameras; what became of each, those that were removed included."""
        with self._applying:
            if self._closing:
                return {camera.settings.id: Outcome("failed", "the agent is ending") for camera in cameras}
            asked = {camera.settings.id: camera for camera in cameras}
            outcomes: dict[str, Outcome] = {}
            gone = [camera_id for camera_id in self._known if camera_id not in asked]
            answers = {camera_id: self._place[camera_id].drop_camera(camera_id) for camera_id in gone}
            for camera_id, camera in asked.items():
                outcomes[camera_id] = self._set(camera, answers, ahead=len(asked))
            deadline_s = time.monotonic() + CHANGE_WITHIN_S
            for camera_id, answer in answers.items():
                if not answer.wait(max(0.0, deadline_s - time.monotonic())):
                    log.warning("camera_change_slow", camera=camera_id)
            for camera_id in gone:
                self._forget(camera_id)
                outcomes[camera_id] = Outcome("removed")
            return outcomes

    def pause(self, camera_id: str, seconds: float) -> None:
        """Drops a camera's connection, and connects it again after ``seconds``: for the acceptance test.

        In between the camera cannot be reached, and says so, as if its cable were pulled. Raises NotFound.
        """
        with self._applying:
            known, keeper = self._known.get(camera_id), self._place.get(camera_id)
            if known is None or keeper is None:
                raise NotFound(f"there is no camera {camera_id} in this agent's configuration")
            away = msgspec.structs.replace(
                known.settings, url=NOWHERE, sub_url="", username="", password_file="", record="main"
            )
            keeper.set_camera(away, "")
        log.warning("camera_paused", camera=camera_id, seconds=seconds)
        timer = threading.Timer(seconds, self._resume, (camera_id,))
        timer.daemon = True
        timer.start()

    def ask(self, kind: str, camera_id: str, body: bytes) -> bool:
        """Hands something to the companions beside a camera; False where there is no such camera, or nobody hears it."""
        keeper = self._place.get(camera_id)
        return keeper is not None and keeper.ask(kind, camera_id, body)

    def timeline_is(self, timeline: Timeline) -> None:
        """The agent's clock was slewed or begun anew."""
        for keeper in self.keepers:
            keeper.timeline_is(timeline)

    def stop(self) -> None:
        """Asks every shard to end; returns at once."""
        self._closing = True
        for keeper in self.keepers:
            keeper.stop()

    def close(self, left_s: Callable[[], float]) -> bool:
        """Ends every shard; False where one could not be ended."""
        self.stop()
        ended = [keeper.close(left_s()) for keeper in self.keepers]
        self._nursery.close()
        for camera_id in self._known:
            self._board.set(camera_id, "stopped")
        return all(ended)

    def _resume(self, camera_id: str) -> None:
        """As it is wanted by now; whatever became of the camera in between."""
        with self._applying:
            known, keeper = self._known.get(camera_id), self._place.get(camera_id)
            if known is not None and keeper is not None and not self._closing:
                keeper.set_camera(*known)

    def _set(self, camera: WantedCamera, answers: dict[str, threading.Event], ahead: int) -> Outcome:
        camera_id, before = camera.settings.id, self._known.get(camera.settings.id)
        if before == camera:
            return Outcome("kept")
        try:
            make_folder(self._folder, camera_id)
            keeper = self._place.get(camera_id) or self._keeper_with_room(ahead)
        except NightlightError as error:
            return Outcome("failed", str(error))
        self._known[camera_id], self._place[camera_id] = camera, keeper
        if before is None:
            self._board.add(camera_id)
            self.accounts.expect_leftovers(camera_id)
        answer = keeper.set_camera(*camera)
        if before is not None:
            answers[camera_id] = answer
        return Outcome("added" if before is None else "changed")

    def _keeper_with_room(self, ahead: int) -> ShardKeeper:
        """The shard with the fewest cameras, of as few as ``ahead`` cameras need."""
        needed = -(-ahead // self._cameras_max)
        open_ones = [keeper for keeper in self.keepers if keeper.cameras < self._cameras_max and not keeper.alone]
        if open_ones and len(self.keepers) >= needed:
            return min(open_ones, key=lambda keeper: keeper.cameras)
        return self._new_keeper()

    def _new_keeper(self) -> ShardKeeper:
        self._numbered += 1
        made = ShardKeeper(self._numbered, self._parts)
        if self.liveness is not None:
            made.pulse = self.liveness.watch(made.name, HANGS_AFTER_S)
        self.keepers.append(made)
        made.start()
        return made

    def _scatter(self, keeper: ShardKeeper) -> None:
        """One of its cameras kills its process again and again: from now on each has a process of its own."""
        if not self._applying.acquire(blocking=False):
            return  # it is being changed anyway; the next death will come
        try:
            keeper.alone = True
            mates = [camera_id for camera_id, place in self._place.items() if place is keeper]
            log.error("cameras_separated", shard=keeper.name, cameras=mates)
            for camera_id in mates[1:]:
                keeper.give_up(camera_id)
                self._place[camera_id] = made = self._new_keeper()
                made.alone = True
                made.set_camera(*self._known[camera_id])
        finally:
            self._applying.release()

    def _forget(self, camera_id: str) -> None:
        keeper = self._place.pop(camera_id)
        del self._known[camera_id]
        self.accounts.orphaned(camera_id)
        self._board.set(camera_id, "stopped", REMOVED)
        self._board.remove(camera_id)
        if not keeper.cameras:
            self.keepers.remove(keeper)
            if self.liveness is not None:
                self.liveness.forget(keeper.name)
            keeper.close(END_EMPTY_WITHIN_S)


def make_folder(folder: Path, camera_id: str) -> None:
    """Where a camera's segments go. Raises ConfigurationError, ResourceExhausted on a full disk."""
    try:
        (folder / camera_id).mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise full_disk(folder) from error
        raise ConfigurationError(f"'agent.state_dir': cannot write to {folder}: {error.strerror}") from error
