"""Settings of the demonstration's edge agents, and their enrolment: with a real code each, as on any box."""

import subprocess
import sys
from pathlib import Path

from config.base.clock import US_PER_DAY, Clock
from config.base.errors import Unavailable
from config.settings.edge import ENROLLED_FILE
from deploy.local.commands import REPOSITORY, environment
from deploy.local.layout import SEGMENT_S, write_settings
from deploy.local.panels import DemoPanel
from edge_agent.enrolment.credentials import Credentials

ENROL_WITHIN_S = 60


def write_agent_settings(folder: Path, panel: DemoPanel | None = None) -> None:
    """Writes ``settings.toml`` into an agent's folder, with its alarm panel; its cameras it hears of from the server."""
    (folder / "state").mkdir(mode=0o700, parents=True, exist_ok=True)
    alarms, panels = panel.settings() if panel else ({}, None)
    write_settings(
        folder / "settings.toml",
        {
            "agent": {"state_dir": str(folder / "state")},
            "alarms": alarms,
            "recording": {"segment_s": SEGMENT_S},
            "spool": {"resend_s": 10},
        },
        panels=[panels] if panels else [],
    )


def is_enrolled(folder: Path, clock: Clock, return_days: int) -> bool:
    """Whether the agent can come in, or get in again, without a new code."""
    state_dir = folder / "state"
    certificate = Credentials(state_dir, clock).certificate
    if certificate is None or not (state_dir / ENROLLED_FILE).exists():
        return False
    return clock.utc_us() < certificate.ends_us + return_days * US_PER_DAY


def enrol(folder: Path, code: str) -> None:
    """Redeems a code. Raises Unavailable."""
    done = subprocess.run(
        [sys.executable, "-m", "edge_agent", "enrol", "--settings", folder / "settings.toml"],
        cwd=REPOSITORY,
        env=environment(),
        input=f"{code}\n",
        capture_output=True,
        text=True,
        timeout=ENROL_WITHIN_S,
        check=False,
    )
    if done.returncode != 0:
        raise Unavailable(f"edge_agent enrol: {done.stderr.strip()[-2_000:]}")
