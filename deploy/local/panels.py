"""The demonstration's alarm panel: what the agent expects of it, the process that plays it, and its buttons.

    python3 dev.py panel panic --point 3
    python3 dev.py panel restore --point 3
    python3 dev.py panel close

Invariant: its key is made once, lies in a file of mode 0600, and stands in no argument list.
"""

import json
import secrets
import sys
from pathlib import Path

from deploy.local.broker import write_secret
from deploy.local.commands import REPOSITORY
from deploy.local.facilities import SITES, DemoSite
from deploy.local.layout import Layout, Value
from deploy.local.processes import Service
from deploy.local.say import Told, text
from deploy.local.simulator import panel as simulated

PANEL_ID = "hall-panel"
ACCOUNT = "A1B2C3"
PERIOD_S = 60
NULL_EVERY_S = 15
SITE: DemoSite = SITES[0]
"""The facility that has one."""


class DemoPanel:
    """One panel at one agent."""

    def __init__(self, layout: Layout) -> None:
        self._folder = layout.agent(SITE.agent_id)
        self._layout = layout

    @property
    def key_file(self) -> Path:
        return self._folder / "panel.key"

    def settings(self) -> tuple[dict[str, Value], dict[str, Value]]:
        """What stands in the agent's ``[alarms]`` and ``[[alarms.panels]]``; makes the key, and takes a port."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.key_file.exists():
            write_secret(self.key_file, secrets.token_hex(16))
        listen = f"127.0.0.1:{self._layout.port('panel')}"
        write_secret(self._folder / "panel.json", json.dumps(self._arguments(listen)))
        panel: dict[str, Value] = {
            "id": PANEL_ID,
            "account": ACCOUNT,
            "key_file": str(self.key_file),
            "period_s": PERIOD_S,
        }
        return {"listen": listen}, panel

    def service(self) -> Service:
        """The process that plays it: it says that it is there, again and again."""
        arguments = ["deploy.local.simulator.panel", *self.arguments(), "--every", str(NULL_EVERY_S), "run"]
        return Service(PANEL_ID, arguments, self._layout.logs / f"{PANEL_ID}.log")

    def arguments(self) -> list[str]:
        """How its program reaches the agent. Raises Told where no demonstration has been started yet."""
        try:
            found: list[str] = json.loads((self._folder / "panel.json").read_text())
        except (OSError, ValueError) as error:
            raise Told(
                text(
                    "there is no panel yet: start the demonstration first with: python3 dev.py demo",
                    "还没有报警主机：请先启动演示：python3 dev.py demo",
                )
            ) from error
        return found

    def _arguments(self, listen: str) -> list[str]:
        return ["--to", listen, "--account", ACCOUNT, "--key-file", str(self.key_file)]


def main(arguments: list[str]) -> int:
    """Presses a button of the running demonstration's panel."""
    try:
        known = DemoPanel(Layout(REPOSITORY / ".nightlight")).arguments()
    except Told as told:
        print(told, file=sys.stderr)
        return 1
    return simulated.main([*known, *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
