"""Health in words: every warning has its own, in both languages."""

import pytest

from server.domain.health import CODES, Warned
from server.services.coverage.read_health import AgentHealth, CameraFigures, SiteHealth
from server.web import wording
from server.web.health import make_health
from server.web.languages import load_languages

LANGUAGES = load_languages()


def test_every_warning_has_words() -> None:
    assert set(wording.WARNING) == CODES


def site(*agents: AgentHealth) -> SiteHealth:
    return SiteHealth(site_id="sunflower", now_us=0, agents=list(agents))


def agent(**changes: object) -> AgentHealth:
    figures: dict[str, object] = {
        "spool": {"used_percent": 42, "hours_left": 59.3},
        "box": {
            "cpu_percent": 12,
            "memory_used_percent": 35,
            "temperature_c": 51,
            "certificate_left_s": 7 * 86_400,
            "uptime_s": 7_300,
        },
    }
    return AgentHealth(agent_id="box-1", alive=True, heard_us=0, **(figures | changes))  # type: ignore[arg-type]


def test_a_box_in_one_line() -> None:
    (box,) = make_health(site(agent()), "Asia/Shanghai", LANGUAGES["en"]).boxes
    assert box.figures == [
        "processor 12 %",
        "memory 35 %",
        "51 °C",
        "recordings take 42 % of their room",
        "room for 2 days without a link",
        "certificate for 7 days",
        "running for 2 hours",
    ]
    bare = agent(spool={"used_percent": 0, "hours_left": None}, box={"cpu_percent": 0, "memory_used_percent": 0})
    assert len(make_health(site(bare), "Asia/Shanghai", LANGUAGES["zh-CN"]).boxes[0].figures) == 3


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("code", sorted(CODES))
def test_each_warning_becomes_a_sentence(language: str, code: str) -> None:
    warned = agent(warnings=[Warned(code, -90, "gate")])
    (text,) = make_health(site(warned), "Asia/Shanghai", LANGUAGES[language]).boxes[0].warnings
    assert text != code
    assert "%(" not in text


def test_a_silent_agent_says_nothing_of_its_cameras() -> None:
    camera = CameraFigures(
        camera_id="nap-room",
        condition="recording",
        reachable=True,
        since_us=0,
        packet_age_ms=40,
        frames_per_second=24.9,
        kilobits_per_second=3_040,
        keyframe_interval_ms=2_000,
        codec="hevc",
        width=1920,
        height=1080,
        rtp_lost=0,
        clock_offset_ms=None,
        clock_bound_ms=None,
        recording_lag_ms=900,
        upload_lag_s=None,
        findings=[],
        warnings=[Warned("rtp_loss", 9)],
    )
    shown = make_health(site(agent(cameras=[camera])), "Asia/Shanghai", LANGUAGES["en"])
    assert shown.cameras["nap-room"].figures == ["1920 × 1080 H.265", "25 fps", "3.0 Mbit/s"]
    assert len(shown.cameras["nap-room"].warnings) == 1
    silent = AgentHealth(agent_id="box-1", alive=False, heard_us=None, cameras=[camera])
    hidden = make_health(site(silent), "Asia/Shanghai", LANGUAGES["en"])
    assert (hidden.cameras, hidden.boxes[0].alive) == ({}, False)
