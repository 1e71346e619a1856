"""A shard's way up: what its cameras say, in order, and a pulse twice a second.

Invariants: ``say`` never waits; what cameras say is never dropped (a queue that overflows ends the process, and what it
was writing is rescued); a floor is read before the queue is emptied, so that whatever it promises has been told first.
"""

import os
import socket
import threading
from collections import deque
from collections.abc import Callable

from config.base.logs import get_logger
from edge_agent.shards.messages import CameraPulse, Ended, Pulse, Told, Up, pack

PULSE_S = 0.5
WAITING_MAX = 4_096
TOLD_WAITING_MAX = 64
OVERFLOWN = 70

log = get_logger("shards")


class Uplink(threading.Thread):
    """The one thread that writes to the socket."""

    def __init__(self, connection: socket.socket, pulses: Callable[[], list[CameraPulse]]) -> None:
        super().__init__(name="uplink", daemon=True)
        self._connection = connection
        self._pulses = pulses
        self._queue: deque[Up] = deque()
        self._told: deque[Told] = deque()
        self._wake = threading.Event()
        self._dropped = 0

    def say(self, message: Up) -> None:
        """Sends a message that must arrive, after all before it."""
        if len(self._queue) >= WAITING_MAX:
            log.error("shard_overflown", waiting=len(self._queue), why="the main process does not listen")
            os._exit(OVERFLOWN)
        self._queue.append(message)
        self._wake.set()

    def tell(self, message: Told) -> bool:
        """Sends a companion's message; False where too many wait already."""
        if len(self._told) >= TOLD_WAITING_MAX:
            self._dropped += 1
            return False
        self._told.append(message)
        self._wake.set()
        return True

    def run(self) -> None:
        """Until ``Ended`` has been sent, or nobody is left to hear it."""
        try:
            while not self._turn():
                self._wake.wait(PULSE_S)
                self._wake.clear()
        except OSError:
            os._exit(0)  # the main process is gone

    def _turn(self) -> bool:
        pulse = Pulse(self._pulses(), self._dropped)
        for queue in (self._queue, self._told):
            while queue:
                message = queue.popleft()
                self._connection.sendall(pack(message))
                if isinstance(message, Ended):
                    return True
        self._connection.sendall(pack(pulse))
        return False
