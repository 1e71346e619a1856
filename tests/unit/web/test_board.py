"""What the board says in words."""

from datetime import UTC, date, datetime

import pytest

from config.base.clock import US_PER_MINUTE, US_PER_S, from_datetime
from server.domain.verdict import day_span
from server.services.coverage.read_day import CameraDay, GapView, SiteDay, VerdictView
from server.web.board import GAPS_SHOWN_MAX, make_board
from server.web.formatting import US_PER_HOUR, Words
from server.web.languages import load_languages
from tests.support.clock import NOON_US

LANGUAGES = load_languages()
EN, ZH = LANGUAGES["en"], LANGUAGES["zh-CN"]
DAY = day_span(date(2026, 11, 21), "Asia/Shanghai")


def camera(status="COMPLIANT", **changes) -> CameraDay:
    fields = {
        "camera_id": "gate",
        "name": "Gate",
        "zone_name": "Main",
        "zone_kind": "entrance",
        "condition": "recording",
        "activated_us": DAY.start_us,
        "verdict": VerdictView(status, False, NOON_US, NOON_US - DAY.start_us, NOON_US - DAY.start_us),
        "covered": [(DAY.start_us, NOON_US)],
        "backfilled": [],
        "in_flight": [],
        "gaps": [],
        "longest_covered_us": 0,
        "condition_since_us": DAY.start_us,
        "heard_us": NOON_US,
    }
    return CameraDay(**fields | changes)


def site(*cameras: CameraDay, now_us=NOON_US, day=DAY, timezone="Asia/Shanghai", name="2026-11-21") -> SiteDay:
    return SiteDay("sunflower", "Sunflower", timezone, name, day.start_us, day.end_us, now_us, list(cameras))


def gap(start_us: int, end_us: int | None, status="missing", cause="camera_unreachable") -> GapView:
    return GapView(start_us, end_us, cause, status)


def test_the_sentence_counts_each_verdict_and_leaves_out_what_is_not():
    waiting = camera("UNVERIFIED", activated_us=None, covered=[])
    cameras = (camera(), camera(), camera("NON_COMPLIANT"), camera("UNVERIFIED"), waiting)
    board = make_board(site(*cameras), EN)
    assert board.sentence == (
        "5 cameras so far today: 2 verified without a gap, 1 with gaps, 1 unverified, 1 waiting for the first recording"
    )
    assert board.tone == "NON_COMPLIANT"
    assert make_board(site(camera()), EN).sentence == "1 camera so far today: 1 verified without a gap"
    assert (
        make_board(site(camera(), camera("UNVERIFIED")), ZH).sentence
        == "今天到目前为止，2 台摄像头：1 台无缺口、已核实，1 台未能核实"
    )
    assert make_board(site(), ZH).sentence == "还没有摄像头"


def test_the_tone_is_the_worst_that_is_said():
    waiting = camera("UNVERIFIED", activated_us=None, covered=[])
    assert make_board(site(camera(), waiting), EN).tone == "WAITING"
    assert make_board(site(camera(), waiting, camera("UNVERIFIED")), EN).tone == "UNVERIFIED"
    assert make_board(site(camera()), EN).tone == "COMPLIANT"
    assert make_board(site(), EN).tone == "EMPTY"


def test_open_gaps_come_first_then_the_newest():
    old, new = (
        gap(NOON_US - 9_000_000_000, NOON_US - 8_000_000_000),
        gap(NOON_US - 5_000_000_000, NOON_US - 4_000_000_000),
    )
    still = gap(NOON_US - 10_000_000_000, None)
    rows = make_board(site(camera("NON_COMPLIANT", gaps=[still, old, new])), EN).gaps
    assert [row.open for row in rows] == [True, False, False]
    assert [row.start_text for row in rows] == ["17:13:20", "18:36:40", "17:30:00"]


def test_more_gaps_than_fit_are_counted():
    gaps = [gap(DAY.start_us + n * US_PER_MINUTE, DAY.start_us + n * US_PER_MINUTE + US_PER_S) for n in range(203)]
    board = make_board(site(camera("NON_COMPLIANT", gaps=gaps)), EN)
    assert (len(board.gaps), board.gaps_unshown) == (GAPS_SHOWN_MAX, 3)


def test_the_same_moment_reads_the_same_and_seconds_do_not_shake_it():
    fields = {"in_flight": [(NOON_US - 50 * US_PER_S, NOON_US)], "covered": []}
    assert make_board(site(camera(**fields)), EN) == make_board(site(camera(**fields), now_us=NOON_US + US_PER_S), EN)


def test_a_silent_agent_is_said_with_when_it_was_last_heard():
    silent = camera("UNVERIFIED", condition="unknown", condition_since_us=None, heard_us=NOON_US - US_PER_HOUR)
    row = make_board(site(silent), EN).cameras[0]
    assert row.condition_text == "no word from the site agent, last heard 19:00"
    never = camera("UNVERIFIED", condition="unknown", condition_since_us=None, heard_us=None)
    assert make_board(site(never), ZH).cameras[0].condition_text == "园内主机失联，从未联系上"


def test_a_condition_from_an_earlier_day_says_the_day():
    row = make_board(site(camera(condition_since_us=DAY.start_us - US_PER_HOUR)), ZH).cameras[0]
    assert row.condition_text == "自 11月20日 23:00 起正在录像"


def test_days_on_which_the_clocks_change_write_the_offset_and_all_their_hours():
    for day, hours, name in ((date(2026, 10, 25), 25, "2026-10-25"), (date(2026, 3, 29), 23, "2026-03-29")):
        window = day_span(day, "Europe/Berlin")
        shown = make_board(
            site(
                camera(gaps=[gap(window.start_us, window.start_us + 60 * US_PER_S)]),
                day=window,
                timezone="Europe/Berlin",
                name=name,
            ),
            EN,
        )
        assert (shown.hours.major + shown.hours.minor).count("M") == hours + 1
        assert "GMT+0" in shown.gaps[0].start_text


@pytest.mark.parametrize(
    ("length_us", "english", "chinese"),
    [
        (0, "0 s", "0 秒"),
        (999_999, "less than 1 s", "不到 1 秒"),
        (59 * US_PER_S, "59 s", "59 秒"),
        (60 * US_PER_S, "1 min", "1 分钟"),
        (405 * US_PER_S, "6 min 45 s", "6 分 45 秒"),
        (601 * US_PER_S, "10 min", "10 分钟"),
        (US_PER_HOUR, "1 h", "1 小时"),
        (25 * US_PER_HOUR - 1, "24 h 59 min", "24 小时 59 分"),
    ],
)
def test_durations(length_us, english, chinese):
    assert Words(EN, "Asia/Shanghai").duration(length_us) == english
    assert Words(ZH, "Asia/Shanghai").duration(length_us) == chinese


def test_only_the_whole_is_a_hundred_per_cent():
    words = Words(EN, "Asia/Shanghai")
    assert words.share(1_000_000 - 1, 1_000_000) == "99.9%"
    assert words.share(5, 5) == "100%"
    assert words.share(0, 0) == "0%"


def test_an_instant_is_shown_in_the_sites_zone():
    instant = from_datetime(datetime(2026, 11, 21, 12, tzinfo=UTC))
    assert Words(EN, "Asia/Shanghai").clock(instant) == "20:00"
    assert Words(EN, "Asia/Urumqi").clock(instant) == "18:00"


def test_only_a_day_that_is_not_over_is_judged_so_far():
    row = make_board(site(camera()), EN).cameras[0]
    assert row.so_far
    assert row.description.startswith("Compliant so far today. ")
    later = make_board(site(camera(), now_us=DAY.end_us + US_PER_HOUR), EN)
    assert not later.cameras[0].so_far
    assert later.sentence == "1 camera: 1 verified without a gap"


def test_what_the_agent_adds_is_shown_while_the_camera_does_not_record():
    said = "401 Unauthorized"
    rows = [camera(condition=condition, condition_detail=said) for condition in ("unauthorised", "recording")]
    assert [row.technical for row in make_board(site(*rows), ZH).cameras] == [said, ""]
