"""How fast recordings may go out: a token bucket over the bodies of all uploads together.

Invariant: over any stretch of time no more than rate × time + one second's worth of bytes is let through. Messages,
alarms and heartbeats do not pass here: they are small, and must not wait.

Source: RFC 2697 (one rate, one burst), without colours.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from config.base.clock import US_PER_S, Clock
from config.base.errors import ConfigurationError, Unavailable
from config.settings.edge import UplinkSettings

LOOK_EVERY_S = 0.25
"""A wait is cut into pieces of this length: another hour may have another rate, and the agent may be told to stop."""
BURST_US = US_PER_S


@dataclass(frozen=True)
class UplinkPlan:
    """What the settings say of each hour. Raises ConfigurationError for a time zone that is none."""

    settings: UplinkSettings

    def __post_init__(self) -> None:
        self._zone()

    def bits_per_second(self, utc_us: int) -> int:
        """At an instant; 0 where nothing is to hold uploads up."""
        if not self.settings.hours:
            return self.settings.bits_per_second_max
        now = datetime.fromtimestamp(utc_us / US_PER_S, UTC).astimezone(self._zone()).time()
        for hours in self.settings.hours:
            since, until = time.fromisoformat(hours.since), time.fromisoformat(hours.until)
            within = since <= now < until if since < until else now >= since or now < until
            if within:
                return hours.bits_per_second_max
        return self.settings.bits_per_second_max

    def _zone(self) -> tzinfo | None:
        name = self.settings.timezone
        try:
            return ZoneInfo(name) if name else None  # None: the machine's own
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ConfigurationError(
                f"'uplink.timezone': there is no time zone {name!r}; write one such as Asia/Shanghai"
            ) from error


class Throttle:
    """Shared by all upload workers. Thread-safe."""

    def __init__(self, bits_per_second: Callable[[], int], clock: Clock) -> None:
        """``bits_per_second``: what is allowed now; 0 for no bound."""
        self._bits_per_second = bits_per_second
        self._clock = clock
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._tokens = 0.0
        self._at_us = clock.monotonic_us()

    def take(self, size_bytes: int) -> None:
        """Returns when so many bytes may go. Raises Unavailable where the agent is being stopped meanwhile."""
        while (wait_s := self._missing_s(size_bytes)) > 0:
            if self._stopping.wait(min(wait_s, LOOK_EVERY_S)):
                raise Unavailable("the agent is being stopped")

    def close(self) -> None:
        """Ends every wait."""
        self._stopping.set()

    def _missing_s(self, size_bytes: int) -> float:
        """Takes the bytes and returns 0, or takes nothing and says how long to wait for the rest."""
        with self._lock:
            rate = self._bits_per_second() / 8
            now_us = self._clock.monotonic_us()
            elapsed_us, self._at_us = max(0, now_us - self._at_us), now_us
            if rate <= 0:
                self._tokens = 0.0
                return 0.0
            self._tokens = min(self._tokens + rate * elapsed_us / US_PER_S, rate * BURST_US / US_PER_S)
            # A block larger than a second's worth goes when the bucket is full, and leaves it in debt.
            needed = min(float(size_bytes), rate * BURST_US / US_PER_S)
            if self._tokens >= needed:
                self._tokens -= size_bytes
                return 0.0
            return max(0.001, (needed - self._tokens) / rate)
