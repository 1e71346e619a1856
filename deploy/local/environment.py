"""The virtual environment in the checkout, filled from hash-locked requirement files alone.

Standard library only. Invariant: every package, uv included, is installed with its hash checked; the second run with
unchanged requirement files installs nothing and takes no time.
"""

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from deploy.local.commands import REPOSITORY, environment, run_logged
from deploy.local.say import Told, line, step, text

Level = Literal["local", "dev"]
"""``local`` runs the whole stack; ``dev`` holds that and what tests and checks need."""
VENV = REPOSITORY / ".venv"
REQUIREMENTS = REPOSITORY / "deploy" / "requirements"
STAMP = VENV / "nightlight-stamp.json"
_UNREACHABLE = re.compile(
    "NewConnectionError|Failed to establish|NameResolutionError|Temporary failure in name resolution|timed out|ProxyError"
    "|Tunnel connection failed|Connection refused"
)


def python() -> Path:
    """The environment's interpreter."""
    return VENV / "bin" / "python"


def ensure(level: Level) -> Path:
    """The interpreter of an environment that holds at least ``level``. Raises Told."""
    _ensure_venv()
    if not is_current(level):
        file = REQUIREMENTS / f"{level}.txt"
        with step(f"Installing {file.name} (once)", f"正在安装 {file.name} 中的软件包（仅首次）") as note:
            _install(file, note)
        _stamp(level)
    return python()


def is_current(level: Level, stamp: Path = STAMP, requirements: Path = REQUIREMENTS) -> bool:
    """Whether what was installed last for ``level``, or for one that holds it, is what the files say now."""
    try:
        installed = json.loads(stamp.read_text())
    except (OSError, ValueError):
        return False
    if not isinstance(installed, dict):
        return False
    holders: tuple[Level, ...] = ("local", "dev") if level == "local" else ("dev",)
    return any(installed.get(holder) == digest(requirements / f"{holder}.txt") for holder in holders)


def digest(requirements: Path) -> str:
    """SHA-256 of a requirement file."""
    return hashlib.sha256(requirements.read_bytes()).hexdigest()


def _stamp(level: Level) -> None:
    try:
        installed = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        installed = {}
    part = STAMP.with_suffix(".part")
    part.write_text(json.dumps(installed | {level: digest(REQUIREMENTS / f"{level}.txt")}))
    part.replace(STAMP)


def _ensure_venv() -> None:
    if python().exists():
        answer = subprocess.run(
            [python(), "-c", "import sys; print(sys.version_info >= (3, 11))"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if answer.stdout.strip() == "True":
            return
        line("The Python of .venv is gone or too old: making it anew", ".venv 中的 Python 已失效或过旧，重新创建")
        shutil.rmtree(VENV)
    with step("Making the virtual environment", "正在创建虚拟环境"):
        # Debian has pip and venv without ensurepip where python3-venv is not installed: the pip outside serves then.
        has_pip = importlib.util.find_spec("ensurepip") is not None
        run_logged([sys.executable, "-m", "venv", *([] if has_pip else ["--without-pip"]), str(VENV)], "venv")


def _install(file: Path, note: Callable[[str], None]) -> None:
    uv = _find_uv(note)
    if uv is not None:
        command: list[str | Path] = [
            uv,
            "pip",
            "install",
            "--system-certs",
            "--python",
            python(),
            "--require-hashes",
            "-r",
            file,
        ]
        try:
            run_logged(command, "install-uv", extra_env=_uv_environment(), note=note)
        except Told:
            line("uv could not do it: trying pip, which takes minutes", "uv 安装失败，改用 pip，需要几分钟")
        else:
            return
    try:
        run_logged([*_pip(), "install", "--require-hashes", "-r", file], "install-pip", note=note)
    except Told as told:
        raise Told(f"{told}{advice(str(told))}") from told


def advice(said: str) -> str:
    """What to do where the end of pip's words means that it reached no index; else nothing."""
    if not _UNREACHABLE.search(said):
        return ""
    return "\n\n" + text(
        "No package index could be reached: check the network, or set PIP_INDEX_URL to a mirror",
        "无法连接任何软件包索引：请检查网络，或将 PIP_INDEX_URL 设为可用的镜像",
    )


def _find_uv(note: Callable[[str], None]) -> Path | None:
    for candidate in (shutil.which("uv"), VENV / "bin" / "uv"):
        if candidate and Path(candidate).exists():
            return Path(candidate)
    try:
        run_logged([*_pip(), "install", "--require-hashes", "-r", REQUIREMENTS / "uv.txt"], "install-of-uv", note=note)
    except Told:
        return None
    return VENV / "bin" / "uv"


def _pip() -> list[str | Path]:
    quiet: list[str | Path] = ["--disable-pip-version-check", "--no-input"]
    if (VENV / "bin" / "pip").exists():
        return [python(), "-m", "pip", *quiet]
    if importlib.util.find_spec("pip") is None:
        raise Told(
            text(
                "pip is missing. On Debian or Ubuntu: sudo apt-get install python3-venv",
                "缺少 pip。Debian 或 Ubuntu 请运行：sudo apt-get install python3-venv",
            )
        )
    return [sys.executable, "-m", "pip", "--python", python(), *quiet]


def _uv_environment() -> dict[str, str]:
    """The index that pip is set to use: uv does not read pip's configuration, and many sites have a mirror."""
    if os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL"):
        return {}
    answer = subprocess.run(
        [*_pip(), "config", "get", "global.index-url"], capture_output=True, text=True, check=False, env=environment()
    )
    index = os.environ.get("PIP_INDEX_URL") or answer.stdout.strip()
    return {"UV_DEFAULT_INDEX": index} if index else {}
