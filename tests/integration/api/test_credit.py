"""Credit files over HTTP: the authority enters, the facility objects, and somebody else decides."""

import json

import pytest

from server.services.compliance.choose_pack import choose_pack
from server.services.registers.register import Register
from storage.database.models import Staff
from tests.support.api import AUDITOR, OPERATOR, PASSWORD, RunningApi, add_accounts

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
FILE = "/sites/sunflower/credit"


@pytest.fixture
def house(api: RunningApi, agent, clock) -> RunningApi:
    add_accounts(api.parts.database, clock, "sunflower")
    Register(api.parts.database, clock).add_account("chief", "health_regulator", PASSWORD, [], "cn")
    return api


def test_a_file_is_kept_by_two_authorities_and_a_facility(house: RunningApi) -> None:
    auditor, operator, chief = (house.signed_in(name) for name in (AUDITOR, OPERATOR, "chief"))
    page = auditor.get(FILE)
    assert "No stars" in page.text
    today = auditor.get(f"/api/v1{FILE}").json()["day"]
    form = {"aspect": "safety", "kind": "inspection", "points": "-45", "day": today, "source": "inspection 7"}
    refused = auditor.post(f"{FILE}/entries", data=form)
    assert (refused.status_code, "inspection 7" in refused.text, "Say what happened" in refused.text) == (
        400,
        True,
        True,
    )
    assert auditor.post(f"{FILE}/entries", data=form | {"told": "exit", "points": "-4x"}).status_code == 400
    assert auditor.post(f"{FILE}/entries", data=form | {"told": "the exit was blocked"}).status_code == 303
    assert operator.post(f"{FILE}/entries", data=form | {"told": "a prize", "points": "50"}).status_code == 403
    seen = operator.get(FILE).text
    assert "the exit was blocked" in seen
    assert "3 of 5 stars" in seen
    assert "−45" in seen
    assert "Make an entry" not in seen
    [entry] = operator.get(f"/api/v1{FILE}").json()["entries"]
    objection = {"entry": entry["id"], "told": "it was open"}
    assert operator.post(f"{FILE}/objections", data=objection).status_code == 303
    assert operator.post(f"{FILE}/objections", data=objection).status_code == 409
    [raised] = auditor.get(f"/api/v1{FILE}").json()["entries"][0]["objections"]
    decision = f"{FILE}/objections/{raised['id']}"
    assert auditor.post(decision, data={"upheld": "yes", "answer": "no"}).status_code == 403
    assert "Uphold" not in auditor.get(FILE).text
    assert "Uphold" in chief.get(FILE).text
    assert chief.post(decision, data={"upheld": "yes", "answer": "the picture shows it"}).status_code == 303
    assert "No stars" in operator.get(FILE).text


def test_entries_complaints_and_orders_go_out_as_files(api: RunningApi, agent, clock) -> None:
    add_accounts(api.parts.database, clock, "sunflower")
    client = api.signed_in(AUDITOR)
    entry = {
        "aspect": "safety",
        "points": -5,
        "day": "2026-11-20",
        "kind": "penalty",
        "told": "=1+1",
        "source": "no. 7",
    }
    assert client.post("/api/v1/sites/sunflower/credit/entries", json=entry).status_code == 201
    client.post("/sites/sunflower/complaints", data={"told": "the gate stood open"})
    for table, cell in (
        ("credit", "'=1+1"),
        ("complaints", "the gate stood open"),
        ("inspections", "What is to be put right"),
    ):
        assert f"/sites/sunflower/{table}/file?format=xlsx" in client.get(f"/sites/sunflower/{table}").text
        assert cell in client.get(f"/sites/sunflower/{table}/file").text
        assert client.get(f"/sites/sunflower/{table}/file?format=xlsx").content[:2] == b"PK"


def test_scripts_do_the_same(house: RunningApi) -> None:
    auditor, operator, chief = (house.signed_in(name) for name in (AUDITOR, OPERATOR, "chief"))
    api = f"/api/v1{FILE}"
    order = {"aspect": "care", "kind": "award", "points": 5, "day": "2020-01-01", "told": "x", "source": "y"}
    assert auditor.post(f"{api}/entries", content=b"{}").status_code == 400
    made = auditor.post(f"{api}/entries", content=json.dumps(order))
    assert made.status_code == 201
    objection = {"entry": made.json()["entries"][0]["id"], "told": "why"}
    raised = operator.post(f"{api}/objections", content=json.dumps(objection)).json()["entries"][0]["objections"][0]
    decided = chief.post(
        f"{api}/objections/{raised['id']}", content=json.dumps({"upheld": False, "answer": "it stands"})
    )
    assert decided.json()["entries"][0]["objections"][0]["upheld"] is False


def test_each_member_of_the_staff_has_a_file_and_a_ban_stands_whatever_the_register_says(house: RunningApi) -> None:
    auditor, operator, chief = (house.signed_in(name) for name in (AUDITOR, OPERATOR, "chief"))
    with house.parts.database.unit_of_work() as session:
        for number, name in (("c1", "李红"), ("c2", "王芳")):
            session.add(Staff(site_id="sunflower", id=number, name=name, role="carer", banned=False))
    today = auditor.get(f"/api/v1{FILE}").json()["day"]
    mine = f"{FILE}/staff/c1"
    form = {
        "aspect": "care",
        "kind": "ban",
        "points": "-100",
        "day": today,
        "source": "判决 12",
        "told": "x",
        "file": "c1",
    }
    assert auditor.post(f"{FILE}/entries", data=form).status_code == 400, "of whom?"
    assert auditor.post(f"{FILE}/entries", data=form | {"staff_id": "c1", "points": "5"}).status_code == 400
    made = auditor.post(f"{FILE}/entries", data=form | {"staff_id": "c1"})
    assert (made.status_code, made.headers["location"]) == (303, mine)
    assert "banned for life" in operator.get(mine).text
    cards = {one["staff_id"]: one for one in operator.get(f"/api/v1{FILE}").json()["staff"]}
    assert [(one["banned"], one["entries"]) for one in cards.values()] == [(True, 1), (False, 0)]
    other = operator.get(f"/api/v1{FILE}/staff/c2").json()
    assert (other["stars"], other["entries"], other["staff_id"]) == (None, [], "c2")
    choose_pack(house.parts.database, house.parts.clock, "sunflower", "chongqing-yuzhong")
    rules = {one["metric"]: one for one in auditor.get("/api/v1/sites/sunflower/compliance").json()["outcomes"]}
    assert (rules["banned_staff"]["value"], rules["banned_staff"]["status"]) == (1, "NON_COMPLIANT")
    (entry,) = operator.get(f"/api/v1{mine}").json()["entries"]
    assert (
        operator.post(f"{FILE}/objections", data={"entry": entry["id"], "told": "同名", "file": "c1"}).status_code
        == 303
    )
    (raised,) = chief.get(f"/api/v1{mine}").json()["entries"][0]["objections"]
    decided = {"upheld": "yes", "answer": "另一个人", "file": "c1"}
    assert chief.post(f"{FILE}/objections/{raised['id']}", data=decided).status_code == 303
    after = operator.get(mine).text
    assert "banned for life" not in after
    assert "struck" in after
    for path in (f"{FILE}/staff/nobody", f"{FILE}/staff/..%00", "/sites/elsewhere/credit/staff/c1"):
        assert operator.get(path).status_code == 404, path
