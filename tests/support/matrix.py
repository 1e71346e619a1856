"""Which stores, databases and brokers a test run really used; ``dev.py check`` prints it at its end.

ran_on("store", "MinIO RELEASE.2026-01-01")
"""

import json
from pathlib import Path
from typing import Literal

import pytest

MATRIX_FILE = Path(__file__).resolve().parents[2] / ".cache" / "test-matrix.json"
Part = Literal["store", "database", "broker"]
_seen: dict[Part, set[str]] = {}


def ran_on(part: Part, name: str) -> None:
    """Notes that tests of this run used a real ``part`` called ``name``, with its version where it tells one."""
    _seen.setdefault(part, set()).add(name)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Writes what was noted; an empty run leaves an empty object, never the last run's."""
    if not session.config.option.collectonly:
        MATRIX_FILE.parent.mkdir(exist_ok=True)
        MATRIX_FILE.write_text(json.dumps({part: sorted(names) for part, names in sorted(_seen.items())}))
