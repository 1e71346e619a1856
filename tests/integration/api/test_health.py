"""How a site's boxes do: for scripts and on the board, within a person's reach alone."""

import msgspec
import pytest

from config.base.ids import fresh_id
from config.wire.desired_state import CameraOutcome, ConfigurationReport, DesiredCamera
from config.wire.health import BoxHealth, ClockReading, StreamFormat
from server.services.cameras.configure_cameras import CameraConfigurer
from tests.support.api import OPERATOR, PASSWORD, add_accounts

PATH = "/api/v1/sites/sunflower/health"


@pytest.fixture
def script(api, agent, clock):
    add_accounts(api.parts.database, clock, agent.site_id)
    return api.client(auth=(OPERATOR, PASSWORD))


def rich(agent):
    plain = agent.heartbeat(configuration_version=1)
    camera = msgspec.structs.replace(
        plain.cameras[0],
        frames_per_second=25.0,
        kilobits_per_second=3_000,
        stream_format=0,
        clock_offset_ms=-3_600_000,
        clock_bound_ms=20,
    )
    return msgspec.structs.replace(
        plain,
        configuration_source="server",
        clock=ClockReading(observed_us=plain.sent_us, offset_us=0, bound_us=900),
        box=BoxHealth(cpu_percent=12, memory_used_percent=35, certificate_left_s=7_200, temperature_c=51),
        cameras=[camera],
        formats=[StreamFormat(codec="h264", width=1920, height=1080)],
        findings={"too_dark": [0]},
    )


def test_an_agent_that_was_never_heard_is_not_alive(script):
    answer = script.get(PATH)
    assert answer.status_code == 200
    (box,) = answer.json()["agents"]
    assert (box["agent_id"], box["alive"], box["heard_us"], box["cameras"]) == ("sunflower-box", False, None, [])


def test_what_a_heartbeat_told_and_what_to_look_at(script, agent, api, clock):
    configurer = CameraConfigurer(api.parts.database, clock)
    configurer.change("sunflower", "nap-room", lambda _: DesiredCamera(camera_id="nap-room", url="rtsp://192.0.2.1/x"))
    agent.say(
        ConfigurationReport(
            message_id=fresh_id(),
            site_id="sunflower",
            agent_id="sunflower-box",
            timeline_id=agent.timeline_id,
            at_us=clock.utc_us(),
            source="server",
            version=1,
            outcome="taken",
            cameras=[CameraOutcome(camera_id="nap-room", what="failed", why="its password was sealed to another key")],
        )
    )
    agent.say(rich(agent))
    (box,) = script.get(PATH).json()["agents"]
    assert box["alive"] is True
    assert box["box"]["temperature_c"] == 51
    assert box["configuration"] == {
        "source": "server",
        "wanted_version": 1,
        "version": 1,
        "failed": {"nap-room": "its password was sealed to another key"},
    }
    assert [warning["code"] for warning in box["warnings"]] == ["certificate_ends", "camera_not_set_up"]
    (camera,) = box["cameras"]
    assert (camera["width"], camera["codec"], camera["findings"]) == (1920, "h264", ["too_dark"])
    assert [(warning["code"], warning["number"]) for warning in camera["warnings"]] == [("camera_clock_wrong", -3_600)]


def test_the_board_says_it_in_both_languages(script, api, agent):
    agent.say(rich(agent))
    reader = api.signed_in()
    english = reader.get("/sites/sunflower", headers={"Accept-Language": "en"}).text
    assert "1920 × 1080 H.264 · 25 fps · 3.0 Mbit/s" in english
    assert "own clock is 3600 s off" in english
    assert "The certificate ends in 2 hours" in english
    chinese = reader.get("/sites/sunflower", headers={"Accept-Language": "zh-CN"}).text
    assert "证书将在 2 小时后到期" in chinese
    assert "摄像头自身时钟偏差 3600 秒" in chinese


def test_an_earlier_day_shows_nothing_of_now(script, api, agent):
    agent.say(rich(agent))
    assert "3.0 Mbit/s" not in api.signed_in().get("/sites/sunflower?day=2026-11-20").text


def test_another_site_is_not_found(script, api, clock):
    assert script.get("/api/v1/sites/boat/health").status_code == 404
    assert script.get("/api/v1/sites/%F0%9F%8C%BB/health").status_code == 404
    assert api.client().get(PATH).status_code == 401
