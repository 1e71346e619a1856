"""The edge agent among real cameras, a real broker, store and server, and everything that goes wrong around it.

    python3 dev.py drill edge [--json] [--seed N] [--rounds 200] [--only kills,broker,…]

After each fault: every frame that had been durable on the agent's disk is secured exactly once, or stands as a gap with
the right cause; nothing is covered without footage; nothing is in quarantine. Exits non-zero where that does not hold.
"""

import argparse
import random
import secrets
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from benchmarks.drills._faults import LIVES_S, Faults, Scenario
from benchmarks.drills._world import World
from benchmarks.report import Report

ROUNDS, CAMERAS = 200, 3


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    options = _parser().parse_args(argv)
    seed = options.seed if options.seed is not None else secrets.randbits(32)
    print(f"seed {seed}", file=sys.stderr, flush=True)
    report = Report("edge", figures={"seed": seed, "rounds": options.rounds, "cameras": options.cameras})
    signal.signal(signal.SIGTERM, _interrupt)
    with tempfile.TemporaryDirectory(prefix="nightlight-drill-", ignore_cleanup_errors=True) as folder:
        world = World(Path(folder), options.cameras)
        try:
            faults = Faults(world, random.Random(seed), options.rounds, options.lives)  # noqa: S311 - a seed that can be given again
            wanted = options.only.split(",") if options.only else list(faults.all)
            faults.begin()
            for name in wanted:
                began = time.monotonic()
                print(f"{name} …", file=sys.stderr, flush=True)
                _note(report, name, faults.all[name](), time.monotonic() - began)
            report.figures["versions_read_back"] = faults.truth.versions_read
        finally:
            if options.keep:
                _keep(world, options.keep)
            world.close()
    return report.finish_drill(as_json=options.json)


def _note(report: Report, name: str, scenario: Scenario, took_s: float) -> None:
    finding = scenario.finding
    figures = {
        **scenario.figures,
        "durable_frames": finding.durable_frames,
        "secured_frames": finding.secured_frames,
        "covered_s": round(finding.covered_s, 1),
        "time_error_ms_max": round(finding.time_error_ms, 1),
        "gaps": ", ".join(f"{cause} {seconds:.1f} s" for cause, seconds in sorted(finding.causes.items())) or "none",
        "took_s": round(took_s, 1),
    }
    report.figures.update({f"{name}_{key}": value for key, value in figures.items()})
    report.expect_true(name, not finding.broken)
    for line in finding.broken[:20]:
        print(f"  BROKEN {line}", file=sys.stderr, flush=True)


def _keep(world: World, folder: Path) -> None:
    """The logs, for a look afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in [*world.root.glob("*.log"), world.box.folder / "agent.log"]:
        if file.exists():
            (folder / file.name).write_bytes(file.read_bytes())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dev.py drill edge", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how many kills")
    parser.add_argument("--lives", type=float, default=LIVES_S[1], help="seconds between two kills, at most")
    parser.add_argument("--cameras", type=int, default=CAMERAS)
    parser.add_argument("--only", default="", help="faults, by name, with commas between")
    parser.add_argument("--keep", type=Path, help="a folder for the logs")
    return parser


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
