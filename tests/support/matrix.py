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
    found = {part: sorted(names) for part, names in sorted(_seen.items())}
    if hasattr(session.config, "workeroutput"):  # one of several processes: the first of them writes for all
        session.config.workeroutput["matrix"] = found
    elif not session.config.option.collectonly:
        MATRIX_FILE.parent.mkdir(exist_ok=True)
        MATRIX_FILE.write_text(json.dumps(found))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """A test process has ended: takes in what it noted."""
    for part, names in getattr(node, "workeroutput", {}).get("matrix", {}).items():
        _seen.setdefault(part, set()).update(names)
