"""Plants faults in the rules, one at a time, and sees that their own unit and property tests notice each of them.

    python3 dev.py drill mutants [--json] [--only NAME] [--workers 2]

Each fault is a change of source (file, old, new) in a copy of the tree: ``_mutants.py`` in what says covered, ``_mutants_rules.py``
in what says who may. A fault that no test notices is a test that is missing.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.drills._mutants import MUTANTS, Mutant
from benchmarks.drills._mutants_rules import RULE_MUTANTS, TESTS
from benchmarks.report import Report
from deploy.local.commands import REPOSITORY, environment

COPIED = ("config", "server", "storage", "tests", "benchmarks", "edge_agent", "deploy", "pyproject.toml")
CORE = (
    "tests/unit/domain/test_soundness.py",
    "tests/unit/domain/test_verdict.py",
    "tests/unit/domain/test_clock_trust.py",
    "tests/unit/domain/test_what_is_left.py",
    "tests/property/test_timespan.py",
    "tests/property/test_coverage.py",
)
TEST_TIMEOUT_S = 600
PASSED, FAILED, ENDLESS = 0, 1, -1
"""Of pytest; and of tests that a fault kept from ending, which a busy machine may do as well: those are named."""


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    options = _parser().parse_args(argv)
    wanted = [mutant for mutant in (*MUTANTS, *RULE_MUTANTS) if options.only in mutant.name]
    for mutant in wanted:
        if (places := (REPOSITORY / mutant.file).read_text().count(mutant.old)) != 1:
            raise ValueError(f"{mutant.name}: its place is not there once, but {places} times")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="nightlight-mutants-", ignore_cleanup_errors=True) as folder:
        copies = [_copy(Path(folder) / str(number)) for number in range(options.workers)]
        sound = _run(copies[0], (*CORE, *sorted(set(TESTS.values()))))
        with ThreadPoolExecutor(options.workers) as pool:
            lots = [wanted[number :: options.workers] for number in range(options.workers)]
            found = [one for lot in pool.map(_try_all, copies, lots) for one in lot]
    caught = [mutant for mutant, status in found if status in (FAILED, ENDLESS)]
    endless = [mutant.name for mutant, status in found if status == ENDLESS]
    for mutant, status in found:
        if status not in (FAILED, ENDLESS):
            print(f"not caught ({status}): {mutant.name}", file=sys.stderr)
    took_s = round(time.monotonic() - began, 1)
    report = Report("mutants", figures={"planted": len(found), "caught": len(caught), "took_s": took_s})
    report.figures["by_time_limit"] = ", ".join(endless)
    report.figures["load_after"] = round(os.getloadavg()[0], 1)
    report.expect_true("the_tests_pass_without_a_fault", sound == PASSED)
    report.expect("not_caught", len(found) - len(caught), at_most=0)
    if not options.only:
        report.expect("planted", len(found), at_least=150)
    return report.finish_drill(as_json=options.json)


def _copy(folder: Path) -> Path:
    folder.mkdir()
    for name in COPIED:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "static", "*.jpg"))
        else:
            shutil.copy(source, folder / name)
    return folder


def _try_all(copy: Path, mutants: list[Mutant]) -> list[tuple[Mutant, int]]:
    return [(mutant, _try(copy, mutant)) for mutant in mutants]


def _try(copy: Path, mutant: Mutant) -> int:
    file = copy / mutant.file
    source = file.read_text()
    file.write_text(source.replace(mutant.old, mutant.new))
    try:
        return _run(copy, (TESTS[mutant.file],) if mutant.file in TESTS else CORE)
    finally:
        file.write_text(source)


def _run(copy: Path, tests: tuple[str, ...]) -> int:
    """The exit status of pytest: 1 where a test failed."""
    # The next fault may be written within the same second: compiled files of the last one must not be taken for it.
    variables = environment({"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(copy)})
    arguments = ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--noconftest", *tests]
    try:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=copy, env=variables, check=False, timeout=TEST_TIMEOUT_S, capture_output=True,
        ).returncode  # fmt: skip
    except subprocess.TimeoutExpired:
        return ENDLESS


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dev.py drill mutants")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", default="", help="those whose name has this in it")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    return parser


if __name__ == "__main__":
    sys.exit(main())
