"""The steps of ``dev.py check`` and ``dev.py test``.

Standard library only. Invariant: every step runs even where an earlier one failed, and any failure fails the whole.
"""

import json
import os
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from deploy.local import environment, packages
from deploy.local.commands import CACHE, REPOSITORY
from deploy.local.commands import environment as clean_environment
from deploy.local.say import line, text

MATRIX_FILE = CACHE / "test-matrix.json"
TYPED = ("config", "storage", "edge_agent", "server", "deploy", "benchmarks", "dev.py")
STATIC_STEPS: dict[str, tuple[str, ...]] = {
    "format": ("-m", "ruff", "format", "--check", "."),
    "lint": ("-m", "ruff", "check", "."),
    "types": ("-m", "mypy", "--strict", *TYPED),
    "imports": ("-c", "import sys; from importlinter.cli import lint_imports_command as run; sys.exit(run())"),
}
FAILED_TESTS = 1
"""pytest's exit status where tests ran and some failed."""
IN_PARALLEL = ("-n", "3", "--dist", "loadfile", "--no-loadscope-reorder")
"""The tests wait more than they reckon, so three at a time keep two cores busy; four took longer. Each process has stores and servers of its own.

Those of a file stay together, because they share what they have started; ``tests/support/order.py`` says which files
come first.
"""


@dataclass(frozen=True)
class Outcome:
    """How one step went."""

    name: str
    seconds: float
    status: int


def prepare() -> None:
    """Installs what the checks need; what cannot be installed is said, and what needs it is skipped."""
    environment.ensure("dev")
    packages.ensure_mosquitto()
    reason = packages.ensure_browser()
    if reason:
        line(reason, reason)


def run_tests(arguments: Sequence[str]) -> int:
    """Runs pytest; its own words go straight to the terminal."""
    return _run(("-m", "pytest", *(arguments or IN_PARALLEL)))


def run_all() -> int:
    """Every step, then a summary; 0 where all of them passed."""
    MATRIX_FILE.unlink(missing_ok=True)
    with ThreadPoolExecutor(1) as beside:  # the tests leave them room enough
        static = beside.submit(lambda: [_quietly(name, arguments) for name, arguments in STATIC_STEPS.items()])
        tests = _tests()
    outcomes = [*static.result(), *tests]
    print()
    for outcome in outcomes:
        print(f"{'✓' if outcome.status == 0 else '✗'} {outcome.name:<8}{outcome.seconds:7.1f} s", flush=True)
    for said in matrix_lines(MATRIX_FILE):
        print(said, flush=True)
    return 0 if all(outcome.status == 0 for outcome in outcomes) else 1


def _tests() -> list[Outcome]:
    """All tests, several at a time; the files of those that failed once more, one at a time.

    What fails only beside another test on a busy machine is a fault of the test. It is named, so that somebody mends
    it, and does not hold up a change that it says nothing about. What fails alone as well is a failure.
    """
    together = _timed("tests", ("-m", "pytest", "-q", *IN_PARALLEL))
    files = _files_that_failed()
    if together.status != FAILED_TESTS or not files:
        return [together]
    line("the files in which one failed, once more, alone", "失败测试所在的文件单独再跑一次")
    ran_on = MATRIX_FILE.read_text() if MATRIX_FILE.exists() else "{}"
    alone = _timed("alone", ("-m", "pytest", "-q", *files))
    MATRIX_FILE.write_text(ran_on)
    return [Outcome("unsteady" if alone.status == 0 else "tests", together.seconds, alone.status), alone]


def _files_that_failed() -> list[str]:
    """Whole files: the tests of one may go on from each other."""
    try:
        failed = json.loads((CACHE / "pytest" / "v" / "cache" / "lastfailed").read_text())
    except (OSError, ValueError):
        return []
    files = {test.partition("::")[0] for test in failed}
    return sorted(file for file in files if (REPOSITORY / file).is_file())


def matrix_lines(file: Path) -> list[str]:
    """Which stores, databases and brokers the tests really ran on, one line a kind."""
    try:
        seen = json.loads(file.read_text())
    except (OSError, ValueError):
        seen = {}
    names = {
        "store": text("stores", "对象存储"),
        "database": text("databases", "数据库"),
        "broker": text("brokers", "消息代理"),
    }
    none = text("none", "无")
    return [
        f"  {text('ran on', '测试所用')} {name}: {', '.join(seen.get(part, [])) or none}"
        for part, name in names.items()
    ]


def _timed(name: str, arguments: Sequence[str]) -> Outcome:
    print(f"\n── {name}", flush=True)
    began = time.monotonic()
    status = _run(arguments)
    outcome = Outcome(name, time.monotonic() - began, status)
    print(_said_of(outcome), flush=True)
    return outcome


def _quietly(name: str, arguments: Sequence[str]) -> Outcome:
    """All that a step beside another has to say, at its end and in one piece."""
    began = time.monotonic()
    ended = subprocess.run(
        [environment.python(), *arguments], cwd=REPOSITORY, env=child_environment(), check=False, capture_output=True, text=True
    )  # fmt: skip
    outcome = Outcome(name, time.monotonic() - began, ended.returncode)
    print(f"\n── {name}\n{ended.stdout}{ended.stderr}{_said_of(outcome)}", flush=True)
    return outcome


def _said_of(outcome: Outcome) -> str:
    word = text("passed", "通过") if outcome.status == 0 else text("FAILED", "失败")
    return f"── {outcome.name}: {word} ({outcome.seconds:.1f} s)"


def _run(arguments: Sequence[str]) -> int:
    return subprocess.run(
        [environment.python(), *arguments], cwd=REPOSITORY, env=child_environment(), check=False
    ).returncode  # fmt: skip


def child_environment() -> dict[str, str]:
    """For programs of the environment: they find its scripts, and the broker and the store in the cache."""
    path = os.pathsep.join([str(environment.VENV / "bin"), packages.search_path()])
    return clean_environment({"PATH": path})
