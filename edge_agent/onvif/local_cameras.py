"""The cameras that ``discover`` takes into the agent's own configuration: ``cameras.toml`` and a password file each.

Invariant: a password stands in a file of its own that only the agent's user may read, and nowhere else; each file is
whole or as it was before.
"""

import json
import os
from pathlib import Path

import msgspec

from config.base.errors import ConfigurationError
from config.settings.edge import LOCAL_CAMERAS, CameraSettings, load_cameras

PASSWORDS = "camera-passwords"
HEADER = """# Cameras of this agent, written by nightlight-agent discover; change it as you like, in the form of edge.toml.
# 由 nightlight-agent discover 写入的摄像头；可自行修改，格式同 edge.toml。
"""


class LocalCameras:
    """The file in one state folder."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir
        self.path = state_dir / LOCAL_CAMERAS

    def read(self) -> list[CameraSettings]:
        """Raises ConfigurationError."""
        return load_cameras(self.path)

    def take(self, cameras: list[tuple[CameraSettings, str]]) -> None:
        """Adds cameras with their passwords, in place of any with the same id. Raises ConfigurationError."""
        kept = {camera.id: camera for camera in self.read()}
        try:
            for camera, password in cameras:
                file = ""
                if camera.username:
                    (self._folder / PASSWORDS).mkdir(mode=0o700, exist_ok=True)
                    path = self._folder / PASSWORDS / camera.id
                    _write(path, password)
                    file = str(path)
                kept[camera.id] = msgspec.structs.replace(camera, password_file=file)
            _write(self.path, HEADER + "".join(_table(camera) for camera in kept.values()))
        except OSError as error:
            raise ConfigurationError(f"'agent.state_dir': cannot write {self.path}: {error.strerror}") from error


def _table(camera: CameraSettings) -> str:
    """TOML; a JSON text is one of its basic strings, but for DEL, which no field of ours may hold."""
    plain = CameraSettings(id=camera.id, url=camera.url)
    lines = [
        f"{name} = {json.dumps(value, ensure_ascii=False)}"
        for name, value in msgspec.to_builtins(camera).items()
        if name in ("id", "url") or value != getattr(plain, name)
    ]
    return "\n".join(["", "[[cameras]]", *lines, ""])


def _write(path: Path, text: str) -> None:
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(text.encode())
        opened.flush()
        os.fsync(descriptor)
    fresh.rename(path)
