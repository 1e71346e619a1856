"""Settings and first keys of the demonstration's edge agents."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from config.base.errors import Unavailable
from deploy.local.commands import REPOSITORY, environment
from deploy.local.facilities import OWN_CAMERA, DemoSite
from deploy.local.layout import SEGMENT_S, Value, write_settings
from deploy.local.own_camera import OwnCamera

INIT_WITHIN_S = 60


@dataclass(frozen=True)
class AgentPlan:
    """Everything that one agent is told; before the cameras run, ``rtsp_url`` is None and no camera is named."""

    site: DemoSite
    folder: Path
    broker_port: int
    broker_password_file: Path
    server_url: str
    server_public_key_file: Path
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
            "agent": {
                "site_id": plan.site.site_id,
                "agent_id": plan.site.agent_id,
                "state_dir": str(plan.folder / "state"),
            },
            "mqtt": {
                "port": plan.broker_port,
                "username": plan.site.agent_id,
                "password_file": str(plan.broker_password_file),
            },
            "server": {"url": plan.server_url, "public_key_file": str(plan.server_public_key_file)},
            "recording": {"segment_s": SEGMENT_S},
            "spool": {"resend_s": 10},
        },
        _cameras(plan),
    )


def initialise(folder: Path) -> Path:
    """Makes the agent's key once; returns the file with its public half. Raises Unavailable."""
    public_file = folder / "agent-key.pub.pem"
    if public_file.exists() and (folder / "state" / "agent-key.pem").exists():
        return public_file
    done = subprocess.run(
        [sys.executable, "-m", "edge_agent", "init", "--settings", folder / "settings.toml"],
        cwd=REPOSITORY,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=INIT_WITHIN_S,
        check=False,
    )
    if done.returncode != 0 or "PUBLIC KEY" not in done.stdout:
        raise Unavailable(f"edge_agent init: {done.stderr.strip()[-2_000:]}")
    public_file.write_text(done.stdout)
    return public_file


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
