"""What is recorded from a real RTSP stream is whole, continuous, decodable, and claims the time at which it was."""

import hashlib
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest

from config.base.clock import US_PER_S
from config.wire.segments import SegmentRecorded
from config.wire.status import CameraState
from deploy.local.simulator.timecode import read_timecode
from edge_agent.app import App
from tests.support.cameras import StartCameras
from tests.support.edge import EdgeBox, wait_for

SEGMENT_US = 3 * US_PER_S


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


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_segments_are_continuous_decodable_and_true_to_the_clock(
    camera_server: StartCameras, edge_box: EdgeBox, codec: str
) -> None:
    cameras = camera_server(cameras=1, codec=codec)
    app = App(edge_box.configure({"cam-1": cameras.url("cam1")}))
    app.start()
    try:
        wait_for("two segments", lambda: len(edge_box.segments()) >= 2, 60)
    finally:
        assert app.close()

    rows = edge_box.segments()
    assert not list(edge_box.spool.glob("*/*.part"))
    assert len({row["run_id"] for row in rows}) == 1
    for row in rows:
        data = edge_box.file(row).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (row["size_bytes"], row["sha256"])
        times = decoded_times(edge_box.file(row))
        assert len(times) == row["frames"]
        assert times == sorted(times)
        # The picture's own clock stands within the span that is claimed for it; the camera encodes in well under 1 s.
        assert row["start_us"] - US_PER_S < times[0] <= times[-1] < row["end_us"]
        assert all(after - before < US_PER_S for before, after in pairwise(times))
    for before, after in pairwise(rows):
        assert before["end_us"] == after["start_us"]
        boundary_us = round(after["start_us"] / SEGMENT_US) * SEGMENT_US
        assert abs(after["start_us"] - boundary_us) <= 1.1 * US_PER_S
    manifests = edge_box.outbox("segment-recorded")
    assert [m.sequence for m in manifests if isinstance(m, SegmentRecorded)] == list(range(len(rows)))


def test_each_camera_fails_alone_and_says_what_to_do(camera_server: StartCameras, edge_box: EdgeBox) -> None:
    open_cameras = camera_server(cameras=2)
    locked = camera_server(cameras=1, user="viewer", password="right horse")
    open_cameras.switch("cam2", "no_video")
    app = App(
        edge_box.configure(
            {
                "good": open_cameras.url("cam1"),
                "mute": open_cameras.url("cam2"),
                "locked": locked.url("cam1"),
                "wrong-path": open_cameras.url("cam9"),
                "nobody": "rtsp://127.0.0.1:1/x",
                "no-name": "rtsp://camera.invalid/x",
            }
        )
    )
    app.start()
    try:
        expected = {
            "good": "recording",
            "mute": "no_video",
            "locked": "unauthorised",
            "wrong-path": "unreachable",
            "nobody": "unreachable",
            "no-name": "unreachable",
        }
        for camera_id, condition in expected.items():
            wait_for(f"{camera_id} {condition}", lambda c=camera_id, k=condition: state(edge_box, c, k), 20)
        assert "password_file" in state(edge_box, "locked", "unauthorised").detail
        assert "path" in state(edge_box, "wrong-path", "unreachable").detail
        assert "port" in state(edge_box, "nobody", "unreachable").detail
        open_cameras.switch("cam2", "on")
        wait_for("the mute camera to recover", lambda: "recording" in conditions(edge_box, "mute"), 20)
        assert conditions(edge_box, "good") == ["starting", "recording"]
    finally:
        assert app.close()


def test_a_password_opens_the_stream_and_never_shows(
    camera_server: StartCameras, edge_box: EdgeBox, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = "p@ss/wörd:1 %"  # every character that means something in a URL
    locked = camera_server(cameras=1, user="viewer", password=secret)
    (edge_box.folder / "camera-password").write_text(secret)
    app = App(edge_box.configure({"cam-1": locked.url("cam1"), "elsewhere": locked.url("nope")}))
    app.start()
    try:
        wait_for("recording", lambda: state(edge_box, "cam-1", "recording"), 20)
    finally:
        assert app.close()
    told = "".join(capfd.readouterr()) + "".join(s.detail for s in edge_box.outbox("camera-state"))  # type: ignore[attr-defined]
    assert secret not in told
    assert "p%40ss" not in told


def test_a_silent_stall_ends_the_run_at_its_last_frame(camera_server: StartCameras, edge_box: EdgeBox) -> None:
    cameras = camera_server(cameras=1)
    app = App(edge_box.configure({"cam-1": cameras.url("cam1")}))
    app.start()
    try:
        wait_for("recording", lambda: state(edge_box, "cam-1", "recording"), 20)
        time.sleep(3)
        before_us = app.clock.utc_us()
        cameras.switch("cam1", "stall")
        stalled = wait_for("stalled", lambda: state(edge_box, "cam-1", "stalled"), 10)
        noticed_us = app.clock.utc_us()
        assert noticed_us - before_us < 5 * US_PER_S
        first = wait_for("the segment", edge_box.segments, 5)[-1]
        assert stalled.at_us == first["end_us"] <= before_us + US_PER_S
        cameras.switch("cam1", "on")
        wait_for("recording again", lambda: conditions(edge_box, "cam-1").count("recording") == 2, 20)
    finally:
        assert app.close()
    rows = edge_box.segments()
    assert len({row["run_id"] for row in rows}) == 2
    last_before = decoded_times(edge_box.file(first))[-1]
    first_after = decoded_times(edge_box.file(rows[-1]))[0]
    assert first["end_us"] <= last_before + US_PER_S
    assert rows[-1]["start_us"] >= first_after


def test_closing_does_not_wait_for_a_reader_that_hangs(camera_server: StartCameras, edge_box: EdgeBox) -> None:
    cameras = camera_server(cameras=1)
    app = App(edge_box.configure({"cam-1": cameras.url("cam1")}, recording={"stall_s": 30}))
    app.start()
    wait_for("recording", lambda: state(edge_box, "cam-1", "recording"), 20)
    time.sleep(2)
    cameras.switch("cam1", "stall")
    time.sleep(0.5)
    began = time.monotonic()
    app.close()
    assert time.monotonic() - began < 8
    rows = edge_box.segments()
    assert rows
    assert all(len(decoded_times(edge_box.file(row))) == row["frames"] for row in rows)
