"""The steps of a set-up: what is done follows from what there is, and only one step is the next."""

import pytest

from server.services.cameras.setup_progress import BegunTest, BoxProgress, CameraProgress, SiteProgress
from server.web.languages import load_languages
from server.web.setup_plan import area_point
from server.web.setup_steps import PATIENCE_US, make_setup

NOW_US = 1_795_000_000_000_000
EN, ZH = (load_languages()[tag] for tag in ("en", "zh-CN"))
BOX = BoxProgress(agent_id="box-1", heard_us=NOW_US, alive=True)
BEGUN = BegunTest(begun_us=NOW_US - PATIENCE_US - 1, begun_by="lin", over=False)
NOTHING = {"claimed_us": None, "uploaded": False, "read_back_us": None, "locked_until_us": None, "minute_us": None}
ALL = {"claimed_us": NOW_US, "uploaded": True, "read_back_us": NOW_US, "locked_until_us": NOW_US, "minute_us": NOW_US}


def camera(**changes) -> CameraProgress:
    plain = {"camera_id": "gate", "name": "大门", "zone_name": "门厅", "condition": "recording", "stream": True}
    return CameraProgress(**plain | ALL | changes)


def site(**changes) -> SiteProgress:
    plain = {
        "site_id": "sunflower",
        "name": "向日葵托育园",
        "region": "cn/sichuan",
        "timezone": "Asia/Shanghai",
        "now_us": NOW_US,
        "unknown_facts": [],
        "may_register": True,
        "plans": 1,
        "zones": 2,
        "forbidden_zones": 1,
        "zones_on_plan": 3,
        "boxes": [BOX],
        "open_codes": 0,
        "found": 0,
        "unreached": [],
        "cameras_on_plan": 1,
        "test": BEGUN,
        "cameras": [camera()],
    }
    return SiteProgress(**plain | changes)


def states(**changes) -> dict[str, str]:
    return {step.name: step.state for step in make_setup(site(**changes), EN).steps}


def test_a_site_that_has_everything_is_set_up():
    page = make_setup(site(), EN)
    assert set(states().values()) == {"done"}
    assert page.sentence == "This site is set up: every camera has its first verified minute."
    assert page.rows[0].done


def test_an_empty_site_begins_at_the_beginning_and_offers_nothing_that_cannot_be_done_yet():
    nothing = {
        "zones": 0,
        "forbidden_zones": 0,
        "zones_on_plan": 0,
        "plans": 0,
        "boxes": [],
        "cameras": [],
        "test": None,
    }
    found = states(**nothing, cameras_on_plan=0, unknown_facts=["type", "places"])
    assert found == {
        "site": "next", "places": "open", "box": "open", "found": "later", "cameras": "later", "test": "later", "minute": "later",
    }  # fmt: skip
    chinese = make_setup(site(**nothing, unknown_facts=["type"]), ZH)
    assert chinese.sentence.startswith("7 步中已完成 0 步。下一步：")
    assert chinese.rows == []


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        ({"zones_on_plan": 2}, "places"),
        ({"boxes": [BoxProgress(agent_id="box-1", heard_us=None, alive=False)]}, "box"),
        ({"found": 1}, "found"),
        ({"unreached": ["大门"]}, "cameras"),
        ({"cameras_on_plan": 0}, "cameras"),
        ({"cameras": [camera(**{**ALL, "locked_until_us": None})]}, "test"),
        ({"cameras": [camera(**{**ALL, "minute_us": None})]}, "minute"),
    ],
)
def test_what_is_missing_is_the_next_step(changes, step):
    found = states(**changes)
    assert found[step] == "next"
    assert list(found.values()).count("done") == 6


@pytest.mark.parametrize(
    ("seen", "advice"),
    [
        ({**NOTHING, "stream": False, "condition": ""}, "No picture has come"),
        ({**NOTHING}, "nothing has been recorded"),
        ({**NOTHING, "claimed_us": 1}, "cannot send"),
        ({**NOTHING, "claimed_us": 1, "uploaded": True}, "not read back"),
        ({**ALL, "minute_us": None}, "not verified yet"),
    ],
)
def test_what_does_not_come_in_the_test_says_what_to_look_at_once_it_is_late(seen, advice):
    (row,) = make_setup(site(cameras=[camera(**seen)]), EN).rows
    assert advice in row.advice
    early = BegunTest(begun_us=NOW_US, begun_by="lin", over=False)
    (row,) = make_setup(site(cameras=[camera(**seen)], test=early), EN).rows
    assert (row.advice, row.done) == ("", False)


def test_the_nine_areas_lie_on_the_plan():
    assert area_point("50-50") == (5_000, 5_000)
    assert area_point("51-50") is None
