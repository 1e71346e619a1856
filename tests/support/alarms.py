"""An agent's alarm desk with a real spool, and a receiver that really listens."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.base.clock import Clock, SystemClock
from config.settings.edge import AlarmSettings, ClockSettings, PanelSettings, PartitionSettings
from config.wire.alarms import AlarmEvent
from config.wire.envelope import Signer, decode_payload, open_envelope
from deploy.local.simulator.panel import SimulatedPanel
from edge_agent.alarms.service import Alarms
from edge_agent.messages import Sealer
from edge_agent.spool.ballast import Ballast
from edge_agent.spool.database import SpoolDatabase
from edge_agent.spool.outbox import Outbox
from edge_agent.timekeeping import AgentClock
from tests.support.brokers import free_port

ACCOUNT, KEY = "12345A", bytes(range(16))
PANEL = "hall-panel"


def alarm_settings(**changed: Any) -> AlarmSettings:
    """The defaults, with what is changed."""
    defaults: dict[str, Any] = {
        "listen": "127.0.0.1:12340",
        "band_early_s": 20,
        "band_late_s": 40,
        "repeat_s": 120,
        "timezone": "Asia/Shanghai",
        "schedule_grace_s": 900,
        "webhook_port": 0,
        "webhook_token_file": "",
        "panels": [],
        "inputs": [],
    }
    return AlarmSettings(**{**defaults, **changed})


def panel_settings(folder: Path, key: bytes | None = None, **changed: Any) -> PanelSettings:
    """One panel; its key goes into a file."""
    file = ""
    if key is not None:
        (folder / "panel.key").write_text(key.hex())
        file = str(folder / "panel.key")
    partitions = changed.pop("partitions", [PartitionSettings(id="1", armed=["mon-fri 19:00-07:00"])])
    return PanelSettings(**{"id": PANEL, "account": ACCOUNT, "key_file": file, "partitions": partitions, **changed})


@dataclass
class AlarmBox:
    """The alarm part of an agent on a spool of its own; open it again to restart it."""

    folder: Path
    settings: AlarmSettings
    clock: Clock

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.open()

    def open(self) -> None:
        """As after a start."""
        self.database = SpoolDatabase(self.folder / "spool.sqlite3", Ballast(self.folder))
        self.outbox = Outbox(self.database)
        self.agent_clock = AgentClock(self.clock, ClockSettings(sync_s=60, step_us=2_000_000, slew_ppm=500))
        sealer = Sealer("site-1", "agent-1", Signer(Ed25519PrivateKey.generate()))
        self.alarms = Alarms(self.settings, self.agent_clock, self.database, self.outbox, sealer)

    def restart(self) -> None:
        self.database.close()
        self.open()

    @property
    def events(self) -> list[AlarmEvent]:
        """What waits for the server, in order."""
        rows = self.outbox.express(1_000)
        found: list[msgspec.Struct] = [decode_payload(open_envelope(row.body)) for row in rows]
        return [event for event in found if isinstance(event, AlarmEvent)]

    @property
    def told(self) -> list[tuple[str, str, str, str]]:
        """Kind, state, partition, point."""
        return [(event.kind, event.state, event.partition, event.point) for event in self.events]

    @contextmanager
    def listening(self) -> Iterator[None]:
        """With its threads running."""
        for worker in self.alarms.workers:
            worker.start()
        try:
            yield
        finally:
            for worker in self.alarms.workers:
                worker.close(5)

    def panel(self, **changed: Any) -> SimulatedPanel:
        """A panel that reports to it."""
        host, _, port = self.settings.listen.rpartition(":")
        return SimulatedPanel(**{"host": host, "port": int(port), "account": ACCOUNT, "clock": self.clock, **changed})


@pytest.fixture
def alarm_box(tmp_path: Path) -> Iterator[AlarmBox]:
    """A box with one panel in cipher, on the machine's clock, on a free port."""
    folder = tmp_path / "alarms"
    folder.mkdir()
    panels = [panel_settings(folder, KEY, points={"3": "panic", "7": "perimeter"})]
    box = AlarmBox(folder, alarm_settings(listen=f"127.0.0.1:{free_port()}", panels=panels), SystemClock())
    yield box
    box.database.close()
