"""The agent's timeline: UTC that never jumps, read from a monotonic clock and slewed toward the server's clock.

Invariant: within one timeline, time goes forward at between ``1 - ppm`` and ``1 + ppm`` of the true rate, whatever
happens to the system clock. An error too large to slew away begins a new timeline, with a new id, so that no claim
ever spans two clocks.

Source: RFC 5905 (offset and bound of one exchange), ``adjtime(3)`` (slew or step).
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from config.base.backoff import Backoff
from config.base.clock import US_PER_S, Clock, isoformat
from config.base.errors import NightlightError
from config.base.ids import fresh_id
from config.base.logs import get_logger
from config.settings.edge import ClockSettings
from config.wire.health import ClockReading
from edge_agent.lifecycle import Worker

SYSTEM_STEP_US = 250_000
"""The machine's wall clock moved against the monotonic clock by more than this between two looks: it was set."""
LOOK_EVERY_S = 1.0
FIRST_ANSWER_WITHIN_S = 3.0
RETRY_FIRST_S = 0.5
EXCHANGES = 3
READINGS = 3

log = get_logger("timekeeping")


@dataclass(frozen=True)
class Slew:
    """A correction that grows from ``from_us`` to ``target_us`` at ``ppm`` from monotonic ``since_us`` on."""

    from_us: int = 0
    target_us: int = 0
    since_us: int = 0
    ppm: int = 500

    def at(self, monotonic_us: int) -> int:
        """The correction in force at a monotonic instant."""
        allowance = max(0, monotonic_us - self.since_us) * self.ppm // US_PER_S
        wanted = self.target_us - self.from_us
        return self.from_us + max(-allowance, min(allowance, wanted))


class Instant(NamedTuple):
    """An instant, and the timeline that it was read from: apart from that it means nothing."""

    us: int
    timeline_id: str


@dataclass(frozen=True)
class Timeline:
    """An unbroken stretch of the agent's clock. Immutable: a new slew makes a new value with the same id."""

    timeline_id: str
    started_us: int
    origin_us: int
    """The monotonic reading at ``started_us``."""
    slew: Slew

    def utc_us(self, monotonic_us: int) -> int:
        """The instant of a monotonic reading on this timeline."""
        return self.started_us + (monotonic_us - self.origin_us) + self.slew.at(monotonic_us)

    def instant(self, monotonic_us: int) -> Instant:
        """The same, with this timeline's id."""
        return Instant(self.utc_us(monotonic_us), self.timeline_id)

    def slewed(self, offset_us: int, monotonic_us: int, ppm: int) -> "Timeline":
        """This timeline, drawn toward an error of ``offset_us`` (true minus this) that was seen at ``monotonic_us``."""
        now = self.slew.at(monotonic_us)
        return replace(self, slew=Slew(now, now + offset_us, monotonic_us, ppm))


def both_clocks(clock: Clock) -> tuple[int, int]:
    """UTC and the monotonic reading of one moment: the quickest of a few tries, for a thread may be held up in between."""
    found: list[tuple[int, int, int]] = []
    for _ in range(READINGS):
        before_us, utc_us, after_us = clock.monotonic_us(), clock.utc_us(), clock.monotonic_us()
        found.append((after_us - before_us, utc_us, (before_us + after_us) // 2))
    _, utc_us, monotonic_us = min(found)
    return utc_us, monotonic_us


def begin_timeline(utc_us: int, monotonic_us: int) -> Timeline:
    """A fresh timeline that reads ``utc_us`` now."""
    return Timeline(fresh_id(), utc_us, monotonic_us, Slew())


def corrected(timeline: Timeline, reading: ClockReading, monotonic_us: int, settings: ClockSettings) -> Timeline:
    """What a reading of the server's clock makes of the timeline: itself, slewed, or a new one (pure but for the id).

    A reading whose own uncertainty is a good part of the step limit proves nothing. One that agrees with the timeline
    within its uncertainty leaves the rate alone.
    """
    if reading.bound_us > settings.step_us // 2:
        return timeline
    if abs(reading.offset_us) > settings.step_us:
        return begin_timeline(timeline.utc_us(monotonic_us) + reading.offset_us, monotonic_us)
    wanted = 0 if abs(reading.offset_us) <= reading.bound_us else reading.offset_us
    return timeline.slewed(wanted, monotonic_us, settings.slew_ppm)


def system_clock_step(before_us: int, now_us: int) -> int | None:
    """How far the system clock was set between two looks at (wall minus monotonic); None where it was not."""
    moved = now_us - before_us
    return moved if abs(moved) > SYSTEM_STEP_US else None


class AgentClock:
    """The one clock of the agent: every instant it reports is read here. Thread-safe."""

    def __init__(self, clock: Clock, settings: ClockSettings) -> None:
        self._clock = clock
        self._settings = settings
        self._lock = threading.Lock()
        self._timeline = begin_timeline(*both_clocks(clock))
        self._reading: ClockReading | None = None
        self.on_change: Callable[[Timeline], None] = lambda _timeline: None
        """Called with every new value of the timeline, be it slewed or begun anew."""

    @property
    def timeline(self) -> Timeline:
        return self._timeline

    @property
    def reading(self) -> ClockReading | None:
        """The newest comparison with the server's clock."""
        return self._reading

    def monotonic_us(self) -> int:
        return self._clock.monotonic_us()

    def utc_us(self) -> int:
        """Now, on the timeline."""
        return self._timeline.utc_us(self._clock.monotonic_us())

    def now(self) -> Instant:
        """Now, with the timeline's id: both of the same timeline, whatever happens meanwhile."""
        return self._timeline.instant(self._clock.monotonic_us())

    def system_clock_error_us(self) -> int:
        """The machine's wall clock minus the timeline."""
        utc_us, monotonic_us = both_clocks(self._clock)
        return utc_us - self._timeline.utc_us(monotonic_us)

    def system_anchor_us(self) -> int:
        """Wall minus monotonic: constant until somebody sets the wall clock."""
        utc_us, monotonic_us = both_clocks(self._clock)
        return utc_us - monotonic_us

    def compare(self, server_us: int, asked_us: int, answered_us: int) -> ClockReading:
        """The reading of one exchange; ``asked_us`` and ``answered_us`` are monotonic."""
        middle = self._timeline.utc_us((asked_us + answered_us) // 2)
        return ClockReading(
            observed_us=self.utc_us(), offset_us=server_us - middle, bound_us=(answered_us - asked_us + 1) // 2
        )

    def is_step(self, reading: ClockReading) -> bool:
        """Whether taking this reading in would begin a new timeline."""
        now_us = self._clock.monotonic_us()
        after = corrected(self._timeline, reading, now_us, self._settings)
        return after.timeline_id != self._timeline.timeline_id

    def note(self, reading: ClockReading) -> None:
        """Keeps a reading for the heartbeat and changes nothing."""
        self._reading = reading

    def correct(self, reading: ClockReading, *, unused: bool = False) -> bool:
        """Takes a reading in; True where it began a new timeline.

        ``unused``: no claim has been made on the timeline yet, so even a small error is stepped and not slewed.
        """
        with self._lock:
            before, now_us = self._timeline, self._clock.monotonic_us()
            if unused and abs(reading.offset_us) > reading.bound_us:
                self._timeline = begin_timeline(before.utc_us(now_us) + reading.offset_us, now_us)
            else:
                self._timeline = corrected(before, reading, now_us, self._settings)
            begun = self._timeline.timeline_id != before.timeline_id
            # What remains after a new timeline was begun from this reading is its uncertainty alone.
            self._reading = (
                ClockReading(observed_us=self.utc_us(), offset_us=0, bound_us=reading.bound_us) if begun else reading
            )
            if self._timeline != before:
                self.on_change(self._timeline)
        return begun


class ClockSync(Worker):
    """Compares the timeline with the server's clock now and then, and watches for a system clock that was set."""

    def __init__(
        self,
        clock: AgentClock,
        settings: ClockSettings,
        ask: Callable[[], int],
        closing: Callable[[], None],
        begun: Callable[[], None],
    ) -> None:
        """``ask`` returns the server's time in microseconds UTC or raises a NightlightError.

        A timeline that turns out wrong is told of once more, with the reading that proves it, before the next begins:
        ``closing`` does that durably, or raises a NightlightError and the timeline goes on. ``begun``: it was left.
        """
        super().__init__("clock-sync")
        self._clock = clock
        self._settings = settings
        self._ask = ask
        self._closing = closing
        self._begun = begun

    def first(self) -> bool:
        """Before anything is recorded: tries for at most 3 s to begin the first timeline on the server's time."""
        deadline_us = self._clock.monotonic_us() + int(FIRST_ANSWER_WITHIN_S * US_PER_S)
        while not self.stopping.is_set() and self._clock.monotonic_us() < deadline_us:
            if self._sync(unused=True):
                return True
            self.stopping.wait(RETRY_FIRST_S)
        log.warning("server_time_unknown", why="the server did not answer; the machine's clock is used until it does")
        return False

    def run(self) -> None:
        backoff = Backoff(RETRY_FIRST_S, float(self._settings.sync_s))
        wait_s = float(self._settings.sync_s) if self._clock.reading else backoff.next_s()
        due_us = self._clock.monotonic_us() + int(wait_s * US_PER_S)
        anchor_us = self._clock.system_anchor_us()
        while not self.stopping.wait(LOOK_EVERY_S):
            before_us, anchor_us = anchor_us, self._look(anchor_us)
            if anchor_us != before_us and system_clock_step(before_us, anchor_us) is not None:
                due_us = 0  # somebody set the clock, or the machine slept: is the timeline itself still right?
            if self._clock.monotonic_us() < due_us:
                continue
            if self._sync():
                backoff.reset()
                wait_s = float(self._settings.sync_s)
            else:
                wait_s = backoff.next_s()
            due_us = self._clock.monotonic_us() + int(wait_s * US_PER_S)

    def _look(self, before_us: int) -> int:
        now_us = self._clock.system_anchor_us()
        step_us = system_clock_step(before_us, now_us)
        if step_us is not None:
            log.warning("system_clock_set", moved_us=step_us, error_us=self._clock.system_clock_error_us())
        return now_us

    def _sync(self, *, unused: bool = False) -> bool:
        best: ClockReading | None = None
        for _ in range(EXCHANGES):
            asked_us = self._clock.monotonic_us()
            try:
                server_us = self._ask()
            except NightlightError as error:
                log.debug("server_time_unavailable", error=str(error))
                break
            reading = self._clock.compare(server_us, asked_us, self._clock.monotonic_us())
            if best is None or reading.bound_us < best.bound_us:
                best = reading
        if best is None:
            return False
        if self._clock.is_step(best) and not unused:
            self._clock.note(best)
            try:
                self._closing()
            except NightlightError as error:
                log.exception("timeline_not_closed", why=str(error))
                return False
        if self._clock.correct(best, unused=unused):
            started = isoformat(self._clock.timeline.started_us)
            log.warning("timeline_begun", offset_us=best.offset_us, bound_us=best.bound_us, starts=started)
            self._begun()
        return True
