"""A quarter's drawing: one path a state, every day in exactly one state, and a day nobody judged is not known (I1)."""

import re
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from server.services.coverage.read_calendar import CalendarDay, CameraCalendar, SiteCalendar
from server.web.calendar import STATES, CalendarPages, paths_of, states_of
from server.web.pages import Pages
from storage.database.scope import AUDITOR, Scope

FIRST = date(2026, 9, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(90)]
TODAY = DAYS[-1].isoformat()
PAGES = CalendarPages(Pages())
READER = Scope("police", AUDITOR, "cn")


def told(number: int, status: str, *, final: bool = True, covered: int = 10) -> CalendarDay:
    return CalendarDay(DAYS[number].isoformat(), status, final, 10, covered, 0)


def camera(*days: CalendarDay, begun: int | None = 0, ended: int | None = None, name: str = "Gate") -> CameraCalendar:
    first = DAYS[begun].isoformat() if begun is not None else None
    return CameraCalendar("gate", name, list(days), first, DAYS[ended].isoformat() if ended is not None else None)


def rectangles(path: str) -> list[tuple[int, int]]:
    return [(int(left), int(left) + int(width)) for left, width in re.findall(r"M(\d+) \d+h(\d+)v", path)]


@given(st.lists(st.sampled_from(sorted(STATES)), min_size=1, max_size=120))
def test_each_day_is_drawn_once_in_its_own_state_by_one_path_a_state(states):
    bands = paths_of(states)
    assert len({state for state, _ in bands}) == len(bands)
    drawn = {state: {at for left, right in rectangles(path) for at in range(left, right)} for state, path in bands}
    for at, state in enumerate(states):
        assert [name for name, days in drawn.items() if at in days] == [state]


def test_states_differ_by_shape_but_for_the_two_that_are_good_news():
    assert len(set(STATES.values())) == len(STATES) - 1
    assert STATES["good"] == STATES["provisional"]


def test_what_nobody_judged_is_not_known_and_what_was_not_due_is_not_blamed():
    states = states_of(camera(told(10, "COMPLIANT"), begun=5, ended=20), DAYS, TODAY)
    assert set(states[:5]) == {"off"}
    assert (states[5], states[10], states[20]) == ("unsure", "good", "unsure")
    assert set(states[21:]) == {"off"}
    assert set(states_of(camera(begun=None), DAYS, TODAY)) == {"off"}
    ahead = states_of(camera(), DAYS, DAYS[50].isoformat())
    assert (ahead[50], ahead[51]) == ("unsure", "off")


def test_verdicts_keep_their_meaning():
    days = camera(told(0, "COMPLIANT", final=False), told(1, "NON_COMPLIANT"), told(2, "UNVERIFIED"))
    assert states_of(days, DAYS, TODAY)[:4] == ["provisional", "bad", "unsure", "unsure"]


def shown(*cameras: CameraCalendar, language: str = "en", chosen: str = "") -> str:
    found = SiteCalendar(
        "sunflower", "Sunflower", "Asia/Shanghai", DAYS[0].isoformat(), TODAY, list(cameras), today=TODAY
    )
    return PAGES.of_site(found, READER, language, camera=chosen)


def test_a_page_of_sixteen_cameras_has_one_path_a_camera_and_state_and_a_link_a_day():
    cameras = [camera(*(told(at, "NON_COMPLIANT" if at % 7 == n % 7 else "COMPLIANT", covered=9) for at in range(90)))
               for n in range(16)]  # fmt: skip
    html = shown(*cameras)
    lanes = html.count('class="lane-day"')
    assert lanes == 16
    assert html.count('<path class="day-bad"') == html.count('<path class="day-good"') == lanes + 1  # and the legend's
    assert len(re.findall(r'href="/sites/sunflower/days/2026-\d\d-\d\d" aria-label', html)) == 90
    assert "2 cameras with gaps" in html or "3 cameras with gaps" in html
    assert "style=" not in html


def test_words_tell_what_the_drawing_shows():
    html = shown(camera(told(3, "NON_COMPLIANT", covered=4), begun=2, ended=3))
    assert "Gate: with gaps 1 day, not known 1 day, nothing expected 88 days" in html
    assert 'href="/sites/sunflower/days/2026-09-04">4 Sept' in html
    assert "1 day with gaps, 1 day not fully known" in html
    assert "有缺口" in shown(camera(told(3, "NON_COMPLIANT")), language="zh-CN")
    assert "This site has no camera yet." in shown()
    assert "Nothing was expected in this time." in shown(camera(begun=None))


def test_the_file_has_a_line_a_camera_day_in_service_and_none_is_called_covered_without_an_entry():
    pages = PAGES
    found = SiteCalendar("s", "S", "UTC", DAYS[0].isoformat(), TODAY, [camera(told(89, "COMPLIANT"), begun=88, name="=1")],
                         today=TODAY)  # fmt: skip
    rows = pages.rows(found, "en")
    assert len(rows) == 3
    assert rows[1] == ["'=1", "gate", DAYS[88].isoformat(), "Unverified", "", "", ""]
    assert rows[2][3:5] == ["Compliant", "Final"]
    assert pages.rows(found, "en", camera="other") == rows[:1]
