"""The main process's way down to one shard: what it says, in order.

Invariants: ``say`` never waits, and what was said is never dropped: it waits here until the shard reads. One that reads
nothing for ``UNREAD_US_MAX``, or lets ``WAITING_MAX`` words wait, is ``deaf``: its process is to be ended, for the next is
told everything anew.

A socket with a timeout would wait, in whatever thread speaks, and then give the word up. Not thread-safe: its keeper has
a lock.
"""

import socket
from collections import deque
from collections.abc import Callable

from config.base.clock import US_PER_S
from edge_agent.shards.messages import Down, pack

WAITING_MAX = 1_024
UNREAD_US_MAX = 8 * US_PER_S


class Downlink:
    """Made with the process that it leads to; ``close`` it with it."""

    def __init__(self, connection: socket.socket, monotonic_us: Callable[[], int]) -> None:
        """``connection``: goes on to be used, with whatever timeout, for hearing."""
        self._socket = connection.dup()
        self._socket.setblocking(False)
        self._monotonic_us = monotonic_us
        self._waiting: deque[bytes] = deque()
        self._moved_us = 0
        self._gone = False

    @property
    def crowded(self) -> bool:
        """Something waits already: what need not be said had better not be."""
        return bool(self._waiting)

    @property
    def deaf(self) -> bool:
        late = bool(self._waiting) and self._monotonic_us() - self._moved_us > UNREAD_US_MAX
        return late or len(self._waiting) > WAITING_MAX

    def say(self, message: Down) -> bool:
        """False where nobody is left to hear it. Raises InvalidInput for one that is too large."""
        packed = pack(message)
        if not self._waiting:
            self._moved_us = self._monotonic_us()
        if len(self._waiting) <= WAITING_MAX:  # past it the process is ended, and the next told everything
            self._waiting.append(packed)
        return self.move()

    def move(self) -> bool:
        """Sends what the shard has room for; to be called now and then. False where nobody is left."""
        while self._waiting and not self._gone:
            try:
                self._socket.send(self._waiting[0])
            except BlockingIOError:
                break
            except OSError:
                self._gone = True
            else:
                self._waiting.popleft()
                self._moved_us = self._monotonic_us()
        return not self._gone

    def close(self) -> None:
        self._waiting.clear()
        self._socket.close()
