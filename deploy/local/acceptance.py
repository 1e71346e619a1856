"""Runs ``nightlight-agent accept`` against one agent of the demonstration, with nobody there: its panel's test is pressed.

Invariant: it is the installer's own command in a process of its own, with its own report; nothing is answered for it.

    trial = AcceptanceTrial(layout, site)
    trial.start()
    found = trial.finish(60)
"""

import json
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.base.errors import Unavailable
from deploy.local.commands import REPOSITORY, environment, tail
from deploy.local.facilities import DemoSite
from deploy.local.layout import Layout
from deploy.local.leash import leashed
from deploy.local.panels import SITE as PANEL_SITE
from deploy.local.panels import DemoPanel
from deploy.local.simulator.panel import SimulatedPanel
from edge_agent.alarms import dc09

OUTAGE_S = 10
PRESS_EVERY_S = 3.0
FIRST_SEQUENCE = 5_000
"""Far from those of the panel's own process: the same number again would be the same event again."""


@dataclass
class AcceptanceTrial:
    """One run. ``start`` it from the main thread, then ``finish`` it."""

    layout: Layout
    site: DemoSite
    _process: subprocess.Popen[bytes] | None = None
    _over: threading.Event = field(default_factory=threading.Event)

    @property
    def reports(self) -> Path:
        """Where the report is left."""
        return self.layout.root / "reports"

    @property
    def log(self) -> Path:
        """What the command said."""
        return self.layout.logs / "accept.log"

    def start(self) -> None:
        """Begins; returns at once."""
        settings = self.layout.agent(self.site.agent_id) / "settings.toml"
        command = [sys.executable, "-m", "edge_agent", "--language", "en", "accept", "--settings", str(settings)]
        command += ["--unattended", "--outage", str(OUTAGE_S), "--report", str(self.reports), "--json"]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                leashed(command),
                cwd=REPOSITORY,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if self.site == PANEL_SITE:
            threading.Thread(target=self._press, name="panel-test", daemon=True).start()

    def finish(self, within_s: float) -> dict[str, Any]:
        """What it found, as its last line says. Raises Unavailable where it did not come to its end in time."""
        try:
            return self._result(within_s)
        finally:
            self._over.set()
            if self._process is not None and self._process.poll() is None:
                self._process.kill()
                self._process.wait()

    def _result(self, within_s: float) -> dict[str, Any]:
        if self._process is None:
            raise Unavailable("the acceptance test was not begun")
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired as error:
            raise Unavailable(f"the acceptance test took more than {within_s:.0f} s more\n{tail(self.log)}") from error
        try:
            found = json.loads(self.log.read_text(encoding="utf-8").splitlines()[-1])
        except (OSError, ValueError, IndexError) as error:
            raise Unavailable(f"the acceptance test gave no result\n{tail(self.log)}") from error
        if not isinstance(found, dict):
            raise Unavailable(f"the acceptance test gave no result\n{tail(self.log)}")
        return found

    def _press(self) -> None:
        """The test button, until the command is over; each time is an event of its own."""
        told = DemoPanel(self.layout).arguments()
        known = dict(zip(told[::2], told[1::2], strict=True))
        host, _, port = known["--to"].rpartition(":")
        key = dc09.key_from(Path(known["--key-file"]).read_text(), "--key-file")
        panel = SimulatedPanel(host, int(port), known["--account"], key, sequence=FIRST_SEQUENCE)
        while not self._over.wait(PRESS_EVERY_S):
            panel.press("test")
