"""Whatever instant the power goes at: what was durable is claimed once, and what is gone is gone with a word.

The disk that a cut leaves behind is built from a trace of the agent's own parts (tests/support/power.py says what of a
disk is modelled, and what is not).
"""

import hashlib
import random
import sys
from pathlib import Path

import pytest

from config.wire.envelope import decode_payload, open_envelope
from config.wire.evictions import SegmentEvicted
from config.wire.segments import SegmentRecorded
from edge_agent.spool.database import SpoolDatabase
from edge_agent.spool.outbox import Outbox
from edge_agent.spool.recovery import recover
from tests.support.power import Trace, can_trace, traced
from tests.support.power_child import opened

SEED = 20_261_121


class Worst(random.Random):
    """Nothing survives but what was synced."""

    def random(self) -> float:
        return 1.0

    def randint(self, a: int, b: int) -> int:
        return a


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    if not can_trace():
        pytest.skip("strace cannot be had, or may not trace here")
    folder = tmp_path_factory.mktemp("power")
    (folder / "spool").mkdir()
    command = [sys.executable, "-m", "tests.support.power_child", str(folder / "spool")]
    return traced(command, folder / "spool", folder / "trace")


def test_the_trace_saw_all_that_matters(trace: Trace) -> None:
    said = [line.split()[0] for line in trace.said_before(len(trace.steps))]
    assert said.count("claimed") == 4
    assert {step.what for step in trace.steps} == {
        "mark", "create", "write", "sync", "sync_folder", "rename", "unlink",
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["worst", "random"])
def test_no_cut_loses_what_was_durable_or_claims_what_was_not(trace: Trace, tmp_path: Path, kind: str) -> None:
    for cut, step in enumerate(trace.steps, 1):
        if kind == "worst" and step.what not in ("sync", "sync_folder", "mark"):
            continue  # nothing more is safe than before it
        if kind == "random" and cut % 3:
            continue
        into = tmp_path / str(cut)
        into.mkdir()
        trace.disk_after(cut, Worst() if kind == "worst" else random.Random(SEED + cut), into)
        check(trace.said_before(cut), into, f"seed {SEED}, {kind}, cut after step {cut} of {len(trace.steps)}")


def test_a_cut_while_recovering_from_a_cut_changes_nothing(trace: Trace, tmp_path: Path) -> None:
    torn = [
        cut
        for cut, step in enumerate(trace.steps)
        if (step.what == "mark" and step.data.startswith(b"durable")) or step.what in ("rename", "unlink")
    ]
    for cut in random.Random(SEED).sample(torn, 2):
        disk = tmp_path / f"after-{cut}"
        disk.mkdir()
        trace.disk_after(cut + 1, random.Random(SEED), disk)
        command = [sys.executable, "-m", "tests.support.power_child", str(disk), "recover"]
        again = traced(command, disk, tmp_path / "trace")
        for second in range(len(again.steps) + 1):
            into = tmp_path / f"{cut}-{second}"
            into.mkdir()
            again.disk_after(second, random.Random(SEED + second), into)
            check(trace.said_before(cut + 1), into, f"seed {SEED}, cut after step {cut + 1}, then after {second}")


def check(said: list[str], disk: Path, where: str) -> None:
    database, spool = opened(disk)
    try:
        found = recover(spool, disk)
        assert (found.unreadable, found.missing, found.unknown, found.postponed) == (0, 0, 0, 0), where
        recorded, evicted = told(database)
        rows = {row["segment_id"]: row for row in database.all("SELECT * FROM segments")}
        assert {row["state"] for row in rows.values()} <= {"waiting", "uploaded"}, where
        files = {path.stem: path for path in disk.glob("*/*.mp4")}
        assert files.keys() == rows.keys(), where
        for segment_id, row in rows.items():
            assert hashlib.sha256(files[segment_id].read_bytes()).hexdigest() == row["sha256"], where
            assert recorded[segment_id].sha256 == row["sha256"], where
            assert segment_id not in evicted, where
        marks = [line.split() for line in said]
        released = {mark[1] for mark in marks if mark[0] == "releasing"}
        for word, segment_id, *frames in marks:
            if word == "durable" and segment_id in rows:
                assert rows[segment_id]["frames"] >= int(frames[0]), where
            elif word == "durable":
                assert segment_id in evicted or segment_id in released, where
            elif word == "claimed":
                assert segment_id in recorded, where
            elif word == "evicted":
                assert segment_id in evicted, where
    finally:
        database.close()


def told(database: SpoolDatabase) -> tuple[dict[str, SegmentRecorded], set[str]]:
    """What the outbox holds; the chain of manifests is whole and nothing is told twice."""
    outbox = Outbox(database)
    messages = [decode_payload(open_envelope(row.body)) for row in outbox.between(0, None, 100)]
    manifests = [message for message in messages if isinstance(message, SegmentRecorded)]
    assert [manifest.sequence for manifest in manifests] == list(range(len(manifests)))
    evicted = [message.segment_id for message in messages if isinstance(message, SegmentEvicted)]
    recorded = {manifest.segment_id: manifest for manifest in manifests}
    assert len(recorded) == len(manifests)
    assert len(set(evicted)) == len(evicted)
    return recorded, set(evicted)
