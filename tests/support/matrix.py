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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Pairs databases with stores instead of crossing them.

    Each store and each database serves every test that takes both; which of them meet says nothing, for they know
    nothing of each other.
    """
    both = [(item, getattr(item, "callspec", None)) for item in items]
    stores = sorted({spec.params["object_store"] for _, spec in both if spec and "object_store" in spec.params})
    if len(stores) < 2:
        return
    unpaired = [
        item
        for item, spec in both
        if spec
        and {"object_store", "database"} <= set(spec.params)
        and (spec.params["database"] == "postgresql") != (spec.params["object_store"] == stores[0])
    ]
    config.hook.pytest_deselected(items=unpaired)
    items[:] = [item for item in items if item not in set(unpaired)]


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
