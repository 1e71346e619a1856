"""A camera asked over ONVIF: a simulated one with its traps, and peers that mean ill."""

import time
import tracemalloc

import pytest

from config.base.clock import US_PER_S, SystemClock
from config.base.errors import InvalidInput, NightlightError, NotFound, PermissionDenied, Unavailable
from edge_agent.onvif import events
from edge_agent.onvif.bounded import Limits
from edge_agent.onvif.camera import MEDIA_1, MEDIA_2, OnvifCamera
from edge_agent.onvif.digest import Credentials
from tests.support.brokers import free_port

WHO = Credentials("viewer", "pässwörd 1")
CLOCK = SystemClock()
HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\n"


@pytest.fixture
def simulator(camera_server):
    return camera_server(cameras=1, user=WHO.username, password=WHO.password, onvif=True)


@pytest.fixture
def camera(simulator):
    return OnvifCamera(simulator.device("cam1"), WHO, CLOCK)


def test_who_it_is_what_it_streams_and_how_it_looks(simulator, camera):
    simulator.arrange("cam1", sub=True)
    assert camera.information().serial_number == "cam1"
    [source] = camera.sources()
    assert (source.main.codec, source.main.width, source.main.url) == ("h264", 640, simulator.url("cam1"))
    assert source.main.keyframe_every == 10
    assert source.sub is not None
    assert source.sub.width == 320
    assert camera.snapshot(source.snapshot_url).startswith(b"\xff\xd8")
    simulator.arrange("cam1", media_2=False)
    older = OnvifCamera(simulator.device("cam1"), WHO, CLOCK)
    assert MEDIA_1 in older.services()
    assert MEDIA_2 not in older.services()
    assert older.sources()[0].main.url == simulator.url("cam1")


def test_h265_is_seen_where_the_camera_speaks_media_2(camera_server):
    simulator = camera_server(cameras=1, codec="hevc", onvif=True)
    camera = OnvifCamera(simulator.device("cam1"), Credentials(), CLOCK)
    assert camera.sources()[0].main.codec == "hevc"
    simulator.arrange("cam1", media_2=False)
    with pytest.raises(NotFound) as raised:
        OnvifCamera(simulator.device("cam1"), Credentials(), CLOCK).sources()
    assert raised.value.code == "onvif_no_video"


@pytest.mark.parametrize("error_s", [0, 185, -8 * 3_600, 5 * 365 * 86_400])
def test_its_clock_is_measured_and_does_not_keep_us_out(simulator, camera, error_s):
    """A camera refuses a proof whose time is not its own: it is made by the camera's clock."""
    simulator.arrange("cam1", clock_error_us=error_s * US_PER_S + 400_000)
    offset, _ = camera.clock_offset(time.sleep)
    assert abs(offset.offset_us - (error_s * US_PER_S + 400_000)) <= offset.bound_us
    assert offset.bound_us < 600_000
    assert offset.looks_like_a_zone is (error_s == -8 * 3_600)
    assert camera.information().model == "Simulator"


@pytest.mark.parametrize(("tells", "hours"), [("utc", 0), ("local", 0), ("local_as_utc", 8)])
def test_time_zones_and_their_trap(simulator, camera, tells, hours):
    simulator.arrange("cam1", tells=tells)
    offset, said = camera.clock_offset(time.sleep, samples=1)
    assert said.from_local is (tells == "local")
    assert abs(offset.offset_us - hours * 3_600 * US_PER_S) <= offset.bound_us
    assert offset.looks_like_a_zone is (hours != 0)


@pytest.mark.parametrize("who", [Credentials(), Credentials("viewer", "wrong"), Credentials("nobody", "pässwörd 1")])
def test_without_the_right_password_it_tells_the_time_and_no_more(simulator, who):
    camera = OnvifCamera(simulator.device("cam1"), who, CLOCK)
    assert camera.time()[0].utc_us
    with pytest.raises(PermissionDenied) as raised:
        camera.information()
    assert raised.value.code == "onvif_refused"
    with pytest.raises((PermissionDenied, InvalidInput)):
        camera.snapshot(simulator.device("cam1").replace("onvif/device_service", "snapshot"))


def test_an_input_that_switches_is_heard(simulator, camera):
    with events.inputs(camera) as point:
        [initial] = point.pull(2)
        assert (initial.active, initial.initial, initial.input_token) == (False, True, "input-1")
        simulator.arrange("cam1", input_active=True)
        [change] = point.pull(10)
        assert (change.active, change.initial) == (True, False)
        assert change.camera_us is not None
        assert abs(change.camera_us - CLOCK.utc_us()) < 10 * US_PER_S
        assert point.pull(1) == []
    with pytest.raises(InvalidInput):
        point.pull(1)


def test_a_camera_that_is_gone(simulator, camera):
    simulator.switch("cam1", "off")
    with pytest.raises((Unavailable, InvalidInput)):
        camera.time()
    with pytest.raises(Unavailable) as raised:
        OnvifCamera(f"http://127.0.0.1:{free_port()}/onvif/device_service", WHO, CLOCK).time()
    assert raised.value.code == "onvif_silent"


ILL = {
    "huge answer": (HTTP + b"\r\n" + b"x" * (4 << 20), {}),
    "endless answer": (b"x" * 65_536, {"endless": True}),
    "endless headers": (b"X-Header: " + b"x" * 100 + b"\r\n", {"endless": True}),
    "a length that is none": (HTTP + b"Content-Length: -5\r\n\r\n<x/>", {}),
    "a length that is a lie": (HTTP + b"Content-Length: 99999999999\r\n\r\n<x/>", {}),
    "chunks without end": (HTTP + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\nxxxx", {}),
    "entity bomb": (
        HTTP + b'\r\n<!DOCTYPE x [<!ENTITY a "' + b"a" * 1_000 + b'">]><x>' + b"&a;" * 10_000 + b"</x>",
        {},
    ),
    "wrong content": (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html><body>hello</body></html>", {}),
    "no http": (b"220 ftp ready\r\n", {}),
    "nothing": (b"", {}),
    "elsewhere": (b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\n\r\n", {}),
}


@pytest.mark.parametrize("kind", ILL)
def test_answers_that_mean_ill_are_survived(kind, hostile):
    data, how = ILL[kind]
    camera = OnvifCamera(hostile(data, **how), WHO, CLOCK, Limits(within_s=2.0, bytes_max=1 << 20))
    tracemalloc.start()
    for ask in (camera.time, camera.information, camera.sources, lambda: events.inputs(camera)):
        with pytest.raises(NightlightError):
            ask()
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 32 << 20


@pytest.mark.parametrize("data", [HTTP + b"\r\n<s:Envelope>", HTTP + b"X: " + b"x" * 400, b"\r\n" * 100])
def test_an_answer_that_drips_is_over_at_the_deadline(data, hostile):
    camera = OnvifCamera(hostile(data, drip_s=0.05, endless=True), Credentials(), CLOCK, Limits(within_s=1.0))
    began = time.monotonic()
    with pytest.raises(NightlightError):
        camera.time()
    assert time.monotonic() - began < 10
