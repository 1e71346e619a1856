"""Sends challenges and fetches to agents of sites with a store of their own: looks once a second what is due."""

from collections.abc import Callable, Sequence
from threading import Event, Thread

import msgspec

from config.base.errors import NightlightError
from config.base.logs import get_logger

LOOK_EVERY_S = 1.0

log = get_logger("cells")


class CellSender:
    """One thread; ``due`` says what is to be sent now."""

    def __init__(
        self,
        due: Callable[[], Sequence[msgspec.Struct]],
        send: Callable[[msgspec.Struct], None],
        stop: Event,
    ) -> None:
        self._due = due
        self._send = send
        self._stop = stop
        self._thread = Thread(target=self._run, name="cells")

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Waits for its end, after ``stop`` was set."""
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_EVERY_S):
            try:
                for message in self._due():
                    self._send(message)
            except NightlightError as error:
                log.warning("challenges_postponed", code=error.code, reason=str(error))
            except Exception:  # the top of this thread: the next look is a new try
                log.exception("challenges_failed")
