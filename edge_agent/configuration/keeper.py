"""Carries out what the server wants recorded, and says what became of it.

    keeper = ConfigurationKeeper(…)
    keeper.begin()              # what to record from the start
    inbox.on_desired = keeper.offer

Invariants: a version never goes back; one is kept on the disk before it is carried out; a camera whose settings stay
the same is not touched, and one that cannot be set up goes on as it was. Each outcome is told once, durably.
"""

import threading
from collections.abc import Callable
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from config.base.errors import NightlightError
from config.base.logs import get_logger
from config.settings.edge import EdgeSettings
from config.wire.desired_state import CameraOutcome, DesiredCamera, DesiredState
from config.wire.health import ConfigurationSource
from edge_agent.cameras.board import CameraBoard
from edge_agent.configuration.cameras import Unusable, to_record
from edge_agent.configuration.reports import ConfigurationReporter
from edge_agent.configuration.store import DesiredStore
from edge_agent.lifecycle import Worker
from edge_agent.shards.fleet import Outcome, WantedCamera, wanted

AGAIN_S = 5.0
"""How long what could not be kept or told waits for another try."""

log = get_logger("configuration")


class Fleet(Protocol):
    """What records cameras."""

    def apply(self, cameras: list[WantedCamera]) -> dict[str, Outcome]:
        """Makes these the cameras; what became of each, those that were removed included."""
        ...


class ConfigurationKeeper(Worker):
    """``offer`` may be called from any thread and never waits; changes are carried out in one thread, newest first."""

    def __init__(
        self,
        settings: EdgeSettings,
        store: DesiredStore,
        key: X25519PrivateKey,
        reporter: ConfigurationReporter,
        on_change: Callable[[], None],
    ) -> None:
        """Reads what is kept and what is local. ``on_change`` is called after each. Raises ConfigurationError."""
        super().__init__("configuration")
        self._agent_id = settings.agent.agent_id
        self._store = store
        self._key = key
        self._reporter = reporter
        self._on_change = on_change
        self._fleet: Fleet | None = None
        self._board: CameraBoard | None = None
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._offered: tuple[DesiredState, bytes] | None = None
        self._refused_version = 0
        self._desired = store.load()
        self._recorded: dict[str, WantedCamera] = {}
        self._unusable: dict[str, Unusable] = {}
        self._set_out(settings)

    @property
    def initial(self) -> list[WantedCamera]:
        """What to record from the start."""
        return list(self._recorded.values())

    @property
    def source(self) -> ConfigurationSource:
        """Where the cameras come from."""
        if self._desired is not None:
            return "server"
        return "file" if self._recorded else "none"

    @property
    def version(self) -> int:
        """The version that the agent works by; 0 where the server has never named any cameras."""
        return self._desired.version if self._desired is not None else 0

    def state(self) -> tuple[int, ConfigurationSource]:
        """For the heartbeat."""
        return self.version, self.source

    def desired(self, camera_id: str) -> tuple[DesiredCamera, WantedCamera] | None:
        """What the server wants of a camera that is recorded, and the same with its password in the clear."""
        with self._lock:
            cameras = self._desired.cameras if self._desired is not None else []
            recorded = self._recorded.get(camera_id)
        found = next((camera for camera in cameras if camera.camera_id == camera_id), None)
        return (found, recorded) if found is not None and recorded is not None else None

    def begin(self, fleet: Fleet, board: CameraBoard) -> None:
        """Sets the cameras going that are known from the start; call it before ``start``."""
        self._fleet, self._board = fleet, board
        self._apply(self.initial)

    def offer(self, state: DesiredState, sealed: bytes) -> None:
        """Takes a signed desired state of this agent; ``sealed`` is its envelope."""
        with self._lock:
            waiting = self._offered[0].version if self._offered is not None else self.version
            if state.version > waiting:
                self._offered = (state, sealed)
                self._wake.set()
                return
            if state.version in {waiting, self._refused_version}:
                return
            self._refused_version = state.version
        log.error("desired_state_refused", offered=state.version, works_by=self.version)
        why = f"version {state.version} is older than {self.version}, by which this agent works"
        self._reporter.tell(self.source, state.version, "refused", why, [])
        self._wake.set()

    def stop(self) -> None:
        super().stop()
        self._wake.set()

    def run(self) -> None:
        while not self.stopping.is_set():
            self._wake.wait(AGAIN_S)
            self._wake.clear()
            if not self.stopping.is_set():
                self._take_offered()
                self._reporter.flush()

    def _take_offered(self) -> None:
        with self._lock:
            offered = self._offered
        if offered is None:
            return
        state, sealed = offered
        try:
            self._store.save(sealed)
        except NightlightError as error:  # nothing was changed; another try follows
            log.exception("desired_state_not_kept", version=state.version, why=str(error))
            return
        with self._lock:
            self._desired = state
            if self._offered is offered:
                self._offered = None
        log.info("desired_state_taken", version=state.version, cameras=len(state.cameras))
        self._apply(self._usable(state))

    def _set_out(self, settings: EdgeSettings) -> None:
        if self._desired is None:
            self._recorded = {camera.id: wanted(camera) for camera in settings.cameras}
            return
        self._recorded = {camera.settings.id: camera for camera in self._usable(self._desired)}
        if settings.cameras:
            why = "the server's inventory counts, once it has named cameras for this agent"
            log.warning("local_cameras_ignored", cameras=[camera.id for camera in settings.cameras], why=why)

    def _usable(self, state: DesiredState) -> list[WantedCamera]:
        """What can be recorded of it: a camera that cannot be set up stays as it was, if it was."""
        made = {camera.camera_id: to_record(camera, self._agent_id, self._key) for camera in state.cameras}
        self._unusable = {name: found for name, found in made.items() if isinstance(found, Unusable)}
        found = {name: self._recorded.get(name) if isinstance(new, Unusable) else new for name, new in made.items()}
        return [camera for camera in found.values() if camera is not None]

    def _apply(self, cameras: list[WantedCamera]) -> None:
        if self._fleet is None or self._board is None:
            return
        shown = {status.camera_id for status in self._board.snapshot()}
        outcomes = self._fleet.apply(cameras)
        if self.stopping.is_set():  # what failed, failed because the agent ends; the next start carries it out
            return
        asked = {camera.settings.id: camera for camera in cameras}
        failed = {name for name, outcome in outcomes.items() if outcome.what == "failed"}
        with self._lock:
            before = self._recorded
            kept = {name: before[name] for name in failed & before.keys()}
            self._recorded = {name: camera for name, camera in asked.items() if name not in failed} | kept
        self._show_unusable(self._board, shown)
        told = {name: CameraOutcome(camera_id=name, what=what, why=why[:200]) for name, (what, why) in outcomes.items()}
        for name, unusable in self._unusable.items():
            told[name] = CameraOutcome(camera_id=name, what="failed", why=unusable.why)
        for camera in told.values():
            if camera.what == "failed":
                log.error("camera_not_set_up", camera=camera.camera_id, why=camera.why)
        self._reporter.tell(self.source, self.version, "taken", "", [told[name] for name in sorted(told)])
        self._on_change()

    def _show_unusable(self, board: CameraBoard, shown: set[str]) -> None:
        """A camera that was asked for and is not recorded is seen by the server all the same, with its reason."""
        asked = {camera.camera_id for camera in self._desired.cameras} if self._desired is not None else set()
        for camera_id in shown - self._recorded.keys() - asked:
            board.set(camera_id, "stopped", "taken out of the agent's configuration")
            board.remove(camera_id)
        for camera_id, unusable in self._unusable.items():
            if camera_id not in self._recorded:
                board.add(camera_id)
                board.set(camera_id, unusable.condition, unusable.why)
