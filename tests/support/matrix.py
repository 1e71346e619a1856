"""Which stores, databases and brokers a test run really used; ``dev.py check`` prints it at its end.

ran_on("store", "MinIO RELEASE.2026-01-01")

Tests that take a store run on each, on SQLite beside one and PostgreSQL beside the other. Where a module is marked
``either_pair``, because the port to the store has its conformance suite and the queries are those of its other tests,
its tests take turns, the first with the first pair, the second with the second; those marked ``both_pairs`` and, with
``--every-pair``, all of them run on both.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import pytest

MATRIX_FILE = Path(__file__).resolve().parents[2] / ".cache" / "test-matrix.json"
Part = Literal["store", "database", "broker"]
_seen: dict[Part, set[str]] = {}


def ran_on(part: Part, name: str) -> None:
    """Notes that tests of this run used a real ``part`` called ``name``, with its version where it tells one."""
    _seen.setdefault(part, set()).add(name)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-pair", action="store_true", help="every test on every store, also those that take turns")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "either_pair: the tests take turns with the pairs of store and database")
    config.addinivalue_line("markers", "both_pairs: on every pair, whatever the module says")


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
    left = [item for item in items if item not in set(unpaired)]
    out_of_turn = [] if config.option.every_pair else list(_out_of_turn(left, stores))
    config.hook.pytest_deselected(items=unpaired + out_of_turn)
    items[:] = [item for item in left if item not in set(out_of_turn)]


def _out_of_turn(items: list[pytest.Item], stores: list[str]) -> Iterable[pytest.Item]:
    """What another pair's turn it is for: tests are counted in each module, one with its parameters."""
    turns: dict[str, dict[str, int]] = {}
    for item in items:
        spec = getattr(item, "callspec", None)
        if not spec or "object_store" not in spec.params or item.get_closest_marker("either_pair") is None:
            continue
        if item.get_closest_marker("both_pairs") is not None:
            continue
        others = {key: value for key, value in spec.indices.items() if key not in ("object_store", "database")}
        module = turns.setdefault(item.nodeid.partition("::")[0], {})
        turn = module.setdefault(f"{getattr(item, 'originalname', item.name)} {sorted(others.items())}", len(module))
        if spec.params["object_store"] != stores[turn % len(stores)]:
            yield item


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
