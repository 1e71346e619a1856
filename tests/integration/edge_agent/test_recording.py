"""What is recorded from a real RTSP stream is whole, continuous, decodable, and claims the time at which it was.

One agent with many cameras plays one scene; the tests then look at what is left of it.
"""

import hashlib
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest

from config.base.clock import US_PER_S, SystemClock
from config.wire.segments import SegmentRecorded
from config.wire.status import CameraState
from deploy.local.simulator.launch import Simulator
from deploy.local.simulator.timecode import read_timecode
from edge_agent.app import App
from tests.support.cameras import StartCameras
from tests.support.edge import EdgeBox, wait_for

SEGMENT_US = 2 * US_PER_S
SECRET = "p@ss/wörd:1 %"  # every character that means something in a URL
ENDS = {
    "h264": "recording",
    "hevc": "recording",
    "opened": "recording",
    "no-password": "unauthorised",
    "wrong-path": "unreachable",
    "nobody": "unreachable",
    "no-name": "unreachable",
}


def decoded_times(path: Path) -> list[int]:
    """The instants burned into each picture of a file; every one of them must decode."""
    with av.open(str(path)) as container:
        times = [read_timecode(frame) for frame in container.decode(video=0)]
    assert None not in times
    return [at for at in times if at is not None]


def conditions(box: EdgeBox, camera_id: str) -> list[str]:
    return [said.condition for said in box.outbox("camera-state") if said.camera_id == camera_id]  # type: ignore[attr-defined]


def state(box: EdgeBox, camera_id: str, condition: str) -> Any:
    found = [
        said
        for said in box.outbox("camera-state")
        if isinstance(said, CameraState) and (said.camera_id, said.condition) == (camera_id, condition)
    ]
    return found[-1] if found else None


class Scene:
    """What was seen while it was played."""

    box: EdgeBox
    stalled: Any
    last_before_stall: dict[str, Any]
    stall_us: int
    noticed_us: int


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, server_time: str) -> Iterator[Scene]:
    root = tmp_path_factory.mktemp("scene")
    played = Scene()
    box = played.box = EdgeBox(root / "edge", server_time)
    box.passwords["opened"] = SECRET
    with ExitStack() as closing:
        h264 = closing.enter_context(Simulator.start(root / "1", cameras=3))
        hevc = closing.enter_context(Simulator.start(root / "2", codec="hevc"))
        locked = closing.enter_context(Simulator.start(root / "3", user="viewer", password=SECRET))
        h264.switch("cam2", "no_video")
        urls = {
            "h264": h264.url("cam1"),
            "hevc": hevc.url("cam1"),
            "opened": locked.url("cam1"),
            "no-password": locked.url("cam1"),
            "wrong-path": h264.url("cam9"),
            "nobody": "rtsp://127.0.0.1:1/x",
            "no-name": "rtsp://camera.invalid/x",
            "mute": h264.url("cam2"),
            "stalls": h264.url("cam3"),
        }
        box.configure(urls)
        closing.callback(box.kill)
        box.start()
        play(played, h264)
        assert box.stop() == 0
        yield played


def play(scene: Scene, simulator: Simulator) -> None:
    box = scene.box
    for camera_id in ("stalls", "h264", "hevc", "opened"):
        wait_for(f"{camera_id} recording", lambda c=camera_id: state(box, c, "recording"), 30)
    wait_for("mute no_video", lambda: state(box, "mute", "no_video"), 20)
    simulator.switch("cam2", "on")
    wait_for("a segment", lambda: of(box, "stalls"), 20)
    scene.stall_us = SystemClock().utc_us()
    simulator.switch("cam3", "stall")
    scene.stalled = wait_for("stalled", lambda: state(box, "stalls", "stalled"), 10)
    scene.noticed_us = SystemClock().utc_us()
    scene.last_before_stall = of(box, "stalls")[-1]
    simulator.switch("cam3", "on")
    for camera_id in ("h264", "hevc"):
        wait_for(f"two segments of {camera_id}", lambda c=camera_id: len(of(box, c)) >= 2, 30)
    wait_for("stalls recording again", lambda: conditions(box, "stalls").count("recording") == 2, 20)
    wait_for("the mute camera to recover", lambda: "recording" in conditions(box, "mute"), 20)
    for camera_id, condition in ENDS.items():
        wait_for(f"{camera_id} {condition}", lambda c=camera_id, k=condition: state(box, c, k), 20)


def of(box: EdgeBox, camera_id: str) -> list[dict[str, Any]]:
    return [row for row in box.segments() if row["camera_id"] == camera_id]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_segments_are_continuous_decodable_and_true_to_the_clock(scene: Scene, codec: str) -> None:
    box = scene.box
    rows = of(box, codec)
    assert len(rows) >= 2
    assert not list(box.spool.glob("*/*.part"))
    assert len({row["run_id"] for row in rows}) == 1
    for row in rows:
        data = box.file(row).read_bytes()
        assert row["codec"] == codec
        assert (len(data), hashlib.sha256(data).hexdigest()) == (row["size_bytes"], row["sha256"])
        times = decoded_times(box.file(row))
        assert len(times) == row["frames"]
        assert times == sorted(times)
        # The picture's own clock stands within the span that is claimed for it; the camera encodes in well under 1 s.
        assert row["start_us"] - US_PER_S < times[0] <= times[-1] < row["end_us"]
        assert all(after - before < US_PER_S for before, after in pairwise(times))
    for before, after in pairwise(rows):
        assert before["end_us"] == after["start_us"]
        boundary_us = round(after["start_us"] / SEGMENT_US) * SEGMENT_US
        assert abs(after["start_us"] - boundary_us) <= 1.1 * US_PER_S
    manifests = [m for m in box.outbox("segment-recorded") if isinstance(m, SegmentRecorded) and m.camera_id == codec]
    assert [m.sequence for m in manifests] == list(range(len(rows)))


def test_each_camera_fails_alone_and_says_what_to_do(scene: Scene) -> None:
    assert "password_file" in state(scene.box, "no-password", "unauthorised").detail
    assert "path" in state(scene.box, "wrong-path", "unreachable").detail
    assert "port" in state(scene.box, "nobody", "unreachable").detail
    for camera_id, condition in ENDS.items():
        assert conditions(scene.box, camera_id) == ["starting", condition, "stopped"]


def test_a_password_opens_the_stream_and_never_shows(scene: Scene) -> None:
    told = scene.box.log() + "".join(s.detail for s in scene.box.outbox("camera-state"))  # type: ignore[attr-defined]
    assert "camera_condition" in told
    assert SECRET not in told
    assert "p%40ss" not in told


def test_a_silent_stall_ends_the_run_at_its_last_frame(scene: Scene) -> None:
    first, rows = scene.last_before_stall, of(scene.box, "stalls")
    assert scene.noticed_us - scene.stall_us < 5 * US_PER_S
    assert scene.stalled.at_us == first["end_us"] <= scene.stall_us + US_PER_S
    assert len({row["run_id"] for row in rows}) == 2
    last_before = decoded_times(scene.box.file(first))[-1]
    first_after = decoded_times(scene.box.file(rows[-1]))[0]
    assert first["end_us"] <= last_before + US_PER_S
    # To a tenth of a second, which is how exact a segment's time has to be: the code is drawn just before it is sent.
    assert rows[-1]["start_us"] >= first_after - US_PER_S // 10


def test_closing_does_not_wait_for_a_reader_that_hangs(camera_server: StartCameras, edge_box: EdgeBox) -> None:
    cameras = camera_server(cameras=1)
    app = App(edge_box.configure({"cam-1": cameras.url("cam1")}, recording={"stall_s": 30}))
    app.start()
    wait_for("recording", lambda: state(edge_box, "cam-1", "recording"), 20)
    time.sleep(1)
    cameras.switch("cam1", "stall")
    time.sleep(0.5)
    began = time.monotonic()
    app.close()
    assert time.monotonic() - began < 8
    rows = edge_box.segments()
    assert rows
    assert all(len(decoded_times(edge_box.file(row))) == row["frames"] for row in rows)
