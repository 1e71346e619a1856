"""One shape for every thread of the agent: ``start``, ``run`` in a loop until told to stop, ``close`` with a bound.

Invariant: a fault in one thread ends no other. An exception that nobody expected is logged with its traceback and the
work is begun again after a bounded wait; it is never swallowed.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable

from config.base.backoff import Backoff
from config.base.logs import get_logger

RESTART_FIRST_S = 1.0
RESTART_LIMIT_S = 30.0

log = get_logger("agent")


class Worker(ABC):
    """A supervised thread. Subclasses loop in ``run`` and return soon after ``stopping`` is set."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.stopping = threading.Event()
        self.pulse: Callable[[], None] = _unwatched
        """Called once a round by a loop whose hanging must be noticed (see ``edge_agent.liveness``)."""
        self._thread = threading.Thread(target=self._supervise, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    @abstractmethod
    def run(self) -> None:
        """The work itself; called again after an unexpected exception."""

    def stop(self) -> None:
        """Asks the thread to end; returns at once."""
        self.stopping.set()

    def close(self, timeout_s: float) -> bool:
        """Stops and waits; False where the thread still runs after ``timeout_s``."""
        self.stop()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _supervise(self) -> None:
        backoff = Backoff(RESTART_FIRST_S, RESTART_LIMIT_S)
        while not self.stopping.is_set():
            self.pulse()
            try:
                self.run()
            except Exception:  # the supervisor: the one place that may catch everything
                wait_s = backoff.next_s()
                log.exception("worker_failed", worker=self.name, again_in_s=round(wait_s, 1))
                self.stopping.wait(wait_s)


def _unwatched() -> None:
    """A loop that nobody watches."""
