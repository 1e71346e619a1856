"""Every module in tests/support is a plugin: its fixtures are there for every test."""

import os
import shutil
import tempfile
from pathlib import Path

import psutil
import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
# Tests start many processes, and one that must compile all that it imports takes seconds to start: whatever the
# machine says, their compiled modules go into the cache, and none beside the sources.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["PYTHONPYCACHEPREFIX"] = str(ROOT / ".cache" / "pycache")

# What tests write is thrown away. In memory nobody waits for a disk: each of ten thousand commits would, for 5 ms or more.
MEMORY, FREE_BYTES_MIN, ROOM_BYTES_MIN = Path("/dev/shm"), 8 * 2**30, 4 * 2**30


def _has_room_in_memory() -> bool:
    try:
        runs_programs = not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC
        return runs_programs and shutil.disk_usage(MEMORY).free > ROOM_BYTES_MIN
    except OSError:
        return False


if "TMPDIR" not in os.environ and psutil.virtual_memory().available > FREE_BYTES_MIN and _has_room_in_memory():
    os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)

# How long an example takes says how busy the machine is.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

pytest.register_assert_rewrite("tests.support")
pytest_plugins = [
    f"tests.support.{module.stem}" for module in sorted((Path(__file__).parent / "support").glob("[!_]*.py"))
]
