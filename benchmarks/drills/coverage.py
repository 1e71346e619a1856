"""Judges random histories and compares every instant with a reading that knows nothing of spans.

    python3 dev.py drill coverage [--json] [--histories 1000000] [--seed 1] [--workers 2]

Summer time, leap days, zones that changed, cameras that come and go, segments that overlap or come twice, clocks that
step: ``tests/support/histories.py`` draws them and reads them. History N of a seed is always the same one. Beside each
history of a camera one of a clock is drawn and its trust compared as well.
"""

import argparse
import itertools
import multiprocessing
import os
import random
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.report import Report
from tests.support import clock_histories, histories

HISTORIES, BATCH, SHOWN = 1_000_000, 500, 10
TOLD_EVERY_S = 30.0


class Batch(NamedTuple):
    """What became of the histories from one number on."""

    drawn: int
    days: int
    instants: int
    kinds: dict[str, int]
    wrong: list[str]


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    options = _parser().parse_args(argv)
    began = time.monotonic()
    batches = [
        (options.seed, first, min(BATCH, options.histories - first)) for first in range(0, options.histories, BATCH)
    ]
    count = days = instants = 0
    kinds: dict[str, int] = {}
    wrong: list[str] = []
    with multiprocessing.get_context("fork").Pool(options.workers) as pool:
        told = began
        for batch in pool.imap_unordered(judge, batches):
            count, days, instants = count + batch.drawn, days + batch.days, instants + batch.instants
            wrong += batch.wrong
            for kind, times in batch.kinds.items():
                kinds[kind] = kinds.get(kind, 0) + times
            if time.monotonic() - told > TOLD_EVERY_S:
                told = time.monotonic()
                print(f"{count} of {options.histories}, {len(wrong)} wrong", file=sys.stderr, flush=True)
    for problem in wrong[:SHOWN]:
        print(problem, file=sys.stderr)
    took_s = time.monotonic() - began
    report = Report(
        "coverage",
        figures={
            "seed": options.seed,
            "workers": options.workers,
            "histories": count,
            "clocks": count,
            "camera_days": days,
            "instants": instants,
            "took_s": round(took_s, 1),
            "histories_per_s": round(count / took_s),
            "load_after": round(os.getloadavg()[0], 1),
            **{f"with_{kind}": times for kind, times in sorted(kinds.items())},
        },
    )
    report.expect("disagreements", len(wrong), at_most=0)
    report.expect("histories_read", count, at_least=options.histories)
    return report.finish_drill(as_json=options.json)


def judge(batch: tuple[int, int, int]) -> Batch:
    """Draws, judges and reads ``count`` histories from ``first`` on."""
    seed, first, count = batch
    days = instants = 0
    kinds: dict[str, int] = {}
    wrong: list[str] = []
    for number in range(first, first + count):
        chance = random.Random(f"{seed}:{number}")  # noqa: S311 (to be drawn again by anybody)
        history = histories.draw(chance)
        problem = histories.disagreement(history)
        problem = problem or clock_histories.disagreement(clock_histories.draw(chance))
        if problem:
            wrong.append(f"history {number} of seed {seed}: {problem}")
        days += len(history.days)
        instants += sum(end - begin for begin, end in history.days)
        for kind in _kinds(history):
            kinds[kind] = kinds.get(kind, 0) + 1
    return Batch(count, days, instants, kinds, wrong)


def _kinds(history: histories.History) -> Iterator[str]:
    """What is particular about a history: so that it can be seen that none of it was left out."""
    lengths = {end - begin for begin, end in history.days}
    if history.base_us and len(lengths) > 1:
        yield "days_of_unequal_length"
    if history.retired is not None and history.retired < history.now:
        yield "camera_gone"
    if history.activated > 0:
        yield "camera_that_came_later"
    if len(history.parts) > 1:
        yield "several_timelines"
    if any(len(set(pairs)) < len(pairs) for pairs in history.secured.values()):
        yield "duplicate_segments"
    if any(_overlapping(pairs) for pairs in history.claimed.values()):
        yield "overlapping_segments"
    if history.findings:
        yield "findings"


def _overlapping(pairs: histories.Pairs) -> bool:
    ordered = sorted(set(pairs))
    return any(after[0] < before[1] for before, after in itertools.pairwise(ordered))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dev.py drill coverage")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--histories", type=int, default=HISTORIES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    return parser


if __name__ == "__main__":
    sys.exit(main())
