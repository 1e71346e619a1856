"""Footage that must be kept, and everything that could take it away or make it seem to be there.

    python3 dev.py drill retention [--json] [--seed N] [--kills 200] [--only kills,uploads,…] [--store minio|seaweedfs]

``kill -9`` of the server's processes during upload, lock, audit, deletion and hold; a store that is down, slow, or lies; a
clock a year ahead; an administrator who tries everything; a drift found by the running server, and how long until people can see it. After each:
0 versions lost before their day, 0 seconds covered without an intact locked version, every planted lie found within one
audit, told within 60 s. Exits non-zero where that does not hold.
"""

import argparse
import os
import random
import secrets
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from benchmarks.drills._keeping import Keeping
from benchmarks.drills._keeping_alarm import ALARM_S_MAX
from benchmarks.drills._keeping_faults import Faults
from benchmarks.drills._keeping_truth import Outcome
from benchmarks.report import Report
from config.base import logs

KILLS = 200
WITHOUT_PROCESSES = frozenset({"uploads", "audits", "down", "slow", "clock", "admin"})


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    options = _parser().parse_args(argv)
    seed = options.seed if options.seed is not None else secrets.randbits(32)
    print(f"seed {seed}", file=sys.stderr, flush=True)
    logs.configure("drill", "CRITICAL")
    report = Report("retention", figures={"seed": seed, "kills": options.kills, "load": round(os.getloadavg()[0], 1)})
    signal.signal(signal.SIGTERM, _interrupt)
    wanted = options.only.split(",") if options.only else []
    with tempfile.TemporaryDirectory(prefix="nightlight-drill-", ignore_cleanup_errors=True) as folder:
        world = Keeping(Path(folder), options.store, processes=not wanted or bool(set(wanted) - WITHOUT_PROCESSES))
        try:
            report.figures["store"] = f"{world.store.kind} {world.store.version}"
            faults = Faults(world, random.Random(seed), options.kills)  # noqa: S311 - a seed that can be given again
            for name in wanted or list(faults.all):
                began = time.monotonic()
                print(f"{name} …", file=sys.stderr, flush=True)
                _note(report, name, faults.all[name](), time.monotonic() - began)
        finally:
            if options.keep:
                _keep(world, options.keep)
            world.close()
    return report.finish_drill(as_json=options.json)


def _note(report: Report, name: str, outcome: Outcome, took_s: float) -> None:
    found = outcome.found
    figures = {
        **outcome.figures,
        "versions": found.versions,
        "kept": found.kept,
        "deleted_on_their_day": found.deleted,
        "lost": found.lost,
        "covered_s": found.covered_s,
        "covered_without_version_s": found.uncovered_s,
        "took_s": round(took_s, 1),
    }
    report.figures.update({f"{name}_{key}": value for key, value in figures.items()})
    report.expect(f"{name}_lost", found.lost, at_most=0)
    report.expect(f"{name}_covered_without_version_s", found.uncovered_s, at_most=0)
    report.expect(f"{name}_broken", len(found.broken), at_most=0)
    if "told_s" in outcome.figures:
        report.expect(f"{name}_told_s", float(outcome.figures["told_s"]), at_most=ALARM_S_MAX)
    for line in found.broken[:20]:
        print(f"  BROKEN {line}", file=sys.stderr, flush=True)


def _keep(world: Keeping, folder: Path) -> None:
    """The logs, for a look afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in world.root.glob("*.log"):
        (folder / file.name).write_bytes(file.read_bytes())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dev.py drill retention", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--only", default="", help="faults, by name, with commas between")
    parser.add_argument("--store", choices=["minio", "seaweedfs"], help="the better one that is here, where not given")
    parser.add_argument("--keep", type=Path, help="a folder for the logs")
    return parser


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
