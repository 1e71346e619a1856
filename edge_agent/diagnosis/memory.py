"""What a camera's watcher knows, kept over restarts: its references and where its findings stand.

Invariant: a file is whole or not there (written aside, synced, renamed), and what cannot be read is learned anew, never
trusted. It holds gradients, not pictures; its folder is the agent's own (0700).
"""

import hashlib
import os
import threading
from pathlib import Path

import msgspec
import numpy as np

from config.base.decoding import decode_msgpack
from config.base.logs import get_logger
from config.settings.edge import CameraSettings
from config.wire.findings import FindingName
from edge_agent.diagnosis.hysteresis import State, Watch
from edge_agent.diagnosis.measuring import COLUMNS, HEIGHT, ROWS, WIDTH, Floats
from edge_agent.diagnosis.reference import Reference
from edge_agent.diagnosis.watcher import REFERENCES_MAX, Watcher

FILE_BYTES_MAX = 2 << 20

log = get_logger("diagnosis")


class _Reference(msgspec.Struct, frozen=True):
    pictures: int
    learned_us: int
    direction_x: bytes
    direction_y: bytes
    texture: bytes
    edge: float
    cast: tuple[float, float]
    monochrome: bool


class _Watch(msgspec.Struct, frozen=True):
    state: State
    since_us: int


class _Memory(msgspec.Struct, frozen=True):
    view: str
    references: list[_Reference]
    watches: dict[FindingName, _Watch]


def view_of(camera: CameraSettings) -> str:
    """What a reference holds for: another stream, other masks or another view, and it must be learned anew."""
    told = f"{camera.stream_for(camera.diagnose)} {camera.view} {camera.privacy_masks}"
    return hashlib.sha256(told.encode()).hexdigest()


class WatcherMemory:
    """One folder, one file a camera. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def recall(self, camera: CameraSettings, watcher: Watcher) -> None:
        """Fills a fresh watcher with what is known; leaves it fresh where nothing usable is."""
        file = self._file(camera.id)
        try:
            data = file.read_bytes()
            if len(data) > FILE_BYTES_MAX:
                raise ValueError("too large")  # noqa: TRY301 - one place for everything that makes it unusable
            memory = decode_msgpack(data, _Memory)
            references = [_read(kept) for kept in memory.references[:REFERENCES_MAX]]
        except FileNotFoundError:
            return
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            log.warning("diagnosis_forgotten", camera=camera.id, why=str(error), effect="the view is learned anew")
            return
        watcher.watches = {name: Watch(kept.state, kept.since_us) for name, kept in memory.watches.items()}
        if memory.view == view_of(camera):
            watcher.references = references

    def keep(self, camera: CameraSettings, watcher: Watcher) -> None:
        """Writes down what is known; a disk that cannot take it costs nothing but learning anew after a restart."""
        memory = _Memory(
            view_of(camera),
            [_written(reference) for reference in watcher.references],
            {name: _Watch(watch.state, watch.since_us) for name, watch in watcher.watches.items()},
        )
        file = self._file(camera.id)
        with self._lock:
            try:
                self._replace(file, msgspec.msgpack.encode(memory))
            except OSError as error:
                log.warning("diagnosis_not_kept", camera=camera.id, why=error.strerror)

    def _replace(self, file: Path, data: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = file.with_suffix(".part")
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as opened:
            opened.write(data)
            opened.flush()
            os.fsync(opened.fileno())
        aside.replace(file)

    def _file(self, camera_id: str) -> Path:
        return self._folder / f"{camera_id}.view"


def _written(reference: Reference) -> _Reference:
    return _Reference(
        reference.pictures,
        reference.learned_us,
        reference.direction_x.astype(np.float16).tobytes(),
        reference.direction_y.astype(np.float16).tobytes(),
        reference.texture.astype(np.float16).tobytes(),
        reference.edge,
        reference.cast,
        reference.monochrome,
    )


def _read(kept: _Reference) -> Reference:
    half = (HEIGHT // 2, WIDTH // 2)
    return Reference(
        pictures=kept.pictures,
        learned_us=kept.learned_us,
        direction_x=_floats(kept.direction_x, half),
        direction_y=_floats(kept.direction_y, half),
        texture=_floats(kept.texture, (ROWS, COLUMNS)),
        edge=kept.edge,
        cast=kept.cast,
        monochrome=kept.monochrome,
    )


def _floats(data: bytes, shape: tuple[int, int]) -> Floats:
    values = np.frombuffer(data, np.float16).reshape(shape).astype(np.float32)
    if not np.isfinite(values).all():
        raise ValueError("not a number")
    return values
