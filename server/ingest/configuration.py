"""Sends desired states: looks once a second which agents are due, so that a change is with its agent within two."""

from collections.abc import Callable
from threading import Event, Thread

import msgspec

from config.base.errors import NightlightError
from config.base.logs import get_logger
from server.services.cameras.send_configuration import ConfigurationOutlet

LOOK_EVERY_S = 1.0

log = get_logger("configuration")


class ConfigurationWorker:
    """One thread; a database that does not answer is asked again."""

    def __init__(self, outlet: ConfigurationOutlet, send: Callable[[msgspec.Struct], None], stop: Event) -> None:
        self._outlet = outlet
        self._send = send
        self._stop = stop
        self._thread = Thread(target=self._run, name="configuration")

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Waits for its end, after ``stop`` was set."""
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_EVERY_S):
            try:
                for state in self._outlet.due():
                    self._send(state)
                    log.info(
                        "desired_state_sent", agent=state.agent_id, version=state.version, cameras=len(state.cameras)
                    )
            except NightlightError as error:
                log.warning("configuration_postponed", reason=str(error))
            except Exception:  # the top of this thread: the next look is a new try
                log.exception("configuration_failed")
