"""Watches what nobody reports: a panel that has fallen silent, a partition that is not as its hours want it.

Invariant: each is told once when it begins and once when it ends, over restarts as well; what cannot be stored now is
told at the next look.
"""

from config.base.clock import US_PER_S
from config.base.errors import NightlightError
from config.base.logs import get_logger
from config.wire.alarms import AlarmKind, AlarmState
from edge_agent.alarms.codes import Meaning
from edge_agent.alarms.desk import AlarmDesk, Said
from edge_agent.alarms.messages import Report
from edge_agent.alarms.panels import Panel, silence_over
from edge_agent.alarms.schedule import off_schedule
from edge_agent.lifecycle import Worker
from edge_agent.timekeeping import AgentClock

LOOK_EVERY_S = 1.0
SCHEDULE_EVERY_US = 10 * US_PER_S
SILENT: AlarmKind = "panel_silent"

log = get_logger("alarms")


class AlarmWatch(Worker):
    """Looks every second."""

    def __init__(self, desk: AlarmDesk, clock: AgentClock, grace_s: int) -> None:
        super().__init__("alarm-watch")
        self._desk = desk
        self._clock = clock
        self._grace_s = grace_s
        self._scheduled_us: int | None = None

    def run(self) -> None:
        while not self.stopping.wait(LOOK_EVERY_S):
            self.pulse()
            try:
                self.look()
            except NightlightError as error:
                log.exception("alarm_watch_waits", why=str(error))

    def look(self) -> None:
        """One look at every panel. Raises what the desk raises."""
        now_us = self._clock.monotonic_us()
        for panel in self._desk.book.panels.values():
            self._listen_for(panel, now_us)
        if self._scheduled_us is None or now_us - self._scheduled_us >= SCHEDULE_EVERY_US:
            for panel in self._desk.book.panels.values():
                self._compare(panel)
            self._scheduled_us = now_us

    def _listen_for(self, panel: Panel, now_us: int) -> None:
        with self._desk.book.lock:
            silent, heard, over = panel.silent, panel.heard, silence_over(panel, now_us)
        if over == silent or (silent and not heard):  # after a restart nothing is over before it was heard again
            return
        text = f"silent for {(now_us - panel.since_us) // US_PER_S} s" if over else ""
        report = Report(SILENT, Meaning(SILENT, "raised" if over else "restored", SILENT), text=text)
        said = Said("supervision", panel.panel_id, (report,), account=panel.settings.account.upper())
        self._desk.take(said, {f"silent/{panel.panel_id}": "1" if over else "0"})
        with self._desk.book.lock:
            panel.silent = over

    def _compare(self, panel: Panel) -> None:
        for partition, hours in panel.hours.items():
            with self._desk.book.lock:
                armed, told = panel.is_armed(partition), panel.off_schedule.get(partition, "")
            zone = self._desk.book.zone
            wrong = off_schedule(hours, self._clock.utc_us(), self._grace_s, zone, armed=armed)
            if wrong == told:
                continue
            reports = [_off_schedule(told, "restored", partition)] if told else []
            reports += [_off_schedule(wrong, "raised", partition)] if wrong else []
            said = Said("schedule", panel.panel_id, tuple(reports), account=panel.settings.account.upper())
            self._desk.take(said, {f"off_schedule/{panel.panel_id}/{partition}": wrong})
            with self._desk.book.lock:
                panel.off_schedule[partition] = wrong


def _off_schedule(what: str, state: AlarmState, partition: str) -> Report:
    return Report(what, Meaning("off_schedule", state, what), partition)
