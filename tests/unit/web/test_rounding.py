"""Nothing that is missing is rounded away, in whatever figure it stands, and nothing is called whole that is not (I1)."""

from datetime import date

import pytest

from config.base.clock import US_PER_DAY, US_PER_MINUTE, US_PER_S
from config.base.timespan import Span
from server.domain.publication import Entries, as_far_as_known, month_told
from server.domain.verdict import Status, day_span
from server.services.audit.read_audit import DeepView
from server.services.compliance.rank_region import RegionCompliance, SiteRank
from server.services.compliance.region_tree import RegionNode
from server.services.coverage.read_calendar import CalendarDay, CameraCalendar, SiteCalendar
from server.services.coverage.read_day import CameraDay, GapView, SiteDay, VerdictView
from server.services.coverage.read_wall import Wall, WallAlarm, WallCamera, WallSite
from server.services.custody.explain_minute import MinuteView
from server.services.custody.play_back import PlaybackView, RecordingView
from server.web import timeline
from server.web.audits import AuditWords
from server.web.calendar import CalendarPages
from server.web.day import DAY_STEP_US, DayPages
from server.web.formatting import Words
from server.web.languages import load_languages
from server.web.pages import Pages
from server.web.playback import PlaybackPages
from server.web.region import RegionPages
from server.web.wall import make_wall
from storage.database.scope import AUDITOR, Scope

EN = load_languages()["en"]
PAGES = Pages()
DAY = date(2026, 11, 20)
WHOLE = day_span(DAY, "Asia/Shanghai")
NOON_US = WHOLE.start_us + US_PER_DAY // 2


@pytest.mark.parametrize("lost_us", [1, 500_000, US_PER_S - 1, US_PER_S, 59 * US_PER_S])
def test_the_shortest_gap_stands_in_every_figure_and_drawing(lost_us):
    gap = GapView(NOON_US, NOON_US + lost_us, "disk_full", "missing")
    camera = CameraDay(
        "c", "C", "Hall", "corridor", "recording", 0, VerdictView("NON_COMPLIANT", True, 0, US_PER_DAY, US_PER_DAY - lost_us),
        [(WHOLE.start_us, NOON_US), (NOON_US + lost_us, WHOLE.end_us)], [], [], [gap], 0,
    )  # fmt: skip
    found = SiteDay("s", "S", "Asia/Shanghai", DAY.isoformat(), *WHOLE, WHOLE.end_us, [camera])
    seconds = str(-(-lost_us // US_PER_S))
    assert DayPages(PAGES).rows(found, "en")[1][4] == seconds != "0"
    states = timeline.states_of(camera, Span(*WHOLE), WHOLE.end_us)
    bands = timeline.draw(states, Span(*WHOLE), WHOLE.end_us, DAY_STEP_US).bands
    assert bands[-1].state == "missing", "the last that is drawn"
    assert bands[-1].path == "m720 0v32h1v-32z"
    told = CalendarDay(DAY.isoformat(), "NON_COMPLIANT", True, US_PER_DAY, US_PER_DAY - lost_us, 0)
    lane = CameraCalendar("c", "C", [told], DAY.isoformat())
    calendar = SiteCalendar("s", "S", "UTC", DAY.isoformat(), DAY.isoformat(), [lane], today=DAY.isoformat())
    (line,) = CalendarPages(PAGES).rows(calendar, "en")[1:]
    assert (line[3], int(line[5]) - int(line[6])) == ("Non-compliant", int(seconds))
    assert Words(EN, "UTC").share(US_PER_DAY - lost_us, US_PER_DAY) == "99.9%"
    assert Words(EN, "UTC").duration(lost_us) != "0 s"
    rank = SiteRank(
        site_id="s", name="S", region="cn", pack=None, status="NON_COMPLIANT", final=True, assessed_us=1, cameras=1,
        cameras_missing=1, cameras_unknown=0, missing_us=lost_us, longest_us=lost_us, open_cases=0, overdue_cases=0,
        open_orders=0,
    )  # fmt: skip
    region = RegionCompliance(
        region="", name="", name_en="", period=DAY.isoformat(), today=DAY.isoformat(), status="NON_COMPLIANT", counts={},
        search="", wanted_status="", sites=[rank], total=1, page=1, pages=1, cut=False,
        tree=RegionNode(path="", name="", name_en="", status="NON_COMPLIANT", counts={}, is_here=True, below=[], more=False),
    )  # fmt: skip
    assert RegionPages(PAGES).rows(region, "en")[1][8:10] == ["1", "1"]


def test_a_bound_is_rounded_up():
    view = DeepView("a", "s", "x", "sha256", "p", 0, 0, 0, None, 100_000, "", 1, 1, 1, 0, 0, 0, 1, 0.95, 3)
    assert "(0.01%)" in AuditWords(EN, "UTC").head(view).bound


def test_days_that_nobody_judges_count_whole_and_are_not_known():
    provisional = Entries(Status.COMPLIANT, False, 2, 2 * US_PER_MINUTE, 2 * US_PER_MINUTE)
    final = Entries(Status.COMPLIANT, True, 1, US_PER_DAY, US_PER_DAY)
    service = [(date(2026, 11, 1), date(2026, 11, 30))]
    first, today = date(2026, 11, 1), date(2026, 11, 4)
    known = month_told(first, today, service, as_far_as_known([provisional, final], late=False))
    assert (known.status, known.expected_us) == (Status.COMPLIANT, US_PER_DAY + 2 * US_PER_MINUTE)
    late = month_told(first, today, service, as_far_as_known([provisional, final], late=True))
    assert (late.status, late.expected_us) == (Status.UNVERIFIED, 3 * US_PER_DAY)
    assert late.covered_us == known.covered_us
    broken = Entries(Status.NON_COMPLIANT, False, 3, 3 * US_PER_DAY, US_PER_DAY)
    assert month_told(first, today, service, as_far_as_known([broken], late=True)).status is Status.NON_COMPLIANT


def wall(*states: str, alarms: int = 0) -> str:
    cameras = [WallCamera(str(number), "x", state) for number, state in enumerate(states)]
    seen = [WallAlarm(number, "s", "S", "UTC", "fire", "", "", "", True, False, 1, 1) for number in range(alarms)]
    return make_wall(Wall(NOON_US, "UTC", [WallSite("s", "S", 0, 0, None, cameras)], seen, 0), EN).sentence


def test_a_wall_without_trouble_says_how_many_cameras_record():
    assert wall("recording", "recording") == "All quiet: every camera is recording"
    assert wall() == "No trouble; 0 of 0 recording"
    assert wall("recording", "starting", "not_in_service") == "No trouble; 1 of 3 recording"
    assert wall("recording", alarms=1) == "1 open alarm, seen"


def minute(*recordings: tuple[int, int]) -> str:
    """What is said of noon's minute, all of which counted; ``recordings`` in seconds after noon."""
    camera = CameraDay(
        "c", "C", "Hall", "corridor", "recording", 0, VerdictView("COMPLIANT", True, 0, US_PER_DAY, US_PER_DAY), [tuple(WHOLE)],
        [], [], [], 0,
    )  # fmt: skip
    kept = [
        RecordingView(str(low), NOON_US + low * US_PER_S, NOON_US + high * US_PER_S, 1, "0" * 64, False, "v", 1, 1)
        for low, high in recordings
    ]
    around = PlaybackView("s", "S", "Asia/Shanghai", "c", "C", NOON_US, NOON_US, NOON_US, kept, [], None)
    found = MinuteView(
        around, NOON_US, NOON_US + US_PER_MINUTE, DAY.isoformat(), *WHOLE, WHOLE.end_us, camera, 1, [], None, []
    )
    html = PlaybackPages(PAGES).camera(found, [], Scope("police", AUDITOR, "cn"), "en")
    return next(line for line in html.splitlines() if 'id="state-title"' in line) + html


def test_a_minute_of_which_a_part_is_no_longer_here_is_not_called_locked():
    assert "read back whole and locked." in minute((0, 60))
    assert "Not all of its recordings are here any more" in minute((0, 30))
    assert "no recording of it here any more" in minute()
