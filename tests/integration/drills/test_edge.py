"""The drill itself is kept in order: four kills, judged as two hundred are."""

import json
import subprocess
import sys

import pytest

from deploy.local.commands import REPOSITORY, environment

ARGUMENTS = ("--only", "kills", "--rounds", "4", "--cameras", "2", "--lives", "1.5", "--seed", "20261121")
WITHIN_S = 300


@pytest.mark.timeout(WITHIN_S + 10)
def test_four_kills_lose_nothing_and_invent_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.drills.edge", "--json", *ARGUMENTS],
        cwd=REPOSITORY,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["goals"] == [{"name": "kills", "value": True, "goal": "true", "met": True}]
    figures = told["figures"]
    assert sum(figures[f"kills_kills_{kind}"] for kind in ("main", "shard", "all")) == 4
    assert figures["kills_durable_frames"] >= 10
    assert figures["kills_covered_s"] > 1
