"""An instant that never goes back: what has expired stays so when somebody sets the clock (invariant I6).

The newest instant seen goes on with the monotonic clock where the wall clock is behind it, and is kept in the database, so that
a restart does not forget it. A clock that was once far ahead therefore refuses until the time has come or an administrator
says ``server.admin people clock --set-back``: it fails closed.
"""

from threading import Lock

import structlog

from config.base.clock import US_PER_S, Clock
from storage.database.models import NewestInstant
from storage.database.unit_of_work import Database

KEEP_EVERY_US = 5 * US_PER_S
TOLD_BEHIND_US = 2 * US_PER_S
_log = structlog.get_logger("steady_time")


class SteadyTime:
    """One a process; thread-safe."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._lock = Lock()
        self._newest: tuple[int, int] | None = None
        """The newest instant, and the monotonic clock then."""
        self._kept_us = 0
        self._behind = False

    def now_us(self) -> int:
        """Raises Unavailable where the newest instant can be neither read nor kept."""
        with self._lock:
            if self._newest is None:
                self._kept_us = self._read()
                self._newest = (self._kept_us, self._clock.monotonic_us())
            seen_us, then_us = self._newest
            mono_us, wall_us = self._clock.monotonic_us(), self._clock.utc_us()
            steady_us = seen_us + max(0, mono_us - then_us)
            self._tell(wall_us, steady_us)
            now_us = max(wall_us, steady_us)
            self._newest = (now_us, mono_us)
            if now_us >= self._kept_us + KEEP_EVERY_US:
                self._keep(now_us)
            return now_us

    def _tell(self, wall_us: int, steady_us: int) -> None:
        behind = wall_us + TOLD_BEHIND_US < steady_us
        if behind and not self._behind:
            _log.warning("clock_set_back", behind_us=steady_us - wall_us)
        self._behind = behind

    def _read(self) -> int:
        with self._database.reading() as session:
            row = session.get(NewestInstant, 1)
            return row.seen_us if row is not None else 0

    def _keep(self, now_us: int) -> None:
        with self._database.unit_of_work() as session:
            row = session.get(NewestInstant, 1)
            if row is None:
                session.add(NewestInstant(id=1, seen_us=now_us))
            else:
                row.seen_us = max(row.seen_us, now_us)
        self._kept_us = now_us


def newest(database: Database) -> int | None:
    """The newest instant that was kept; None before the first."""
    with database.reading() as session:
        row = session.get(NewestInstant, 1)
        return row.seen_us if row is not None else None


def set_back(database: Database, now_us: int) -> None:
    """An administrator says what time it is. What had expired by a clock that ran ahead may stand again."""
    with database.unit_of_work() as session:
        row = session.get(NewestInstant, 1)
        if row is not None and row.seen_us > now_us:
            _log.warning("steady_time_set_back", seen_us=row.seen_us, now_us=now_us)
            row.seen_us = now_us
