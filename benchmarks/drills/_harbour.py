"""A facility that nobody has set up yet, beside those of the running demonstration: cameras that answer ONVIF, a box, accounts.

Only what an authority or an installer does at a terminal is done here; everything else is left to the people in the browser.
"""

import subprocess
import sys
from types import TracebackType
from typing import Self

from config.base.clock import SystemClock
from config.base.errors import Unavailable
from config.base.roles import Role
from deploy.local.agents import enrol, write_agent_settings
from deploy.local.commands import REPOSITORY, environment
from deploy.local.processes import Service, stop_all
from deploy.local.simulator.launch import Simulator
from deploy.local.stack import Stack
from server.runtime import open_database
from server.services.registers.register import Register

CAMERAS = ("cam1", "cam2")
CAMERA_USER = "viewer"
REGION, TIMEZONE = "cn/sichuan/luzhou", "Asia/Shanghai"
DISCOVER_WITHIN_S = 100
NOBODY_ASKED = 4
"""What ``discover`` ends with where it has told the centre and nobody was there to have it write a configuration."""
NAMES = {"zh-CN": "海港托育园", "en": "Harbour Nursery"}


class Harbour:
    """One facility in one language; everything that it started ends with it."""

    def __init__(self, stack: Stack, language: str) -> None:
        self.stack = stack
        self.site_id = f"harbour-{language[:2]}"
        self.agent_id = f"{self.site_id}-agent"
        self.name = NAMES[language]
        layout = stack.layout
        self.folder = layout.agent(self.agent_id)
        self.camera_password = layout.secret(layout.cameras, f"{self.site_id}-cameras")
        self._agent: Service | None = None
        self._cameras: Simulator | None = None
        self.manager, self.password = f"{self.site_id}-director", layout.secret(layout.accounts, self.site_id)

    def __enter__(self) -> Self:
        self._cameras = Simulator.start(
            self.stack.layout.root / self.site_id,
            cameras=len(CAMERAS),
            user=CAMERA_USER,
            password=self.camera_password,
            onvif=True,
        )
        database = open_database(self.stack.settings().database)
        try:
            register = Register(database, SystemClock())
            register.add_site(self.site_id, self.name, REGION, TIMEZONE)
            register.add_account(self.manager, Role.FACILITY_MANAGER, self.password, [self.site_id])
        finally:
            database.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stop_all([self._agent] if self._agent else [])
        if self._cameras is not None:
            self._cameras.stop()

    @property
    def url(self) -> str:
        """Of its pages."""
        return f"{self.stack.address}/sites/{self.site_id}"

    def enters(self, code: str) -> None:
        """The installer types the code at the box, starts it and has it look for cameras. Raises Unavailable."""
        write_agent_settings(self.folder)
        enrol(self.folder, code)
        settings = str(self.folder / "settings.toml")
        self._agent = Service(
            self.agent_id,
            ("edge_agent", "run", "--settings", settings),
            self.stack.layout.logs / f"{self.agent_id}.log",
        )
        self._agent.start()
        command = [sys.executable, "-m", "edge_agent", "discover", "--settings", settings, "--user", CAMERA_USER]
        command += ["--password-file", str(self.stack.layout.root / self.site_id / "camera-password")]
        for camera in CAMERAS:
            command += ["--address", self.simulator.device(camera)]
        done = subprocess.run(
            command,
            cwd=REPOSITORY,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DISCOVER_WITHIN_S,
            check=False,
        )
        if done.returncode != NOBODY_ASKED:
            raise Unavailable(f"edge_agent discover ended with {done.returncode}: {done.stderr.strip()[-2_000:]}")

    @property
    def simulator(self) -> Simulator:
        """Its cameras. Raises Unavailable."""
        if self._cameras is None:
            raise Unavailable("the cameras are not running")
        return self._cameras
