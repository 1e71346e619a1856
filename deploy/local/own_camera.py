"""The newcomer's own camera: its address is taken apart, and its password goes into a file that only they can read.

Standard library only: the address is judged before anything is installed.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from config.base.errors import ConfigurationError
from deploy.local.broker import write_secret
from deploy.local.say import text

FORGET = "none"


@dataclass(frozen=True)
class OwnCamera:
    """An address without credentials, and where the password lies."""

    url: str
    username: str
    password_file: str


def remember(folder: Path, given: str) -> None:
    """Keeps the camera for this start and later ones; ``none`` forgets it. Raises ConfigurationError."""
    file, password_file = folder / "own-camera.json", folder / "own-camera-password"
    if given == FORGET:
        file.unlink(missing_ok=True)
        password_file.unlink(missing_ok=True)
        return
    url, username, password = split(given)
    if password:
        write_secret(password_file, password)
    write_secret(file, json.dumps({"url": url, "username": username, "password": bool(password)}))


def recall(folder: Path) -> OwnCamera | None:
    """The camera that was given with this start or an earlier one."""
    try:
        kept = json.loads((folder / "own-camera.json").read_text())
    except FileNotFoundError:
        return None
    password_file = str(folder / "own-camera-password") if kept["password"] else ""
    return OwnCamera(kept["url"], kept["username"], password_file)


def split(given: str) -> tuple[str, str, str]:
    """Address without credentials, user, password. Raises ConfigurationError, which never repeats the password."""
    parts = urlsplit(given.strip())
    try:
        port = parts.port
    except ValueError as error:
        raise ConfigurationError(
            text("--camera: the port is a number from 1 to 65535", "--camera：端口是 1 到 65535 之间的数字")
        ) from error
    if parts.scheme != "rtsp" or not parts.hostname:
        example = "rtsp://user:password@192.0.2.10:554/stream1"
        raise ConfigurationError(
            text(
                f"--camera takes an address such as {example}; none forgets the one given before",
                f"--camera 的地址形如 {example}；none 表示忘掉之前给出的摄像头",
            )
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    place = f"{host}:{port}" if port else host
    url = urlunsplit(("rtsp", place, parts.path, parts.query, ""))
    if "@" in url:
        raise ConfigurationError(
            text("--camera: write an @ within the password as %40", "--camera：密码中的 @ 请写成 %40")
        )
    return url, unquote(parts.username or ""), unquote(parts.password or "")
