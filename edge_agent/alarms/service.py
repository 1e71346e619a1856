"""The alarm part of the agent put together: what listens, what watches, and what can be asked of it."""

from collections.abc import Callable

from config.base.errors import ConfigurationError
from config.settings.edge import AlarmSettings
from config.settings.loader import read_secret
from config.wire.health import PanelCondition, PanelHealth
from edge_agent.alarms.desk import AlarmDesk
from edge_agent.alarms.inputs import InputWatch
from edge_agent.alarms.judging import Judge
from edge_agent.alarms.panels import PanelBook, PanelStatus
from edge_agent.alarms.receiver import Receiver
from edge_agent.alarms.watch import AlarmWatch
from edge_agent.alarms.webhook import Webhook
from edge_agent.lifecycle import Worker
from edge_agent.messages import Sealer
from edge_agent.spool.database import SpoolDatabase
from edge_agent.spool.outbox import Outbox
from edge_agent.timekeeping import AgentClock

TOKEN_CHARS_MIN = 16


class AlarmStatus:
    """What the panels are at the moment: for the heartbeat, and for the installer's acceptance test."""

    def __init__(self, book: PanelBook, flooded: Callable[[str], bool]) -> None:
        self._book = book
        self._flooded = flooded

    def panels(self) -> list[PanelStatus]:
        """Every configured panel."""
        return self._book.status()

    def health(self) -> list[PanelHealth]:
        """The same, as a heartbeat says it."""
        return [
            PanelHealth(
                panel_id=panel.panel_id,
                condition="flooded" if self._flooded(panel.panel_id) else _condition(panel),
                heard_ms=panel.heard_ms,
            )
            for panel in self._book.status()
        ]


class Alarms:
    """``workers`` are to be started and closed with the others; without any setting there are none."""

    def __init__(
        self, settings: AlarmSettings, clock: AgentClock, database: SpoolDatabase, outbox: Outbox, sealer: Sealer
    ) -> None:
        """Raises ConfigurationError naming the setting."""
        # A stamp that is believed for the last time is that old, and cut to whole seconds at both ends.
        if settings.repeat_s < settings.band_early_s + settings.band_late_s + 2:
            raise ConfigurationError(
                "'alarms.repeat_s' must be at least alarms.band_early_s and alarms.band_late_s together, and 2 more"
            )
        book = PanelBook(settings, database, clock)
        self.desk = AlarmDesk(book, clock, database, outbox, sealer, settings.repeat_s)
        self.judge = Judge(settings, self.desk, clock)
        self.status = AlarmStatus(book, self.judge.flooded)
        self.workers: list[Worker] = []
        if settings.listen:
            self.workers.append(Receiver(settings.listen, self.judge.answer, clock))
        elif any(panel.account for panel in settings.panels):
            raise ConfigurationError(
                "'alarms.listen' is empty and a panel reports by DC-09: name the agent's address on the site's network"
            )
        if settings.panels:
            self.workers.append(AlarmWatch(self.desk, clock, settings.schedule_grace_s))
        if settings.webhook_port:
            token = read_secret(settings.webhook_token_file, "alarms.webhook_token_file")
            if len(token) < TOKEN_CHARS_MIN:
                raise ConfigurationError(f"'alarms.webhook_token_file' must hold at least {TOKEN_CHARS_MIN} characters")
            self.workers.append(Webhook(settings.webhook_port, token, self.desk))
        self.workers += [InputWatch(one, self.desk, clock, _known_inputs(database, one.id)) for one in settings.inputs]


def _known_inputs(database: SpoolDatabase, device_id: str) -> dict[str, bool]:
    prefix = f"input/{device_id}/"
    rows = database.all("SELECT name, value FROM alarm_states WHERE name >= ? AND name < ?", prefix, f"{prefix}\uffff")
    return {row["name"].removeprefix(prefix): row["value"] == "1" for row in rows}


def _condition(panel: PanelStatus) -> PanelCondition:
    return "unheard" if panel.alive is None else "heard" if panel.alive else "silent"
