"""Cameras live in processes of their own: one that crashes or hangs takes its own cameras down for a moment, no others;
cameras come, go and change without the others noticing."""

import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from config.base.ids import fresh_id
from config.settings.edge import CameraSettings
from config.wire.segments import SegmentRecorded
from config.wire.status import CameraState
from edge_agent.app import App
from edge_agent.shards import keeper
from edge_agent.shards.fleet import WantedCamera
from edge_agent.spool.segments import OpenSegment
from tests.support.clips import MakeClip
from tests.support.edge import EdgeBox, wait_for

RunApp = Callable[..., App]


@pytest.fixture
def run_app(edge_box: EdgeBox) -> Iterator[RunApp]:
    """Starts the agent within the test's process, with two-second segments; closes it at the end."""
    started: list[App] = []

    def run(cameras: dict[str, str], **recording: Any) -> App:
        app = App(edge_box.configure(cameras, recording=recording))
        started.append(app)
        app.start()
        return app

    yield run
    for app in started:
        if not app.fleet._closing:  # the test has not closed it itself
            app.close()


def states(box: EdgeBox, camera_id: str) -> list[CameraState]:
    return [s for s in box.outbox("camera-state") if isinstance(s, CameraState) and s.camera_id == camera_id]


def rows(box: EdgeBox, camera_id: str) -> list[dict[str, Any]]:
    return [row for row in box.segments() if row["camera_id"] == camera_id]


def manifests(box: EdgeBox, camera_id: str) -> list[SegmentRecorded]:
    return [m for m in box.outbox("segment-recorded") if isinstance(m, SegmentRecorded) and m.camera_id == camera_id]


def all_record(app: App, *cameras: str) -> bool:
    return all(app.board.condition(camera_id) == "recording" for camera_id in cameras)


def keeper_of(app: App, camera_id: str) -> keeper.ShardKeeper:
    return app.fleet._place[camera_id]


def grown(box: EdgeBox, camera_id: str) -> bool:
    """One fragment is durable: the head alone is smaller."""
    return any(path.stat().st_size > 1_500 for path in (box.spool / camera_id).glob("*.part"))


def test_a_crash_in_one_shard_ends_its_run_at_what_is_durable_and_touches_no_other(
    run_app: RunApp, edge_box: EdgeBox, clip: MakeClip
) -> None:
    url = f"file:{clip()}"
    app = run_app({"cam-1": url, "cam-2": url}, shard_cameras=1, segment_s=4)
    wait_for("both to record", lambda: all_record(app, "cam-1", "cam-2"))
    wait_for("something durable", lambda: grown(edge_box, "cam-1"))
    victim, other = keeper_of(app, "cam-1").pid, keeper_of(app, "cam-2").pid
    assert victim is not None
    writing = app.spool.opened("cam-1")[-1]
    os.kill(victim, signal.SIGSEGV)
    wait_for("it to be told", lambda: [s for s in states(edge_box, "cam-1") if s.condition == "stalled"])
    again = wait_for("another process", lambda: keeper_of(app, "cam-1").pid)
    assert again != victim
    wait_for("to record again", lambda: all_record(app, "cam-1"))
    wait_for("a segment after it", lambda: rows(edge_box, "cam-1")[-1]["segment_id"] != writing.segment_id)
    wait_for("two segments of the other", lambda: len(rows(edge_box, "cam-2")) >= 2)
    assert app.close()

    rescued = next(m for m in manifests(edge_box, "cam-1") if m.segment_id == writing.segment_id)
    assert rescued.recovered
    stalled = next(s for s in states(edge_box, "cam-1") if s.condition == "stalled")
    assert stalled.at_us == rescued.end_us
    assert "Segmentation fault" in stalled.detail
    for before, after in pairwise(manifests(edge_box, "cam-1")):
        assert before.sequence + 1 == after.sequence
        assert before.end_us <= after.start_us
    assert keeper_of(app, "cam-2").pid in (other, None)
    assert len({m.run_id for m in manifests(edge_box, "cam-2")}) == 1
    assert [s.condition for s in states(edge_box, "cam-2")] == ["starting", "recording", "stopped"]
    assert [s.condition for s in states(edge_box, "cam-1")] == [
        "starting",
        "recording",
        "stalled",
        "recording",
        "stopped",
    ]


def test_a_camera_that_kills_its_process_again_and_again_is_left_alone_with_it(
    run_app: RunApp, clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "DEATHS_MAX", 2)
    app = run_app({"cam-1": f"file:{clip()}", "cam-2": f"file:{clip()}"})
    victims: set[int] = set()
    for _ in range(2):
        wait_for("a process", lambda: (keeper_of(app, "cam-1").pid or 0) not in {0, *victims})
        wait_for("recording", lambda: all_record(app, "cam-1", "cam-2"))
        victim = keeper_of(app, "cam-1").pid
        assert victim is not None
        victims.add(victim)
        os.kill(victim, signal.SIGKILL)
    wait_for("a process each", lambda: keeper_of(app, "cam-1") is not keeper_of(app, "cam-2"))
    wait_for("both to record", lambda: all_record(app, "cam-1", "cam-2"))
    assert [one.cameras for one in app.fleet.keepers] == [1, 1]
    app.fleet.apply([*app.fleet._known.values(), wanted("cam-3", clip())])
    assert keeper_of(app, "cam-3") not in (keeper_of(app, "cam-1"), keeper_of(app, "cam-2"))


def test_a_slow_database_stops_no_camera_from_being_read(run_app: RunApp, edge_box: EdgeBox, clip: MakeClip) -> None:
    app = run_app({"cam-1": f"file:{clip()}"})
    wait_for("a segment", lambda: rows(edge_box, "cam-1"))
    with app.database._lock:
        time.sleep(3.5)  # at least one cut falls into it
    before = len(rows(edge_box, "cam-1"))
    wait_for("two more", lambda: len(rows(edge_box, "cam-1")) >= before + 2)
    assert app.close()
    found = rows(edge_box, "cam-1")
    assert len({row["run_id"] for row in found}) == 1
    for one, two in pairwise(found):
        assert one["end_us"] == two["start_us"]
    for row in found[:-1]:
        assert abs((row["end_us"] - row["start_us"]) / 100_000 - row["frames"]) <= 1


def test_a_shard_that_hangs_is_killed_and_begun_again(
    run_app: RunApp, edge_box: EdgeBox, clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "SILENT_US_MAX", 2_000_000)
    app = run_app({"cam-1": f"file:{clip()}"})
    wait_for("recording", lambda: all_record(app, "cam-1"))
    victim = keeper_of(app, "cam-1").pid
    assert victim is not None
    os.kill(victim, signal.SIGSTOP)
    told = wait_for("it to be told", lambda: [s for s in states(edge_box, "cam-1") if s.condition == "stalled"])
    assert "said nothing" in told[0].detail
    wait_for("another process", lambda: all_record(app, "cam-1") and keeper_of(app, "cam-1").pid != victim)


def test_shards_die_with_the_main_process_and_hold_its_state_until_they_have(edge_box: EdgeBox, clip: MakeClip) -> None:
    edge_box.configure({"cam-1": f"file:{clip()}"})
    edge_box.start()
    wait_for("something durable", lambda: grown(edge_box, "cam-1"))
    lock = os.open(edge_box.folder / "state" / "shards.lock", os.O_RDWR)
    try:
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        edge_box.kill()

        def free() -> bool:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        wait_for("the last shard to go", free, 5)
    finally:
        os.close(lock)


def wanted(camera_id: str, path: Path, **changed: Any) -> WantedCamera:
    return WantedCamera(CameraSettings(id=camera_id, url=f"file:{path}", **changed))


def test_cameras_come_go_and_change_while_the_others_go_on(run_app: RunApp, edge_box: EdgeBox, clip: MakeClip) -> None:
    app = run_app({"stays": f"file:{clip()}", "goes": f"file:{clip()}", "changes": f"file:{clip()}"})
    wait_for("all to record", lambda: all_record(app, "stays", "goes", "changes"))
    pid, place = keeper_of(app, "stays").pid, keeper_of(app, "changes")
    outcomes = app.fleet.apply(
        [
            wanted("stays", clip()),
            wanted("changes", clip(size=(192, 96))),
            wanted("comes", clip()),
        ]
    )
    assert {camera: outcome.what for camera, outcome in outcomes.items()} == {
        "stays": "kept",
        "changes": "changed",
        "comes": "added",
        "goes": "removed",
    }
    assert keeper_of(app, "changes") is place
    wait_for("the new one", lambda: all_record(app, "comes", "changes"))
    wait_for("its new picture", lambda: any(r["width"] == 192 for r in rows(edge_box, "changes")))
    assert keeper_of(app, "stays").pid == pid
    assert [status.camera_id for status in app.board.snapshot()] == ["stays", "changes", "comes"]
    last = states(edge_box, "goes")[-1]
    assert (last.condition, last.at_us) == ("stopped", manifests(edge_box, "goes")[-1].end_us)
    (edge_box.spool / "blocked").write_text("a file where a folder must be")
    refused = app.fleet.apply([wanted("blocked", clip()), *app.fleet._known.values()])
    assert refused["blocked"].what == "failed"
    assert refused["stays"].what == "kept"
    assert app.close()
    assert len({m.run_id for m in manifests(edge_box, "stays")}) == 1
    assert [s.condition for s in states(edge_box, "stays")] == ["starting", "recording", "stopped"]
    conditions = [s.condition for s in states(edge_box, "changes")]
    assert conditions == ["starting", "recording", "starting", "recording", "stopped"]


def test_a_full_shard_gets_a_second_beside_it_and_an_empty_one_ends(
    run_app: RunApp, edge_box: EdgeBox, clip: MakeClip
) -> None:
    app = run_app({"cam-1": f"file:{clip()}"}, shard_cameras=2)
    everybody = [wanted(f"cam-{number}", clip()) for number in range(1, 4)]
    app.fleet.apply(everybody)
    assert sorted(one.cameras for one in app.fleet.keepers) == [1, 2]
    wait_for("all to record", lambda: all_record(app, "cam-1", "cam-2", "cam-3"))
    app.fleet.apply(everybody[:1])
    assert [one.cameras for one in app.fleet.keepers] == [1]
    assert app.fleet.apply([]) == {"cam-1": ("removed", "")}
    assert app.fleet.keepers == []


def test_a_torn_segment_is_rescued_once_there_is_room(
    run_app: RunApp, edge_box: EdgeBox, clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "RESCUE_EVERY_US", 100_000)
    app = run_app({"cam-1": f"file:{clip()}"})
    wait_for("a segment", lambda: rows(edge_box, "cam-1"))
    whole = edge_box.file(rows(edge_box, "cam-1")[0])
    left = OpenSegment(fresh_id(), "cam-1", fresh_id(), fresh_id(), 1, "h264", 160, 96)
    app.spool.open(left)
    app.spool.part_path("cam-1", left.segment_id).write_bytes(whole.read_bytes())
    app.fleet.accounts.torn(left, "nobody")
    wait_for("it to be claimed", lambda: app.spool.end_of(left.segment_id))


def test_figures_reach_the_board(run_app: RunApp, clip: MakeClip) -> None:
    app = run_app({"cam-1": f"file:{clip()}"})

    def complete() -> Any:
        (status,) = app.board.snapshot()
        return status if status.keyframe_interval_ms and status.recording_lag_ms is not None else None

    status = wait_for("figures", complete)
    assert (status.codec, status.width, status.height, status.reachable) == ("h264", 160, 96, True)
    assert 900 <= status.keyframe_interval_ms <= 1_100
    assert status.packet_age_ms < 5_000
    assert status.recording_lag_ms < 10_000
    wait_for("a rate", lambda: 5 < app.board.snapshot()[0].frames_per_second < 20)
