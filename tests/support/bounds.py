"""A test writes below its own folder alone: what a forgotten setting would put onto the machine fails the test that did it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

DEFAULTS = (Path("/var/lib/nightlight-server"), Path("/var/lib/nightlight"))
"""Where server and agent keep their state unless a file says otherwise."""


def _there() -> list[int | None]:
    """When something was last made or removed in each; None where there is no such folder."""
    return [folder.stat().st_mtime_ns if folder.exists() else None for folder in DEFAULTS]


@pytest.fixture(autouse=True)
def _stays_in_its_own_folder() -> Iterator[None]:
    before = _there()
    yield
    for folder, was, found in zip(DEFAULTS, before, _there(), strict=True):
        assert found == was, f"this test, or one beside it, wrote to {folder}: give it a state_dir of its own"
