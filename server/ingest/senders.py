"""Sends to agents what is due to them: desired states, checkpoints, and what is asked of a site's own store."""

from collections.abc import Callable, Sequence
from threading import Event, Thread

import msgspec

from config.base.errors import NightlightError
from config.base.logs import get_logger

log = get_logger("senders")


class Sender:
    """One thread; ``due`` says what is to be sent now. A database that does not answer is asked again."""

    def __init__(
        self,
        name: str,
        every_s: float,
        due: Callable[[], Sequence[msgspec.Struct]],
        send: Callable[[msgspec.Struct], None],
        stop: Event,
    ) -> None:
        self._name = name
        self._every_s = every_s
        self._due = due
        self._send = send
        self._stop = stop
        self._thread = Thread(target=self._run, name=name)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Waits for its end, after ``stop`` was set."""
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                for message in self._due():
                    self._send(message)
                    log.info("sent", what=type(message).__name__, agent=getattr(message, "agent_id", ""))
            except NightlightError as error:
                log.warning("sending_postponed", what=self._name, code=error.code, reason=str(error))
            except Exception:  # the top of this thread: the next look is a new try
                log.exception("sending_failed", what=self._name)
