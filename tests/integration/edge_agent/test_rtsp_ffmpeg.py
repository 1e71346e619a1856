"""FFmpeg's RTSP client, which takes what ours does not understand: the same stream, the same faults."""

from itertools import islice

import pytest

from config.settings.edge import CameraSettings, load_edge
from edge_agent.cameras import rtsp_ffmpeg
from edge_agent.cameras.faults import CameraFault
from edge_agent.cameras.rtsp.source import open_rtsp


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    file = tmp_path_factory.mktemp("edge") / "edge.toml"
    file.write_text('[agent]\nsite_id = "s"\nagent_id = "a"\n')
    return load_edge(file).recording


def settings(url: str, username: str = "", *, allow_basic: bool = False) -> CameraSettings:
    return CameraSettings(id="gate", url=url, username=username, allow_basic=allow_basic)


def test_it_reads_what_ours_reads(camera_server, recording):
    simulator = camera_server(cameras=1)
    url = simulator.url("cam1")
    sizes = []
    for opened_by in (open_rtsp, rtsp_ffmpeg.open_rtsp):
        stream = opened_by(url, settings(url), "", recording)
        try:
            packets = list(islice(stream.packets(), 15))  # a keyframe comes every ten
        finally:
            stream.close()
        assert stream.format.codec == "h264"
        assert any(packet.is_keyframe for packet in packets)
        sizes.append({packet.size for packet in packets if packet.is_keyframe})
    assert all(sizes)


def test_it_says_what_is_wrong(camera_server, recording):
    simulator = camera_server(cameras=1, user="viewer", password="right")
    url = simulator.url("cam1")
    with pytest.raises(CameraFault) as refused:
        rtsp_ffmpeg.open_rtsp(url, settings(url, "viewer", allow_basic=True), "wrong", recording)
    assert refused.value.condition == "unauthorised"
    with pytest.raises(CameraFault) as absent:
        rtsp_ffmpeg.open_rtsp("rtsp://127.0.0.1:9/gate", settings("rtsp://127.0.0.1:9/gate"), "", recording)
    assert absent.value.condition == "unreachable"


def test_a_password_goes_in_clear_to_no_camera_that_it_was_not_allowed_for(camera_server, recording):
    simulator = camera_server(cameras=1, user="viewer", password="right", auth="basic")
    url = simulator.url("cam1")
    for opened_by in (open_rtsp, rtsp_ffmpeg.open_rtsp):
        with pytest.raises(CameraFault, match="allow_basic = true in the table of gate") as kept:
            opened_by(url, settings(url, "viewer"), "right", recording)
        assert (kept.value.condition, kept.value.code) == ("unauthorised", "basic_only")
        stream = opened_by(url, settings(url, "viewer", allow_basic=True), "right", recording)
        assert next(iter(stream.packets())).size
        stream.close()
