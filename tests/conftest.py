"""Every module in tests/support is a plugin: its fixtures are there for every test."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
# Tests start many processes, and one that must compile all that it imports takes seconds to start: whatever the
# machine says, their compiled modules go into the cache, and none beside the sources.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["PYTHONPYCACHEPREFIX"] = str(ROOT / ".cache" / "pycache")

# How long an example takes says how busy the machine is.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

pytest.register_assert_rewrite("tests.support")
pytest_plugins = [
    f"tests.support.{module.stem}" for module in sorted((Path(__file__).parent / "support").glob("[!_]*.py"))
]
