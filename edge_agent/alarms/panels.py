"""The configured panels, and what is known of each: who it is, when it was last heard, what is armed.

Invariant: what a restart must not forget (armed, told silent, told off schedule) is written in the same transaction as
the event that tells it; this book is read back from there.
"""

import threading
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from config.base.clock import US_PER_S, Clock
from config.base.errors import ConfigurationError
from config.settings.edge import AlarmSettings, PanelSettings
from config.settings.loader import read_secret
from config.wire.alarms import AlarmKind
from edge_agent.alarms.codes import Meaning
from edge_agent.alarms.dc09 import key_from
from edge_agent.alarms.schedule import Weekly, parse
from edge_agent.spool.database import SpoolDatabase

WHOLE = ""
"""The partition of a panel that names none."""
POINT_KINDS = frozenset(("panic", "tamper", "perimeter", "interior", "intrusion", "fire", "gas", "water", "medical"))
"""A point's own kind replaces these: a button that is wired to a burglary zone is a button."""


@dataclass(frozen=True)
class PanelStatus:
    """One panel as it stands; for the heartbeat and for the installer."""

    panel_id: str
    alive: bool | None
    """None: not once heard since the agent began, and not yet missed."""
    heard_ms: int | None
    """How long ago."""
    armed: tuple[str, ...]
    """Partitions; an empty name stands for the whole panel."""
    tested_us: int | None
    """When its last test came, on the agent's timeline, since the agent began."""


@dataclass
class Panel:
    """One configured panel. Times are monotonic."""

    settings: PanelSettings
    key: bytes | None
    hours: dict[str, Weekly]
    since_us: int
    """When it was last heard, or the agent began."""
    heard: bool = False
    silent: bool = False
    tested_us: int | None = None
    armed: dict[str, tuple[bool, int]] = field(default_factory=dict)
    """Partition → whether, and since when on the timeline."""
    off_schedule: dict[str, str] = field(default_factory=dict)
    """Partition → what was told to be wrong with it."""

    @property
    def panel_id(self) -> str:
        return self.settings.id

    def is_armed(self, partition: str) -> bool | None:
        """By the newest word about the partition or the whole panel; None where there never was one."""
        said = [self.armed[name] for name in (partition, WHOLE) if name in self.armed]
        return max(said, key=lambda word: word[1])[0] if said else None

    def meaning(self, meaning: Meaning, point: str) -> Meaning:
        """A report's meaning at one of its points."""
        kind: AlarmKind | None = self.settings.points.get(point)
        return meaning._replace(kind=kind) if kind is not None and meaning.kind in POINT_KINDS else meaning


class PanelBook:
    """Thread-safe: each of its panels is changed under ``lock``."""

    def __init__(self, settings: AlarmSettings, database: SpoolDatabase, clock: Clock) -> None:
        """Raises ConfigurationError naming the setting."""
        self.lock = threading.Lock()
        self._clock = clock
        self.zone = _zone(settings.timezone)
        self.panels: dict[str, Panel] = {}
        self._by_account: dict[str, Panel] = {}
        for one in settings.panels:
            self._add(one)
        for one_input in settings.inputs:
            if one_input.id in self.panels:
                raise ConfigurationError(f"'alarms.inputs': {one_input.id} is the name of a panel already")
        for row in database.all("SELECT name, value FROM alarm_states"):
            self._recall(row["name"], row["value"])

    def of_account(self, account: str) -> Panel | None:
        return self._by_account.get(account.upper())

    def heard(self, panel: Panel) -> None:
        """It said something that was really its own."""
        with self.lock:
            panel.since_us, panel.heard = self._clock.monotonic_us(), True

    def status(self) -> list[PanelStatus]:
        """Every panel, in the order of the settings."""
        now_us = self._clock.monotonic_us()
        with self.lock:
            return [_status(panel, now_us) for panel in self.panels.values()]

    def _add(self, settings: PanelSettings) -> None:
        name = f"alarms.panels.{settings.id}"
        account = settings.account.upper()
        if settings.id in self.panels or (account and account in self._by_account):
            raise ConfigurationError(f"'{name}': its id or account stands there twice")
        key = None
        if settings.key_file:
            key = key_from(read_secret(settings.key_file, f"{name}.key_file"), f"{name}.key_file")
        hours = {one.id: parse(one.armed, f"{name}.partitions.{one.id}.armed") for one in settings.partitions}
        panel = Panel(settings, key, hours, self._clock.monotonic_us())
        self.panels[settings.id] = panel
        if account:
            self._by_account[account] = panel

    def _recall(self, name: str, value: str) -> None:
        what, _, rest = name.partition("/")
        panel_id, _, partition = rest.partition("/")
        panel = self.panels.get(panel_id)
        if panel is None:
            return
        if what == "silent":
            panel.silent = value == "1"
        elif what == "off_schedule" and value:
            panel.off_schedule[partition] = value
        elif what == "armed":
            word, _, since = value.partition("@")
            panel.armed[partition] = (word == "1", int(since))


def silence_over(panel: Panel, now_us: int) -> bool:
    """Whether its period has passed without a word; never of a panel that is not supervised."""
    period_us = panel.settings.period_s * US_PER_S
    return period_us > 0 and now_us - panel.since_us > period_us


def _status(panel: Panel, now_us: int) -> PanelStatus:
    alive = False if panel.silent else True if panel.heard else None
    return PanelStatus(
        panel_id=panel.panel_id,
        alive=alive,
        heard_ms=(now_us - panel.since_us) // 1_000 if panel.heard else None,
        armed=tuple(sorted(name for name, (armed, _) in panel.armed.items() if armed)),
        tested_us=panel.tested_us,
    )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigurationError(f"'alarms.timezone': there is no time zone {name!r}; such as Asia/Shanghai") from error
