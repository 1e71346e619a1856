"""Makes the one file that installs the agent where there is no package index: ``python3 dev.py bundle --arch arm64``.

The file is a shell script with an archive behind it; ``sudo sh nightlight-agent-….run`` checks the archive's SHA-256,
unpacks it and runs its ``install.sh``. Inside lie the wheels of every Python that Debian and Ubuntu bring now.

Invariant: every wheel is one that the hash-locked requirements name, and the archive lists the digest of every file.
"""

import argparse
import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path

from packaging.markers import Marker

from deploy.local.commands import CACHE, REPOSITORY, environment
from deploy.local.say import Told, step, text

HERE = Path(__file__).resolve().parent
REQUIREMENTS = REPOSITORY / "deploy" / "requirements" / "agent.txt"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
"""Debian 12; Ubuntu 24.04; Debian 13 and Ubuntu 25.10; Ubuntu 26.04."""
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
GLIBC_MINORS = (36, 35, 34, 31, 28, 27, 26, 24, 17, 12, 5)
"""manylinux tags that Debian 12 (glibc 2.36) can run, newest first."""
DOWNLOAD_WITHIN_S = 1_800
SCRIPTS = (
    "install.sh",
    "speech.sh",
    "uninstall.sh",
    "nightlight-agent",
    "nightlight-agent.service",
    "agent.toml",
    "INSTALL.md",
    "INSTALL.zh-CN.md",
)
HEADER = """#!/bin/sh
# Nightlight agent {version} for {arch}: sudo sh {name}   小夜灯园内主机安装包，运行：sudo sh {name}
set -eu
umask 022
folder=$(mktemp -d "${{TMPDIR:-/var/tmp}}/nightlight.XXXXXX")
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
tail -n +{lines} "$0" >"$folder/archive.tar.gz"
if ! printf '%s  %s\\n' {sha256} "$folder/archive.tar.gz" | sha256sum --quiet -c - >/dev/null 2>&1; then
    printf '安装包已损坏，请重新拷贝。\\nThis file is damaged: copy it again.\\n' >&2
    exit 1
fi
mkdir "$folder/bundle"
tar -xzf "$folder/archive.tar.gz" --no-same-owner -C "$folder/bundle"
rm "$folder/archive.tar.gz"
status=0
sh "$folder/bundle/install.sh" "$@" || status=$?
exit $status
"""


def main(arguments: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = argparse.ArgumentParser(prog="dev.py bundle")
    parser.add_argument("--arch", choices=sorted(MACHINES), default="amd64")
    parser.add_argument("--python", action="append", choices=PYTHONS, dest="pythons")
    parser.add_argument("--output", type=Path, default=CACHE / "bundles", metavar="DIR")
    chosen = parser.parse_args(arguments)
    try:
        made = build(chosen.arch, tuple(chosen.pythons or PYTHONS), chosen.output)
    except Told as told:
        print(told, file=sys.stderr)
        return 1
    size = f"{made.stat().st_size / 2**20:.0f} MB"
    print(
        text(
            f"{made} ({size}). On the machine: sudo sh {made.name}",
            f"{made}（{size}）。在目标机器上运行：sudo sh {made.name}",
        )
    )
    return 0


def build(arch: str, pythons: tuple[str, ...], output: Path) -> Path:
    """The bundle of one architecture. Raises Told."""
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output) as scratch:
        folder = Path(scratch)
        (folder / "wheels").mkdir()
        for python in pythons:
            with step(f"Fetching packages for Python {python}, {arch}", f"正在下载 Python {python} {arch} 的软件包"):
                _fetch(folder, python, arch)
        with step("Packing", "正在打包"):
            _fill(folder, version, arch, pythons)
            return _pack(folder, output / f"nightlight-agent-{version}-{arch}.run", version, arch)


def requirements_for(text_of_lock: str, python: str, arch: str) -> str:
    """The lines of a locked file that hold for one Python on Linux.

    pip judges markers by the Python that it runs under, whatever ``--python-version`` says: so they are judged here.
    """
    target = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "platform_machine": MACHINES[arch],
        "extra": "",
    }
    kept: list[str] = []
    for entry in _entries(text_of_lock):
        first, *rest = entry
        named, _, condition = first.rstrip(" \\").partition(" ; ")
        if not condition or Marker(condition).evaluate(target):
            kept += [f"{named} \\" if rest else named, *rest]
    return "\n".join(kept) + "\n"


def _entries(lock: str) -> Iterable[list[str]]:
    """The lines of each requirement, comments left out."""
    entry: list[str] = []
    for line in lock.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not line.startswith(" ") and entry:
            yield entry
            entry = []
        entry.append(line)
    if entry:
        yield entry


def _fetch(folder: Path, python: str, arch: str) -> None:
    wanted = folder / f"requirements-{python}.txt"
    wanted.write_text(requirements_for(REQUIREMENTS.read_text(), python, arch))
    machine = MACHINES[arch]
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in GLIBC_MINORS] + [f"manylinux2014_{machine}"]
    command = [sys.executable, "-m", "pip", "download", "-q", "--require-hashes", "--no-deps", "--only-binary=:all:"]
    command += ["--python-version", python, "--implementation", "cp", "--dest", str(folder / "wheels")]
    command += [word for platform in platforms for word in ("--platform", platform)]
    _pip([*command, "-r", str(wanted)])
    wanted.unlink()


def _fill(folder: Path, version: str, arch: str, pythons: tuple[str, ...]) -> None:
    _pip(
        [
            sys.executable,
            "-m",
            "pip",
            "download",
            "-q",
            "--no-deps",
            "--only-binary=:all:",
            "--dest",
            str(folder),
            "pip",
        ]
    )
    for name in SCRIPTS:
        shutil.copy2(HERE / name, folder / name)
    for package in ("config", "edge_agent"):
        ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
        shutil.copytree(REPOSITORY / package, folder / "app" / package, ignore=ignored)
    shutil.copy2(REQUIREMENTS, folder / "requirements.txt")
    (folder / "VERSION").write_text(f"{version}\n")
    (folder / "ARCH").write_text(f"{arch}\n")
    (folder / "PYTHONS").write_text("".join(f"{python}\n" for python in pythons))
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sums = [f"{_sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(sums))


def _pack(folder: Path, made: Path, version: str, arch: str) -> Path:
    """Written beside its name and renamed, so that half a bundle never bears the name."""
    archive = made.with_suffix(".tar.gz.part")
    with tarfile.open(archive, "w:gz", compresslevel=1) as packed:  # wheels are compressed already
        for path in sorted(folder.iterdir()):
            packed.add(path, arcname=path.name, filter=_plain)
    values = {"version": version, "arch": arch, "name": made.name, "sha256": _sha256(archive)}
    header = HEADER.format(**values, lines=HEADER.count("\n") + 1).encode()
    part = made.with_suffix(".run.part")
    with part.open("wb") as out, archive.open("rb") as packed_bytes:
        shutil.copyfileobj(io.BytesIO(header), out)
        shutil.copyfileobj(packed_bytes, out)
    archive.unlink()
    part.chmod(0o755)
    return part.rename(made)


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without the names and numbers of whoever packed it."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


def _pip(command: list[str]) -> None:
    done = subprocess.run(
        command,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=DOWNLOAD_WITHIN_S,
    )
    if done.returncode != 0:
        raise Told(
            text(
                f"packages could not be fetched:\n{done.stderr.strip()[-1_500:]}",
                f"软件包下载失败：\n{done.stderr.strip()[-1_500:]}",
            )
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main())
