"""The day of all cameras: one path a camera and state, an hour by a link, and nothing that is unknown looks recorded (I1)."""

import re
from datetime import date

import msgspec
import pytest

from config.base.clock import US_PER_MINUTE
from config.base.timespan import Span
from server.domain.verdict import day_span
from server.services.coverage.read_day import CameraDay, GapView, SiteDay, VerdictView
from server.services.docket.refer import CaseRef
from server.web.day import Asked, DayPages
from server.web.pages import Pages
from storage.database.scope import AUDITOR, Scope

PAGES = DayPages(Pages())
READER = Scope("police", AUDITOR, "cn")
ZONE = "Asia/Shanghai"
INCIDENT = "a" * 32


def at(day: Span, hour: float) -> int:
    return day.start_us + round(hour * 60) * US_PER_MINUTE


def site(day: str = "2026-11-20", zone: str = ZONE, *, gaps=(), cameras: int = 1, until: float = 24) -> SiteDay:
    whole = day_span(date.fromisoformat(day), zone)
    made = [
        CameraDay(
            camera_id=f"c{number}",
            name=f"Camera {number}",
            zone_name="Hall",
            zone_kind="corridor",
            condition="recording",
            activated_us=0,
            verdict=VerdictView("NON_COMPLIANT" if gaps else "COMPLIANT", True, 0, 0, 0),
            covered=[(whole.start_us, at(whole, until))],
            backfilled=[(at(whole, 1), at(whole, 2))],
            in_flight=[],
            gaps=[GapView(at(whole, start), at(whole, end), cause, sure) for start, end, cause, sure in gaps],
            longest_covered_us=0,
        )
        for number in range(cameras)
    ]
    return SiteDay("sunflower", "Sunflower", zone, day, whole.start_us, whole.end_us, at(whole, until), made)


def shown(found: SiteDay, asked: Asked | None = None, cases=(), language: str = "en", *, plays: bool = True) -> str:
    return PAGES.of_site(found, list(cases), asked or Asked(), READER, language, plays=plays)


def test_before_its_first_recording_nothing_was_expected_of_a_camera():
    found = site(cameras=2)
    whole = day_span(date.fromisoformat(found.day), ZONE)
    unverified = VerdictView("UNVERIFIED", True, 0, 0, 0)
    later, never = (
        msgspec.structs.replace(one, verdict=unverified, covered=[], backfilled=[], activated_us=activated_us)
        for one, activated_us in zip(found.cameras, (whole.end_us, None), strict=True)
    )
    html = shown(msgspec.structs.replace(found, cameras=[later, never]))
    assert '<span class="chip waiting">nothing expected</span> 1 camera' in html
    assert '<span class="chip unverified">Unverified</span> 1 camera' in html
    assert "Camera 0: nothing expected." in html
    assert "Camera 1: Unverified." in html


GAPS = (
    (3, 3.5, "camera_unreachable", "missing"),
    (5, 5.1, "picture_too_dark", "missing"),
    (7, 8, "agent_offline", "unverified"),
)


def test_sixty_four_cameras_have_a_path_each_and_state_and_every_state_its_word():
    html = shown(site(gaps=GAPS, cameras=64))
    for state in ("covered", "backfilled", "missing", "unsound", "unverified"):
        assert html.count(f'<path class="band {state}"') == 65, state  # and the legend's
    assert "missing 30 min" in html
    assert "recorded, not sound 6 min" in html
    assert "not known 1 h" in html
    assert "style=" not in html


def test_an_hour_is_a_link_that_tells_its_worst_and_leads_to_itself_alone():
    found = site(gaps=GAPS)
    html = shown(found)
    assert (
        'class="bad" href="/sites/sunflower/days/2026-11-20?hour=3" aria-label="03:00–04:00: 1 camera with gaps"'
        in html
    )
    assert 'class="unsure" href="/sites/sunflower/days/2026-11-20?hour=7"' in html
    hour = shown(found, Asked(3))
    assert "03:00–04:00" in hour
    assert hour.count("<tr>") == 2  # the heading, and the one gap of this hour
    assert re.search(r'viewBox="0 0 1800 36"', hour)
    assert "No gaps here." in shown(found, Asked(10))
    assert "All cameras" in shown(found, Asked(24)), "an hour that the day does not have is the whole day"


def test_what_is_to_come_is_not_called_whole():
    html = shown(site(until=12))
    assert 'class="off" href="/sites/sunflower/days/2026-11-20?hour=13" aria-label="13:00–14:00: still to come"' in html
    assert 'aria-label="10:00–11:00: no gap"' in html


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-20", 24)])
def test_a_day_has_as_many_hours_as_pass(day, hours):
    html = shown(site(day, "Europe/Berlin"))
    assert len(re.findall(r'\?hour=\d+"', html)) == hours
    assert f"grid-{hours}" in html


def test_gaps_lead_to_their_minute_and_to_the_docket():
    found = site(gaps=GAPS)
    whole = Span(found.start_us, found.end_us)
    case = CaseRef("c0", INCIDENT, "camera_unreachable", "unexplained", at(whole, 3), at(whole, 3.5))
    html = shown(found, cases=[case])
    assert f'href="/sites/sunflower/playback/c0?at={at(whole, 3)}"' in html
    assert html.count(f"/sites/sunflower/docket/{INCIDENT}") == 1
    assert "data-minute" not in shown(found, plays=False)
    assert "playback/c0" not in shown(found, plays=False)


def test_only_cameras_with_trouble_and_the_file():
    found = site(gaps=GAPS, until=24)
    assert "No camera has a gap here" in shown(site(), Asked(trouble=True))
    assert shown(found, Asked(trouble=True)).count('class="lane"') == 1
    rows = PAGES.rows(found, "zh-CN")
    assert len(rows) == 4
    assert rows[1][4] == "1800"
    assert rows[2][5] == "有录像，但不可用"
