"""The drill in short: every lie, a store in silence, a wrong clock, an administrator, and a few kills."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.drills._keeping import Keeping
from benchmarks.drills._keeping_faults import Faults

KILLS = 2


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keeping]:
    made = Keeping(Path(tmp_path_factory.mktemp("keeping")), timeout_s=0.5)
    yield made
    made.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", ["kills", "uploads", "audits", "down", "slow", "clock", "admin", "alarm"])
def test_nothing_is_lost_and_nothing_is_said_to_be_there_that_is_not(world: Keeping, fault: str) -> None:
    outcome = Faults(world, random.Random(20261122), KILLS, in_full=False).all[fault]()
    assert outcome.found.broken == []
    assert outcome.found.versions > 0
    assert (outcome.found.lost, outcome.found.uncovered_s) == (0, 0.0)
