"""The simulated cameras behave as cameras do: FFmpeg's own RTSP client is the judge."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import av
import pytest
from av.container import InputContainer

from config.base.clock import US_PER_S
from config.base.errors import InvalidInput
from deploy.local.commands import REPOSITORY
from deploy.local.simulator.launch import Simulator
from deploy.local.simulator.timecode import read_timecode
from tests.support.cameras import StartCameras


@contextmanager
def watch(url: str, transport: str = "tcp", timeout_s: float = 10) -> Iterator[InputContainer]:
    with av.open(
        url, options={"rtsp_transport": transport, "analyzeduration": "0", "probesize": "32"}, timeout=timeout_s
    ) as container:
        yield container


def burned_in(container: InputContainer, frames: int) -> list[int]:
    """The times that stand in the next pictures."""
    found = []
    for frame in container.decode(video=0):
        instant_us = read_timecode(frame)
        assert instant_us is not None
        found.append(instant_us)
        if len(found) == frames:
            return found
    raise AssertionError(f"the stream ended after {len(found)} pictures")


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_pictures_carry_the_time_at_which_they_were_made(camera_server: StartCameras, transport: str) -> None:
    cameras = camera_server()
    before_us = time.time_ns() // 1_000
    with watch(cameras.url("cam1"), transport) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        times = burned_in(container, 15)
    assert before_us - US_PER_S < times[0] < times[-1] <= time.time_ns() // 1_000
    assert times == sorted(set(times))


def test_hevc_is_spoken_too(camera_server: StartCameras) -> None:
    with watch(camera_server(codec="hevc").url("cam1")) as container:
        assert container.streams.video[0].codec_context.name == "hevc"
        assert len(burned_in(container, 12)) == 12


def test_two_viewers_of_one_camera_see_the_same(camera_server: StartCameras) -> None:
    url = camera_server().url("cam1")
    with watch(url) as one, watch(url) as other:
        assert set(burned_in(one, 15)) & set(burned_in(other, 5))


@pytest.mark.parametrize("auth", ["digest", "basic"])
def test_a_password_is_asked_for_and_accepted(camera_server: StartCameras, auth: str) -> None:
    cameras = camera_server(user="viewer", password="right horse", auth=auth)
    with pytest.raises(av.HTTPUnauthorizedError), watch(cameras.url("cam1")):
        pass
    with pytest.raises(av.HTTPUnauthorizedError), watch(cameras.url("cam1").replace("//", "//viewer:wrong@")):
        pass
    with watch(cameras.url("cam1").replace("//", "//viewer:right%20horse@")) as container:
        assert burned_in(container, 1)


def test_an_unknown_camera_is_not_found(camera_server: StartCameras) -> None:
    with pytest.raises(av.HTTPNotFoundError), watch(camera_server().url("cam9")):
        pass


def test_off_drops_and_refuses_and_on_comes_back(camera_server: StartCameras) -> None:
    cameras = camera_server(cameras=2)
    with watch(cameras.url("cam1")) as container, watch(cameras.url("cam2")) as other:
        burned_in(container, 2)
        cameras.switch("cam1", "off")
        with pytest.raises((av.FFmpegError, AssertionError)):
            burned_in(container, 100)
        with pytest.raises(av.FFmpegError), watch(cameras.url("cam1")):
            pass
        assert burned_in(other, 2)
    cameras.switch("cam1", "on")
    with watch(cameras.url("cam1")) as container:
        assert burned_in(container, 2)


def test_stall_keeps_the_connection_and_sends_nothing(camera_server: StartCameras) -> None:
    cameras = camera_server()
    with watch(cameras.url("cam1"), timeout_s=1) as container:
        burned_in(container, 2)
        cameras.switch("cam1", "stall")
        began = time.monotonic()
        with pytest.raises((av.FFmpegError, AssertionError)):
            burned_in(container, 100)
        assert time.monotonic() - began > 0.8  # silence, not a broken connection
    cameras.switch("cam1", "on")
    with watch(cameras.url("cam1")) as container:
        assert burned_in(container, 2)


def test_garbage_comes_as_packets_that_show_nothing(camera_server: StartCameras) -> None:
    cameras = camera_server()
    cameras.switch("cam1", "garbage")
    with watch(cameras.url("cam1")) as container:
        packets = [packet.size for packet, _ in zip(container.demux(video=0), range(10), strict=False)]
    assert len(packets) == 10
    assert all(packets)


def test_a_device_without_video_says_so(camera_server: StartCameras) -> None:
    cameras = camera_server()
    cameras.switch("cam1", "no_video")
    with watch(cameras.url("cam1")) as container:
        assert not container.streams.video


def test_orders_that_make_no_sense_are_refused(camera_server: StartCameras) -> None:
    cameras = camera_server()
    with pytest.raises(InvalidInput, match="name a camera"):
        cameras.switch("cam7", "off")
    with pytest.raises(InvalidInput, match="is one of"):
        cameras.switch("cam1", "explode")  # type: ignore[arg-type]
    assert cameras.control_path.stat().st_mode & 0o777 == 0o600


def test_nothing_is_drawn_while_nobody_watches(camera_server: StartCameras) -> None:
    cameras = camera_server(cameras=8)
    before = _cpu_s(cameras)
    time.sleep(1)
    assert _cpu_s(cameras) - before < 0.05


def test_a_busy_port_and_an_absent_clip_are_told_clearly(camera_server: StartCameras) -> None:
    cameras = camera_server()
    for extra, expected in (
        (["--port", str(cameras.port)], "address already in use"),
        (["--clip", "/no.mp4"], "/no.mp4"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "deploy.local.simulator", "--cameras", "1", *extra],
            cwd=REPOSITORY, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert expected in done.stderr
        assert "Traceback" not in done.stderr


def test_a_clip_is_looped(camera_server: StartCameras, tmp_path_factory: pytest.TempPathFactory) -> None:
    clip = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with watch(camera_server().url("cam1")) as container, av.open(str(clip), "w") as out:
        to = out.add_stream_from_template(container.streams.video[0])
        for number, packet in enumerate(container.demux(video=0)):
            packet.pts = packet.dts = number * 9_000
            packet.stream = to
            out.mux(packet)
            if number == 9:
                break
    with watch(camera_server(clip=clip).url("cam1")) as container:
        seen = burned_in(container, 14)
    assert len(set(seen)) == 10


def _cpu_s(cameras: Simulator) -> float:
    fields = open(f"/proc/{cameras.process.pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_a_camera_may_change_its_resolution_and_begin_its_time_stamps_anew(camera_server: StartCameras) -> None:
    cameras = camera_server()
    with watch(cameras.url("cam1")) as container:
        sizes, stamps = [], []
        for packet in container.demux(video=0):
            stamps.append(packet.pts)
            sizes += [(frame.width, frame.height) for frame in packet.decode()]
            if len(stamps) == 12:
                cameras.switch("cam1", "half")
            if len(stamps) == 24:
                cameras.switch("cam1", "restamp")
            if len(stamps) == 44:
                break
    first = sizes[0]
    assert {first, (first[0] // 2, first[1] // 2)} == set(sizes)
    known = [stamp for stamp in stamps if stamp is not None]
    assert any(after < before for before, after in pairwise(known))
