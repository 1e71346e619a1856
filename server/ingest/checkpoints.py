"""Shows checkpoints to the agents that witness them: looks every few seconds which of them is due one."""

from collections.abc import Callable
from threading import Event, Thread

import msgspec

from config.base.errors import NightlightError
from config.base.logs import get_logger
from server.services.evidence.show_checkpoints import CheckpointOutlet

LOOK_EVERY_S = 5.0

log = get_logger("witness")


class CheckpointWorker:
    """One thread; a database that does not answer is asked again."""

    def __init__(self, outlet: CheckpointOutlet, send: Callable[[msgspec.Struct], None], stop: Event) -> None:
        self._outlet = outlet
        self._send = send
        self._stop = stop
        self._thread = Thread(target=self._run, name="checkpoints")

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Waits for its end, after ``stop`` was set."""
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_EVERY_S):
            try:
                for shown in self._outlet.due():
                    self._send(shown)
                    log.info("checkpoint_shown", agent=shown.agent_id, older=shown.older_size)
            except NightlightError as error:
                log.warning("checkpoints_postponed", reason=str(error))
            except Exception:  # the top of this thread: the next look is a new try
                log.exception("checkpoints_failed")
