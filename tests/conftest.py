"""Every module in tests/support is a plugin: its fixtures are there for every test."""

from pathlib import Path

pytest_plugins = [
    f"tests.support.{module.stem}" for module in sorted((Path(__file__).parent / "support").glob("[!_]*.py"))
]
