"""Starts a simulator as a process of its own and speaks to it; for the demonstration, benchmarks and tests.

with Simulator.start(Path("/tmp/x"), cameras=2) as simulator:
    simulator.url("cam1")
    simulator.switch("cam1", "off")
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from config.base.errors import Unavailable
from deploy.local.commands import REPOSITORY, environment, tail
from deploy.local.leash import leashed
from deploy.local.simulator import control
from deploy.local.simulator.camera import Mode
from deploy.local.simulator.source import Codec

STOP_WITHIN_S = 5.0
SOCKET_PATH_BYTES_MAX = 107  # unix(7)


@dataclass
class Simulator:
    """A running simulator."""

    process: subprocess.Popen[str]
    port: int
    cameras: tuple[str, ...]
    control_path: Path
    user: str = ""
    onvif_ports: dict[str, int] = field(default_factory=dict)

    @classmethod
    def start(  # noqa: PLR0913 - the options of a command line
        cls,
        state_dir: Path,
        *,
        cameras: int = 1,
        port: int = 0,
        user: str = "",
        password: str = "",
        auth: str = "digest",
        codec: Codec = "h264",
        clip: Path | None = None,
        onvif: bool = False,
    ) -> Self:
        """Returns when it accepts connections; its socket and password lie in ``state_dir``. Raises Unavailable."""
        state_dir.mkdir(parents=True, exist_ok=True)
        control_path = _socket_path(state_dir)
        command = [sys.executable, "-m", "deploy.local.simulator", "--port", str(port), "--cameras", str(cameras)]
        command += ["--control", str(control_path), "--codec", codec, "--auth", auth]
        if user:
            password_file = state_dir / "camera-password"
            password_file.touch(0o600)
            password_file.write_text(password)
            command += ["--user", user, "--password-file", str(password_file)]
        if onvif:
            command.append("--onvif")
        if clip:
            command += ["--clip", str(clip)]
        log_file = state_dir / "simulator.log"
        with log_file.open("ab") as log:
            process = subprocess.Popen(
                leashed(command),
                cwd=REPOSITORY,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise Unavailable(f"the camera simulator stopped at once, status {process.wait()}:\n{tail(log_file)}")
        told = json.loads(line)
        return cls(process, told["port"], tuple(told["cameras"]), control_path, user, told["onvif"])

    def url(self, camera: str) -> str:
        """The address of a camera, without credentials."""
        return f"rtsp://127.0.0.1:{self.port}/{camera}"

    def switch(self, camera: str, mode: Mode) -> None:
        """Puts a camera into another mode; see ``camera.Mode``."""
        control.order(self.control_path, camera, mode)

    def device(self, camera: str) -> str:
        """The address of a camera's ONVIF device service."""
        return f"http://127.0.0.1:{self.onvif_ports[camera]}/onvif/device_service"

    def arrange(self, camera: str, **settings: object) -> None:
        """Changes a camera as an ONVIF device: its clock, card, input; see ``control``."""
        control.arrange(self.control_path, camera, **settings)

    def stop(self) -> None:
        """Ends the process; further calls do nothing."""
        self.process.terminate()
        try:
            self.process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()


def _socket_path(state_dir: Path) -> Path:
    path = state_dir.resolve() / "cameras.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES_MAX:
        return path
    return Path(tempfile.mkdtemp(prefix="nightlight-")) / "cameras.sock"
