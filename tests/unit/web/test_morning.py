"""The first screen: nothing to do is said only where everything is known to be well; what is wrong comes first, with a way on."""

import pytest

from server.domain.authorisation import Action
from server.domain.forecast import forecast
from server.services.coverage.read_day import CameraDay, GapView, SiteDay, VerdictView
from server.services.coverage.read_findings import FindingView
from server.services.coverage.read_health import AgentHealth, SiteHealth
from server.services.coverage.read_morning import Morning, StillView
from server.web.board import make_board
from server.web.languages import load_languages
from server.web.morning import NAMES_MAX, Asked, make_todo

NOW_US = 1_795_000_000_000_000
HOUR_US = 3_600_000_000
EN, ZH = (load_languages()[tag] for tag in ("en", "zh-CN"))
CALM = Morning(0, 0, 0, 0)
VERDICT = VerdictView("COMPLIANT", False, NOW_US, HOUR_US, HOUR_US)


def camera(number: int = 0, **changes) -> CameraDay:
    plain = {
        "camera_id": f"camera-{number}",
        "name": f"摄像头 {number}",
        "zone_name": "太阳班",
        "zone_kind": "activity",
        "condition": "recording",
        "activated_us": NOW_US - HOUR_US,
        "verdict": VERDICT,
        "covered": [(NOW_US - HOUR_US, NOW_US)],
        "backfilled": [],
        "in_flight": [],
        "gaps": [],
        "longest_covered_us": HOUR_US,
        "condition_since_us": NOW_US - HOUR_US,
    }
    return CameraDay(**plain | changes)


def site(*cameras: CameraDay, **changes) -> SiteDay:
    plain = {
        "site_id": "sunflower",
        "name": "向日葵托育园",
        "timezone": "Asia/Shanghai",
        "day": "2026-11-18",
        "start_us": NOW_US - 12 * HOUR_US,
        "end_us": NOW_US + 12 * HOUR_US,
        "now_us": NOW_US,
        "cameras": list(cameras),
    }
    return SiteDay(**plain | changes)


def health(*, alive: bool = True) -> SiteHealth:
    agent = AgentHealth(agent_id="box-1", alive=alive, heard_us=NOW_US - HOUR_US)
    return SiteHealth(site_id="sunflower", now_us=NOW_US, agents=[agent])


def everything(_: Action) -> bool:
    return True


def nothing(_: Action) -> bool:
    return False


def test_where_all_is_well_that_is_said_and_nothing_else():
    todo = make_todo(site(camera()), Asked(health=health(), morning=CALM), EN, everything)
    assert todo.tasks == []
    assert todo.calm == "Nothing to do: every camera records now."


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"condition": "unreachable"}, "cannot be reached since"),
        ({"condition": "unknown", "condition_since_us": None}, "this time is missing"),
        ({"gaps": [GapView(NOW_US - 60_000_000, None, "upload_pending", "missing")]}, "recorded, upload outstanding"),
        ({"activated_us": None, "covered": []}, "no recording yet"),
        (
            {"findings": [FindingView("f" * 32, "camera-0", "too_dark", NOW_US, None, 1, 1, True, False, "")]},
            "cannot be used",
        ),
    ],
)
def test_a_camera_that_is_not_well_is_never_called_so(changed, said):
    todo = make_todo(site(camera(**changed)), Asked(health=health(), morning=CALM), EN, everything)
    assert todo.calm == ""
    assert any(said in task.text for task in todo.tasks), [task.text for task in todo.tasks]


def test_the_worst_comes_first_and_a_way_that_the_role_may_not_take_is_left_out():
    asked = Asked(health=health(alive=False), audits=["The store is not well."], morning=Morning(2, 1, 1, 3))
    found = make_todo(site(camera(condition="unknown"), holds_due=1), asked, EN, everything).tasks
    tones = [task.tone for task in found]
    assert tones == sorted(tones, key=("urgent", "open", "quiet").index)
    assert "box-1" in found[0].text
    assert {task.path for task in found} >= {
        "/sites/sunflower/boxes",
        "/sites/sunflower/docket?overdue=1",
        "/sites/sunflower/docket?status=unexplained",
        "/sites/sunflower/audit",
        "/sites/sunflower/custody#holds",
        "/sites/sunflower/found",
    }
    left = make_todo(site(camera(), holds_due=1), asked, EN, nothing).tasks
    assert not any(task.path for task in left)
    assert not any("docket" in task.text or "hold" in task.text for task in left), "nor what the role may not read"


def test_sixty_four_cameras_that_fail_together_are_one_line_in_both_languages():
    cameras = [camera(number, condition="stalled") for number in range(64)]
    for language, more in ((EN, "and 59 more"), (ZH, "等，另有 59 台")):
        (task,) = make_todo(site(*cameras), Asked(health=health(), morning=CALM), language, everything).tasks
        assert more in task.text
        assert task.text.count("摄像头 ") == NAMES_MAX


@pytest.mark.parametrize(
    ("capacity", "rate", "said"),
    [
        (10_000, 100, "does not fill up; the 90 days hold"),
        (1_000, 100, "from then on the 90 days do not hold"),
        (0, 100, "is not known"),
        (1_000, 0, "nothing came in"),
    ],
)
def test_how_long_the_store_lasts_is_said_in_days_and_only_where_it_is_known(capacity, rate, said):
    asked = Asked(forecast=forecast(500, rate, capacity, 90, {}), health=health(), morning=CALM)
    todo = make_todo(site(camera()), asked, EN, everything)
    assert said in todo.storage
    assert todo.storage_good is (capacity != 1_000 or rate == 0)


def test_a_tile_says_since_when_and_why_and_when_its_picture_was_taken():
    gap = GapView(NOW_US - 60_000_000, None, "camera_unreachable", "missing")
    day = site(camera(condition="unreachable", gaps=[gap]), camera(1))
    stills = {"camera-0": StillView("finding", NOW_US - HOUR_US, "/api/v1/somewhere")}
    first, second = make_board(day, EN, stills).cameras
    assert first.missing_text.endswith(": camera could not be reached")
    assert first.picture == "/api/v1/somewhere"
    assert "When a fault was found" in first.picture_text
    assert (second.missing_text, second.picture, second.picture_text) == ("", "", "No picture yet")
