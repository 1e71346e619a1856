"""Since when each of the agent's loops has been silent.

Invariant: a loop that hangs is named within its limit. What is watched is that loops turn, never that the network
answers: an outage is no reason to be restarted, for a restart costs footage. For the same reason a loop that fails and
is begun again by its supervisor counts as turning; its failures stand in the log.

    pulse = liveness.watch("heartbeat", 45)
    pulse()               # once a round
    liveness.overdue()    # names of those silent for longer than they may
"""

import threading
from collections.abc import Callable

from config.base.clock import US_PER_S, Clock

WATCHED_MAX = 256


class Liveness:
    """Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._limit_us: dict[str, int] = {}
        self._heard_us: dict[str, int] = {}

    def watch(self, name: str, within_s: float) -> Callable[[], None]:
        """Begins to watch a loop, as if it had just turned; returns what the loop calls once a round.

        Raises ValueError for a name that is watched already, or one too many.
        """
        with self._lock:
            if name in self._limit_us or len(self._limit_us) >= WATCHED_MAX:
                raise ValueError(f"{name} is watched already, or {WATCHED_MAX} loops are")
            self._limit_us[name] = int(within_s * US_PER_S)
            self._heard_us[name] = self._clock.monotonic_us()

        def pulse() -> None:
            with self._lock:
                if name in self._heard_us:
                    self._heard_us[name] = self._clock.monotonic_us()

        return pulse

    def forget(self, name: str) -> None:
        """Stops watching a loop that ended because it was told to; a name that is not watched is no error."""
        with self._lock:
            self._limit_us.pop(name, None)
            self._heard_us.pop(name, None)

    def overdue(self) -> dict[str, float]:
        """The loops that have been silent for longer than they may, and for how many seconds."""
        now_us = self._clock.monotonic_us()
        with self._lock:
            return {
                name: (now_us - heard_us) / US_PER_S
                for name, heard_us in self._heard_us.items()
                if now_us - heard_us > self._limit_us[name]
            }
