"""Writers of one process take turns, first come, first served.

SQLite has one writer. Who finds it taken sleeps and looks again, up to 100 ms later, while a busy thread begins its next
transaction a millisecond after its last: the sleeper may miss its chance for seconds. Here nobody sleeps past its turn.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock

from config.base.errors import Unavailable


class Turns:
    """A lock that is handed over in the order of asking. Not to be taken twice by one thread."""

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s
        self._lock = Lock()
        self._taken = False
        self._waiting: deque[Event] = deque()

    @contextmanager
    def mine(self) -> Iterator[None]:
        """Raises Unavailable where the turn does not come in time."""
        self._take()
        try:
            yield
        finally:
            self._hand_over()

    def _take(self) -> None:
        with self._lock:
            if not self._taken:
                self._taken = True
                return
            called = Event()
            self._waiting.append(called)
        if called.wait(self._wait_s):
            return
        with self._lock:
            if not called.is_set():
                self._waiting.remove(called)
                raise Unavailable(f"the database was busy for {self._wait_s:.0f} s")

    def _hand_over(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False
