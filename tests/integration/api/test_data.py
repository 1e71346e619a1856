"""JSON for scripts, and health."""

import pytest

from storage.database.models import Verdict
from tests.support.api import OPERATOR, PASSWORD, add_accounts


@pytest.fixture
def script(api, agent, clock):
    add_accounts(api.parts.database, clock, agent.site_id)
    return api.client(auth=(OPERATOR, PASSWORD))


def test_healthy(api):
    answer = api.client().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_the_sites_within_reach(script):
    assert script.get("/api/v1/sites").json() == [
        {
            "site_id": "sunflower",
            "name": "向日葵托育园",
            "region": "cn/sichuan/luzhou",
            "timezone": "Asia/Shanghai",
            "cameras": 1,
        }
    ]


def test_today_and_a_named_day_are_the_same_day(script):
    today, named = (script.get(f"/api/v1/sites/sunflower/days/{day}").json() for day in ("today", "2026-11-21"))
    assert today == named
    assert today["cameras"][0]["verdict"]["status"] == "UNVERIFIED"
    assert today["cameras"][0]["condition"] == "unknown"


def test_since_when_a_camera_is_in_its_condition(script, agent, clock):
    agent.say(agent.heartbeat(condition="unreachable"))
    clock.advance(5)
    camera = script.get("/api/v1/sites/sunflower/days/today").json()["cameras"][0]
    assert camera["condition"] == "unreachable"
    assert camera["condition_since_us"] == camera["heard_us"] == clock.utc_us() - 5_000_000
    clock.advance(120)
    silent = script.get("/api/v1/sites/sunflower/days/today").json()["cameras"][0]
    assert (silent["condition"], silent["condition_since_us"]) == ("unknown", None)
    assert silent["heard_us"] == camera["heard_us"]


def test_what_the_agent_adds_to_a_condition(script, agent, clock):
    now_us = clock.utc_us()
    agent.say(agent.state("unauthorised", now_us - 1_000_000, "401 Unauthorized: check user and password"))
    agent.say(agent.heartbeat(condition="unauthorised"))
    camera = script.get("/api/v1/sites/sunflower/days/today").json()["cameras"][0]
    assert camera["condition_detail"] == "401 Unauthorized: check user and password"
    clock.advance(2)
    agent.say(agent.heartbeat(condition="recording"))
    camera = script.get("/api/v1/sites/sunflower/days/today").json()["cameras"][0]
    assert (camera["condition"], camera["condition_detail"]) == ("recording", "")


@pytest.mark.parametrize("name", ["%00", "a%00b", "%0A", "..", "Sunflower", "%F0%9F%8C%BB", "x" * 300])
def test_what_is_no_id_is_not_found(script, name):
    answer = script.get(f"/api/v1/sites/{name}/days/today")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_an_account_name_that_cannot_be_one_is_a_wrong_password(api):
    for name in ("\0", "a\0b", "\U0001f33b"):
        answer = api.client().get("/api/v1/sites", auth=(name, "x"))
        assert (answer.status_code, answer.json()["code"]) == (401, "wrong_password")
        assert api.client().post("/sign-in", data={"name": name, "password": "x"}).status_code == 401


def test_what_is_no_day_is_refused(script):
    for day in ("yesterday", "2026-02-30", "20261121", "2026-W47-6", "0001-01-01", "9999-12-31"):
        answer = script.get(f"/api/v1/sites/sunflower/days/{day}")
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_day")


def test_a_method_that_is_not_there(script):
    answer = script.delete("/api/v1/sites")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


def test_a_calendar_tells_what_is_on_record(api, script, agent, clock):
    with api.parts.database.unit_of_work() as session:
        for status, final in (("UNVERIFIED", False), ("COMPLIANT", True)):
            session.add(
                Verdict(
                    camera_id=agent.camera_id,
                    day="2026-11-20",
                    status=status,
                    final=final,
                    expected_us=86_400_000_000,
                    covered_us=86_400_000_000,
                    assessed_us=clock.utc_us(),
                    gaps=b"[]",
                )
            )
            session.flush()
    told = script.get("/api/v1/sites/sunflower/calendar").json()
    assert (told["site_id"], told["last_day"]) == ("sunflower", "2026-11-21")
    assert told["first_day"] == "2026-08-24"
    [camera] = told["cameras"]
    assert camera["days"] == [["2026-11-20", "COMPLIANT", True, 86_400_000_000, 86_400_000_000, clock.utc_us()]]
    week = script.get("/api/v1/sites/sunflower/calendar", params={"last": "2026-11-19", "days": "7"}).json()
    assert (week["first_day"], week["cameras"][0]["days"]) == ("2026-11-13", [])


@pytest.mark.parametrize("days", ["0", "401", "ninety", "-1"])
def test_a_calendar_of_no_length_is_refused(script, days):
    answer = script.get("/api/v1/sites/sunflower/calendar", params={"days": days})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_days")


def test_a_calendar_out_of_reach_is_not_found(script):
    for site in ("elsewhere", "NOT-AN-ID"):
        assert script.get(f"/api/v1/sites/{site}/calendar").status_code == 404
