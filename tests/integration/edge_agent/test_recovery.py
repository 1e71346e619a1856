"""Killed at any instant, the agent claims every whole fragment once, and goes on with an unbroken chain."""

import hashlib
import random
import sqlite3
import time
from itertools import pairwise
from pathlib import Path

import av

from config.base.clock import US_PER_S
from config.wire.envelope import open_envelope
from config.wire.segments import SegmentRecorded
from edge_agent.recording.boxes import whole_bytes
from tests.support.cameras import StartCameras
from tests.support.edge import EdgeBox, wait_for

ROUNDS = 2


def frames_in(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def chain(box: EdgeBox, camera_id: str) -> list[tuple[SegmentRecorded, str]]:
    """Manifests of a camera with the digest of each payload."""
    rows = box.query(
        "SELECT body FROM outbox WHERE name = 'segment-recorded' AND camera_id = ? ORDER BY position", camera_id
    )
    manifests = [m for m in box.outbox("segment-recorded") if isinstance(m, SegmentRecorded)]
    own = [m for m in manifests if m.camera_id == camera_id]
    return list(zip(own, (open_envelope(bytes(row["body"])).payload_sha256 for row in rows), strict=True))


def being_written(box: EdgeBox, camera_id: str) -> bool:
    return any(path.stat().st_size > 20_000 for path in box.spool.glob(f"{camera_id}/*.part"))


def test_kill_at_any_instant_loses_no_whole_fragment_and_claims_none_twice(
    camera_server: StartCameras, edge_box: EdgeBox
) -> None:
    cameras = camera_server(cameras=2)
    edge_box.configure({"cam-1": cameras.url("cam1"), "cam-2": cameras.url("cam2")})
    expected: dict[str, int] = {}
    for _ in range(ROUNDS):
        edge_box.start()
        wait_for("fragments", lambda: all(being_written(edge_box, camera_id) for camera_id in ("cam-1", "cam-2")), 30)
        time.sleep(random.uniform(0, 2.5))
        edge_box.kill()
        for part in edge_box.spool.glob("*/*.part"):
            with part.open("rb") as opened:
                expected[part.name.partition(".")[0]] = whole_bytes(opened)
        for row in edge_box.segments("open"):  # killed between the rename and the claim
            if (whole := edge_box.file(row)).exists():
                expected[row["segment_id"]] = whole.stat().st_size

    edge_box.configure({})
    starts = edge_box.log().count("agent_started")
    edge_box.start()
    wait_for("recovery", lambda: edge_box.log().count("agent_started") > starts, 30)
    assert edge_box.stop() == 0

    rows = {row["segment_id"]: row for row in edge_box.segments()}
    assert not list(edge_box.spool.glob("*/*.part"))
    assert {path.stem for path in edge_box.spool.glob("*/*.mp4")} == set(rows)
    for segment_id, whole in expected.items():
        assert (segment_id in rows) == (whole > 0)
        if whole:
            assert rows[segment_id]["size_bytes"] == whole
    for camera_id in ("cam-1", "cam-2"):
        told = chain(edge_box, camera_id)
        assert [m.sequence for m, _ in told] == list(range(len(told)))
        assert [m.previous for m, _ in told] == [None, *(digest for _, digest in told[:-1])]
        assert len({m.segment_id for m, _ in told}) == len(told)
        assert {m.segment_id for m, _ in told} == {i for i, row in rows.items() if row["camera_id"] == camera_id}
        whole_ones = {segment_id for segment_id, whole in expected.items() if whole}
        assert {m.segment_id for m, _ in told if m.recovered} == whole_ones & {m.segment_id for m, _ in told}
        spans = sorted((m.start_us, m.end_us) for m, _ in told)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
        for manifest, _ in told:
            path = edge_box.file(rows[manifest.segment_id])
            assert hashlib.sha256(path.read_bytes()).hexdigest() == manifest.sha256
            assert frames_in(path) == manifest.frames
            claimed_s = (manifest.end_us - manifest.start_us) / US_PER_S
            assert claimed_s <= manifest.frames / 8  # the simulator's pictures are at most 0.1 s apart


def test_a_file_without_a_claim_is_adopted_and_a_claim_without_a_file_is_set_aside(
    camera_server: StartCameras, edge_box: EdgeBox
) -> None:
    """The instant between the rename and the transaction, set up by hand; and a file that somebody removed."""
    cameras = camera_server(cameras=1)
    edge_box.configure({"cam-1": cameras.url("cam1")})
    edge_box.start()
    wait_for("two segments", lambda: len(edge_box.segments()) >= 2, 40)
    edge_box.kill()
    adopted, vanished = edge_box.segments()[:2]
    with sqlite3.connect(edge_box.spool / "spool.sqlite3") as connection:
        connection.execute("DELETE FROM outbox WHERE name = 'segment-recorded'")
        connection.execute("UPDATE cameras SET next_sequence = 0, previous = NULL")
        connection.execute(
            "UPDATE segments SET state = 'open', end_us = NULL, sha256 = NULL, size_bytes = NULL, frames = NULL"
            " WHERE segment_id = ?",
            (adopted["segment_id"],),
        )
    connection.close()
    edge_box.file(vanished).unlink()
    edge_box.configure({})
    edge_box.start()
    wait_for("recovery", lambda: edge_box.log().count("agent_started") == 2, 30)
    assert edge_box.stop() == 0
    again = {row["segment_id"]: row for row in edge_box.segments()}[adopted["segment_id"]]
    for field in ("sha256", "size_bytes", "frames", "start_us"):
        assert again[field] == adopted[field]
    assert abs(again["end_us"] - adopted["end_us"]) < US_PER_S / 5
    assert [damaged["segment_id"] for damaged in edge_box.segments("damaged")] == [vanished["segment_id"]]
    assert "segment_file_missing" in edge_box.log()
