"""The watchdog: notices a camera whose reader waits too long, whatever the library underneath believes.

Invariant: a stream that goes silent is noticed within ``stall_s + 1``, even where the reading thread is stuck; its
recording is then ended at the last frame that came, not at the moment of noticing.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, Protocol

from config.base.clock import US_PER_S, Clock
from config.settings.edge import RecordingSettings
from edge_agent.lifecycle import Worker

LOOK_EVERY_S = 0.5
GRACE_S = 0.25
"""The reader's own timeout comes first where it works, for it knows better what happened."""

Phase = Literal["idle", "opening", "reading"]


class Progress(NamedTuple):
    """What a reader is doing, and since when nothing has come of it (monotonic). One is made for every packet."""

    phase: Phase
    since_us: int


class Watched(Protocol):
    """A camera's reader, as the watchdog sees it."""

    def progress(self) -> Progress: ...

    def abandon(self, seen: Progress) -> None:
        """Ends the recording from outside, if nothing has come since ``seen``."""
        ...


def overdue(progress: Progress, now_us: int, settings: RecordingSettings) -> bool:
    """Whether a reader has been waiting for longer than it may."""
    limits = {"idle": None, "opening": settings.connect_timeout_s, "reading": settings.stall_s}
    limit_s = limits[progress.phase]
    return limit_s is not None and now_us - progress.since_us > (limit_s + GRACE_S) * US_PER_S


class Watchdog(Worker):
    """One thread that looks at every camera there is at that moment."""

    def __init__(self, watched: Callable[[], Sequence[Watched]], clock: Clock, settings: RecordingSettings) -> None:
        super().__init__("watchdog")
        self._watched = watched
        self._clock = clock
        self._settings = settings

    def run(self) -> None:
        while not self.stopping.wait(LOOK_EVERY_S):
            for camera in self._watched():
                progress = camera.progress()
                if overdue(progress, self._clock.monotonic_us(), self._settings):
                    camera.abandon(progress)
