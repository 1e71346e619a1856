"""What runs beside the recording in a shard: diagnosis and the live view; each a part that knows only feeds.

A companion is made once for each shard process, in ``process.Shard``. It learns which cameras come and go, subscribes to their feeds, and tells the main process what it
found with ``context.tell(kind, camera_id, body)``: ``body`` is its own business (msgspec bytes), and the main process
hands it to whoever registered for ``kind`` with ``CameraFleet.on_told(kind, handler)``. The other way, ``CameraFleet.ask``
reaches ``asked`` of every companion of the camera's shard.

Invariant: a companion's fault or slowness is its own: it runs in its own thread, ``tell`` never waits, and where the
way to the main process is full the message is dropped and counted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from config.settings.edge import CameraSettings, EdgeSettings, StreamChoice
from edge_agent.cameras.feed import Feed
from edge_agent.timekeeping import Timeline

TOLD_BYTES_MAX = 128 * 1024


class ShardClock(Protocol):
    """The agent's clock as a shard sees it."""

    @property
    def timeline(self) -> Timeline:
        """The newest that the main process sent."""
        ...

    def monotonic_us(self) -> int: ...


@dataclass(frozen=True)
class ShardContext:
    """What a companion gets."""

    clock: ShardClock
    settings: EdgeSettings
    """As the main process has them, without cameras."""
    tell: Callable[[str, str, bytes], bool]
    """``(kind, camera_id, body)``, at most ``TOLD_BYTES_MAX``; False where it was dropped. Never waits."""


class Companion(Protocol):
    """All of it is called from the shard's own thread, except what the companion starts itself."""

    def start(self) -> None:
        """Sets its thread going."""
        ...

    def choice(self, camera: CameraSettings) -> StreamChoice:
        """Which of the camera's streams it wants."""
        ...

    def camera_added(self, camera: CameraSettings, feed: Feed, recorded: Feed) -> None:
        """A camera records from now on; ``feed`` is of the stream that it chose.

        ``recorded`` is of the one that is recorded, and so connected in any case; it may be the same.
        """
        ...

    def camera_removed(self, camera_id: str) -> None:
        """It is gone, or about to be added again with other settings."""
        ...

    def asked(self, kind: str, camera_id: str, body: bytes) -> None:
        """The main process asks for something; what it does not know is not for it. Must not wait."""
        ...

    def close(self, timeout_s: float) -> None:
        """Ends its thread; the process ends soon after in any case."""
        ...
