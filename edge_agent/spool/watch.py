"""Looks after the spool's room: raises the alarm while there is time, and at full does as it was told.

Invariant (I2): a file goes only on a receipt or, where the agent was told to keep the newest, on a committed statement
of its loss: ``segment-evicted`` is in the outbox before the file is touched. Nothing is ever evicted silently.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from config.base.errors import NightlightError
from config.base.logs import get_logger
from config.settings.edge import SpoolSettings
from config.wire.notices import CLOCK_STEPPED, SPOOL_FILLING, SPOOL_FULL
from edge_agent.lifecycle import Worker
from edge_agent.reporting.notices import NoticeBook
from edge_agent.spool.disk import DiskGuard
from edge_agent.spool.forecast import RecordingRate, SpoolForecast, forecast, is_filling, lacking_bytes
from edge_agent.spool.segments import SegmentSpool
from edge_agent.timekeeping import AgentClock

LOOK_EVERY_S = 0.5
EVICTIONS_A_LOOK_MAX = 64
CLOCK_WRONG_US = 2_000_000

log = get_logger("spool")


@dataclass(frozen=True)
class Room:
    """Where the watch looks, and what it asks."""

    guard: DiskGuard
    spool: SegmentSpool
    bits_per_second: Callable[[], int]
    """What the cameras send now, together."""
    in_hand: Callable[[], Collection[str]]
    """The segments that are being uploaded at this moment."""


class SpoolWatch(Worker):
    """``forecast`` is that of the last look, half a second ago at most."""

    def __init__(self, room: Room, settings: SpoolSettings, notices: NoticeBook, clock: AgentClock) -> None:
        super().__init__("spool-watch")
        self._room = room
        self._settings = settings
        self._notices = notices
        self._clock = clock
        self._rate = RecordingRate()
        self._full = notices.is_raised(SPOOL_FULL)
        self._gave_up = False
        """Something went since it was last told that there is no room, whoever saw that."""
        self.forecast = self._look()
        if settings.when_full == "keep_new":
            room.guard.make_room = self.make_room

    def run(self) -> None:
        while not self.stopping.wait(LOOK_EVERY_S):
            self.turn()

    def turn(self) -> None:
        """One look, and what follows from it."""
        self.forecast = self._look()
        try:
            if self._settings.when_full == "keep_new":
                self._evict()
            self._tell()
        except NightlightError as error:  # on a full disk, and tried again at the next look
            log.warning("spool_watch_waits", why=str(error))

    def _look(self) -> SpoolForecast:
        self._rate.note(self._room.bits_per_second(), self._clock.monotonic_us())
        return forecast(self._room.guard.use(), self._settings, self._rate.bytes_per_second)

    def make_room(self) -> None:
        """At once, for whoever sees before the next look that there is none left: what came in since may have taken it."""
        try:
            self._evict()
        except NightlightError as error:
            log.warning("spool_watch_waits", why=str(error))

    def _evict(self) -> None:
        lacking = lacking_bytes(self._room.guard.use(), self._settings)
        if lacking <= 0:
            return
        evicted = 0
        for segment_id, size_bytes in self._room.spool.oldest_whole(EVICTIONS_A_LOOK_MAX, self._room.in_hand()):
            if lacking <= 0:
                break
            if self._room.spool.evict(segment_id, self._clock.utc_us()):
                evicted += 1
                lacking -= size_bytes
        if evicted:
            self._gave_up = True

    def _tell(self) -> None:
        found, gave_up = self.forecast, self._gave_up
        filling = gave_up or is_filling(
            found.used, self._settings.alarm_fraction, was_filling=self._notices.is_raised(SPOOL_FILLING)
        )
        used = f"{found.used * 100:.0f} % of the room used; check the link to the server" if filling else ""
        self._notices.tell(SPOOL_FILLING, raised=filling, hours_left=found.hours_left if filling else None, detail=used)
        if not filling:
            self._full = False
        elif gave_up or not self._room.guard.has_room():
            self._full = True
        if self._settings.when_full == "keep_new":
            does = "the oldest recordings are given up (spool.when_full = keep_new)"
        else:
            does = "nothing new is recorded (spool.when_full = keep_old)"
        self._notices.tell(SPOOL_FULL, raised=self._full, detail=does if self._full else "")
        if gave_up:  # what went meanwhile has been told of with it
            self._gave_up = False
        error_us = self._clock.system_clock_error_us()
        wrong = abs(error_us) > CLOCK_WRONG_US
        detail = f"{error_us / 1_000_000:+.1f} s against the server's time; check NTP" if wrong else ""
        self._notices.tell(CLOCK_STEPPED, raised=wrong, detail=detail)
