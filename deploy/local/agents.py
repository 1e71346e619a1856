"""Settings of the demonstration's edge agents, and their enrolment: with a real code each, as on any box."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from config.base.clock import US_PER_DAY, Clock
from config.base.errors import Unavailable
from config.settings.edge import ENROLLED_FILE
from deploy.local.commands import REPOSITORY, environment
from deploy.local.facilities import OWN_CAMERA, DemoSite
from deploy.local.layout import SEGMENT_S, Value, write_settings
from deploy.local.own_camera import OwnCamera
from edge_agent.enrolment.credentials import Credentials

ENROL_WITHIN_S = 60


@dataclass(frozen=True)
class AgentPlan:
    """Everything that one agent is told; before the cameras run, ``rtsp_url`` is None and no camera is named."""

    site: DemoSite
    folder: Path
    rtsp_url: Callable[[str], str] | None
    camera_user: str
    camera_password_file: Path
    own: OwnCamera | None


def write_agent_settings(plan: AgentPlan) -> None:
    """Writes ``settings.toml`` into the agent's folder."""
    (plan.folder / "state").mkdir(mode=0o700, parents=True, exist_ok=True)
    write_settings(
        plan.folder / "settings.toml",
        {
            "agent": {"state_dir": str(plan.folder / "state")},
            "recording": {"segment_s": SEGMENT_S},
            "spool": {"resend_s": 10},
        },
        _cameras(plan),
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


def _cameras(plan: AgentPlan) -> list[dict[str, Value]]:
    if plan.rtsp_url is None:
        return []
    found: list[dict[str, Value]] = [
        {
            "id": camera.camera_id,
            "url": plan.rtsp_url(camera.stream),
            "username": plan.camera_user,
            "password_file": str(plan.camera_password_file),
        }
        for camera in plan.site.cameras
    ]
    if plan.own is not None:
        own: dict[str, Value] = {"id": OWN_CAMERA.camera_id, "url": plan.own.url}
        if plan.own.username:
            own["username"] = plan.own.username
        if plan.own.password_file:
            own["password_file"] = plan.own.password_file
        found.append(own)
    return found
