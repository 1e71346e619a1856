"""From a drawn inspection over its findings and orders to a closed case, or to a suspension; over HTTP."""

import json

import pytest

from server.services.compliance.choose_pack import choose_pack
from server.services.registers.register import Register
from tests.support.api import AUDITOR, OPERATOR, PASSWORD, RunningApi, add_accounts

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
PAGE, API = "/sites/sunflower/inspections", "/api/v1/sites/sunflower/inspections"


@pytest.fixture
def drawn(api: RunningApi, agent, clock) -> tuple[RunningApi, str]:
    """Sunflower has a pack and was drawn for the auditor; the address of its inspection."""
    database = api.parts.database
    add_accounts(database, clock, "sunflower")
    Register(database, clock).add_account("chief", "health_regulator", PASSWORD, [], "cn")
    choose_pack(database, clock, "sunflower", "cn-national-base")
    auditor = api.signed_in(AUDITOR)
    order = {"region": "cn/sichuan", "seed_source": "a lottery", "team": [AUDITOR], "inspectors": 1}
    draw = auditor.post("/api/v1/draws", content=json.dumps(order)).json()["id"]
    auditor.post(f"/api/v1/draws/{draw}", content=json.dumps({"seed": "1"}))
    return api, f"{draw}/1"


def test_findings_become_orders_that_end_with_a_second_look_or_a_suspension(drawn, clock) -> None:
    house, one = drawn
    auditor, operator, chief = (house.signed_in(name) for name in (AUDITOR, OPERATOR, "chief"))
    seen = auditor.get(API).json()
    assert {item["status"] for item in seen["checklist"]} >= {"UNVERIFIED"}
    today = seen["today"]
    form = {"day": today, "told": "two things", "told0": "the exit was blocked", "aspect0": "safety", "points0": "-10"}
    form |= {"due0": today, "rule0": "x", "told1": "no sign", "aspect1": "supervision", "points1": "-2", "due1": today}
    assert "Enter what was found" in auditor.get(PAGE).text
    assert "Enter what was found" not in chief.get(PAGE).text
    assert chief.post(f"{PAGE}/{one}", data=form).status_code == 403
    assert operator.post(f"{PAGE}/{one}", data=form).status_code == 403
    assert auditor.post(f"{PAGE}/{one.replace('/1', '/2')}", data=form).status_code == 404
    for wrong in ({"points0": "5"}, {"due0": "2020-01-01"}, {"day": "2999-01-01"}, {"told": ""}, {"aspect0": "luck"}):
        answer = auditor.post(f"{PAGE}/{one}", data=form | wrong)
        assert (answer.status_code, "the exit was blocked" in answer.text) == (400, True)
    assert auditor.post(f"{PAGE}/{one}", data=form).status_code == 303
    assert auditor.post(f"{PAGE}/{one}", data=form).status_code == 409
    entries = operator.get("/api/v1/sites/sunflower/credit").json()["entries"]
    assert {(entry["aspect"], entry["points"], entry["kind"]) for entry in entries} == {
        ("safety", -10, "inspection"),
        ("supervision", -2, "inspection"),
    }
    orders = {order["told"]: order for order in operator.get(API).json()["inspections"][0]["orders"]}
    assert "the exit was blocked" in operator.get(PAGE).text
    exit_order, sign = (f"/sites/sunflower/orders/{orders[told]['id']}" for told in ("the exit was blocked", "no sign"))
    assert operator.post(f"{exit_order}/acts", data={"kind": "passed", "told": "fine"}).status_code == 403
    assert operator.post(f"{exit_order}/repaired", data={"told": ""}).status_code == 400
    assert auditor.post(f"{exit_order}/repaired", data={"told": "looks fine"}).status_code == 403, (
        "the facility's to say"
    )
    assert "Report the repair" not in auditor.get(PAGE).text
    assert operator.post(f"{exit_order}/repaired", data={"told": "cleared, gate camera 08:00"}).status_code == 303
    assert operator.post(f"/api/v1{sign}/repaired", content=json.dumps({"told": "hung up"})).status_code == 204
    failed = {"kind": "failed", "told": "it hangs behind the door", "due": today}
    assert auditor.post(f"/api/v1{sign}/acts", content=json.dumps(failed)).status_code == 204
    assert auditor.post(f"{exit_order}/acts", data={"kind": "passed", "told": "clear"}).status_code == 303
    assert auditor.post(f"{exit_order}/acts", data={"kind": "passed", "told": "clear"}).status_code == 409
    assert auditor.post(f"{sign}/acts", data={"kind": "burnt", "told": "x"}).status_code == 400
    assert auditor.post(f"{sign}/acts", data={"kind": "proposed", "told": "nobody cares"}).status_code == 303
    assert auditor.post(f"{sign}/acts", data={"kind": "suspended", "told": "so it is"}).status_code == 403
    assert chief.post(f"{sign}/acts", data={"kind": "suspended", "told": "so it is"}).status_code == 303
    stand = {order["told"]: order for order in chief.get(API).json()["inspections"][0]["orders"]}
    assert (stand["the exit was blocked"]["status"], stand["no sign"]["suspended"]) == ("closed", True)
    assert [act["kind"] for act in stand["no sign"]["acts"]] == [
        "ordered",
        "repaired",
        "failed",
        "proposed",
        "suspended",
    ]
    assert chief.post("/sites/sunflower/orders/0/acts", data={"kind": "passed", "told": "x"}).status_code == 404


def test_a_visit_that_found_nothing_is_an_entry_of_no_points(drawn) -> None:
    house, one = drawn
    auditor = house.signed_in(AUDITOR)
    today = auditor.get(API).json()["today"]
    result = {"day": today, "told": "all in order"}
    assert auditor.post(f"{API}/{one}", content=json.dumps(result | {"day": "22.11.2026"})).status_code == 400
    many = [{"told": "x", "aspect": "care", "points": 0, "due": today}] * 41
    assert auditor.post(f"{API}/{one}", content=json.dumps(result | {"findings": many})).status_code == 400
    recorded = auditor.post(f"{API}/{one}", content=json.dumps(result))
    assert recorded.status_code == 201
    [inspection] = recorded.json()["inspections"]
    assert (inspection["day"], inspection["orders"]) == (today, [])
    assert inspection["checklist"] == recorded.json()["checklist"]
    file = auditor.get("/api/v1/sites/sunflower/credit").json()
    assert [(entry["points"], entry["told"]) for entry in file["entries"]] == [(0, "all in order")]
    assert file["stars"] == 5
