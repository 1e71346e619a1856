"""Debian's packages: unpacked into the project's cache without touching the system, or installed where only that helps.

Standard library only. A program that was unpacked is started through a small script in ``.cache/bin`` that names its
libraries, so that everything that looks on the PATH finds it.
"""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from deploy.local.commands import CACHE, run_logged
from deploy.local.say import Told, step, text

BIN = CACHE / "bin"
SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
LIBRARY_ROUNDS_MAX = 5
PLUGIN = "mosquitto_dynamic_security.so"
PLUGIN_ROOTS = tuple(map(Path, ("/usr", "/usr/local", "/opt/homebrew/opt/mosquitto", "/usr/local/opt/mosquitto")))
_MISSING = re.compile(r"^\s*(lib[^\s]+?)\.so\.(\d+) => not found", re.MULTILINE)


def search_path() -> str:
    """PATH with the cache's programs, and with the folders of services that a user's PATH often leaves out."""
    return os.pathsep.join([str(BIN), os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS])


def which(program: str) -> Path | None:
    """Where a program is, the cache and the folders of services included."""
    found = shutil.which(program, path=search_path())
    return Path(found) if found else None


def security_plugin() -> Path:
    """Mosquitto's dynamic-security plugin, of the same installation as the broker. Raises Told."""
    mosquitto = which("mosquitto")
    unpacked = mosquitto is not None and mosquitto.parent == BIN
    roots = (CACHE / "mosquitto" / "usr",) if unpacked else PLUGIN_ROOTS
    for root in roots:
        for pattern in (f"lib/{PLUGIN}", f"lib/*/{PLUGIN}", f"lib64/{PLUGIN}"):
            for found in sorted(root.glob(pattern)):
                return found
    raise Told(
        text(
            f"Mosquitto is there and its {PLUGIN} is not: install the whole package, version 2",
            f"已有 Mosquitto，但缺少 {PLUGIN}：请安装完整的 Mosquitto 2 软件包",
        )
    )


def ensure_mosquitto() -> Path:
    """Mosquitto from this machine, else Debian's package unpacked into the cache. Raises Told."""
    found = which("mosquitto")
    if found:
        try:
            security_plugin()
        except Told:
            if found.parent != BIN:
                raise
        else:
            return found
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise Told(
            text(
                "No MQTT broker: put Mosquitto 2 on the PATH (macOS: brew install mosquitto; Fedora: sudo dnf install "
                "mosquitto) and run this again",
                "缺少 MQTT 消息代理：请安装 Mosquitto 2 并置于 PATH（macOS：brew install mosquitto；Fedora：sudo dnf "
                "install mosquitto），然后重新运行",
            )
        )
    with step("Fetching the MQTT broker (once)", "正在获取 MQTT 消息代理 Mosquitto（仅首次）") as note:
        try:
            _unpack("mosquitto", ("usr/sbin/mosquitto",), note, plugin=PLUGIN)
        except Told as error:
            raise Told(
                f"{error}\n"
                + text(
                    "Type: sudo apt-get update && sudo apt-get install mosquitto",
                    "请运行：sudo apt-get update && sudo apt-get install mosquitto",
                )
            ) from error
    return BIN / "mosquitto"


def ensure_browser() -> str:
    """Installs Chromium with Chinese fonts where that can be done; the reason where browser tests must be skipped."""
    if which("chromium") or which("chromium-browser") or which("google-chrome"):
        return ""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return text(
            "no Chromium here and no right to install it: browser tests are skipped "
            "(sudo apt-get install chromium fonts-noto-cjk)",
            "没有 Chromium 且无安装权限：跳过浏览器测试（sudo apt-get install chromium fonts-noto-cjk）",
        )
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        with step(
            "Installing Chromium for the browser tests (once)", "正在安装浏览器测试所需的 Chromium（仅首次）"
        ) as note:
            run_logged(["apt-get", "update"], "apt-update", extra_env=quiet, note=note)
            run_logged(
                ["apt-get", "install", "-y", "--no-install-recommends", "chromium", "fonts-noto-cjk"],
                "apt-chromium", extra_env=quiet, note=note,
            )  # fmt: skip
    except Told as error:
        return text(f"browser tests are skipped: {error}", f"跳过浏览器测试：{error}")
    return ""


def _unpack(package: str, programs: Sequence[str], note: Callable[[str], None], *, plugin: str) -> None:
    root = CACHE / package
    downloads = root / "downloads"
    # As root, apt fetches as a user of its own, who may not write into root's folders.
    if downloads.exists():
        shutil.rmtree(downloads)
    downloads.mkdir(parents=True)
    _fetch([package], root, note)
    for _ in range(LIBRARY_ROUNDS_MAX):
        files = [*(root / program for program in programs), *root.glob(f"usr/lib/*/{plugin}")]
        missing = sorted({name for file in files for name in _missing_libraries(file, root)})
        if not missing:
            break
        _fetch(missing, root, note)
    else:
        raise Told(text(f"libraries are missing: {' '.join(missing)}", f"缺少库：{' '.join(missing)}"))
    BIN.mkdir(parents=True, exist_ok=True)
    for program in programs:
        script = BIN / Path(program).name
        libraries = shlex.quote(_library_path(root))
        script.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH={libraries} exec {shlex.quote(str(root / program))} "$@"\n')
        script.chmod(0o755)


def _fetch(packages: Sequence[str], root: Path, note: Callable[[str], None]) -> None:
    downloads = root / "downloads"
    try:
        run_logged(["apt-get", "download", *packages], "apt-download", note=note, cwd=downloads)
    except Told:
        if os.geteuid() != 0:
            raise
        run_logged(["apt-get", "update"], "apt-update", note=note)
        run_logged(["apt-get", "download", *packages], "apt-download", note=note, cwd=downloads)
    for archive in sorted(downloads.glob("*.deb")):
        run_logged(["dpkg", "-x", archive, root], "dpkg", note=note)
        archive.unlink()


def _missing_libraries(program: Path, root: Path) -> list[str]:
    """The Debian packages of the shared libraries that the loader does not find: libwrap.so.0 is in libwrap0."""
    answer = subprocess.run(
        ["ldd", str(program)],
        capture_output=True, text=True, check=False, env=os.environ | {"LD_LIBRARY_PATH": _library_path(root)},
    )  # fmt: skip
    return [f"{name}{number}" for name, number in _MISSING.findall(answer.stdout)]


def _library_path(root: Path) -> str:
    folders = {file.parent for file in root.rglob("lib*.so.*")}
    return os.pathsep.join(sorted(map(str, folders)))
