"""Every module in tests/support is a plugin: its fixtures are there for every test."""

from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.support")
pytest_plugins = [
    f"tests.support.{module.stem}" for module in sorted((Path(__file__).parent / "support").glob("[!_]*.py"))
]
