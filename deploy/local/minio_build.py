"""Builds a MinIO server from source with Go: upstream's own way to one since its binaries were withdrawn.

Standard library only.
"""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

from config.base.errors import ConfigurationError, Unavailable
from deploy.local.leash import leashed

MINIO_MODULE = "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c"
"""The last commit before upstream was archived."""
BUILD_TIMEOUT_S = 1_800


def minio_binary(cache_dir: Path) -> Path:
    """Where a built server lies, whether it is there or not."""
    return cache_dir / "bin" / "minio"


def built_version(binary: Path) -> str | None:
    """The module version that a binary was built from by ``build_minio``; None for any other."""
    try:
        return _pin(binary).read_text().rpartition("@")[2]
    except FileNotFoundError:
        return None


def build_minio(cache_dir: Path, report: Callable[[str], None]) -> Path:
    """Builds the server into the cache, once; ``report`` gets a line for each step. Takes minutes.

    Raises ConfigurationError where Go is missing, Unavailable where the build failed or took too long.
    """
    binary = minio_binary(cache_dir.resolve())
    if binary.exists() and built_version(binary) == MINIO_MODULE.rpartition("@")[2]:
        return binary
    go = shutil.which("go")
    if go is None:
        raise ConfigurationError("building MinIO needs Go on the PATH; install it, or put a minio binary on the PATH")
    binary.parent.mkdir(parents=True, exist_ok=True)
    report(f"building {MINIO_MODULE} (some minutes, once)")
    build = subprocess.Popen(
        leashed([go, "install", "-v", "-ldflags", "-s -w", MINIO_MODULE]),
        env=os.environ | {"GOBIN": str(binary.parent), "CGO_ENABLED": "0"},
        cwd=cache_dir,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    overrun = threading.Timer(BUILD_TIMEOUT_S, build.kill)
    overrun.start()
    last = ""
    try:
        with build:
            for line in build.stdout or ():
                last = line.strip() or last
                report(last)
    finally:
        overrun.cancel()
        build.kill()
    if build.returncode != 0 or not binary.exists():
        raise Unavailable(f"go install {MINIO_MODULE} failed: {last}")
    _pin(binary).write_text(MINIO_MODULE)
    return binary


def _pin(binary: Path) -> Path:
    return binary.with_name("minio.module")
