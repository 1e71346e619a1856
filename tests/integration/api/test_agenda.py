"""The shared calendar: an authority calls, facilities see it, what was done is on record, and what is due appears by itself."""

from datetime import date, timedelta

import pytest

from server.domain.verdict import day_of
from server.services.compliance.choose_pack import choose_pack
from server.services.registers.register import Register
from storage.database.models import DatedRecord, Staff
from tests.support.api import AUDITOR, OPERATOR, RunningApi, add_accounts

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def town(api: RunningApi, agent, clock) -> RunningApi:
    database = api.parts.database
    add_accounts(database, clock, "sunflower")
    Register(database, clock).add_site("boat", "小船托育园", "cn/yunnan", "Asia/Shanghai")
    choose_pack(database, clock, "sunflower", "luzhou-longmatan")
    return api


@pytest.fixture
def today(town: RunningApi) -> date:
    return day_of(town.parts.clock.utc_us(), "Asia/Shanghai")


def add(client, path: str, **event: str) -> str:
    made = client.post(path, json=event)
    assert made.status_code == 201, made.text
    return made.json()["id"]


def test_an_authority_calls_and_the_facilities_of_its_region_see_it(town: RunningApi, today: date) -> None:
    auditor, operator = town.signed_in(AUDITOR), town.signed_in(OPERATOR)
    soon = (today + timedelta(days=9)).isoformat()
    for nowhere in ("cn/sichuan/" + "x" * 60, "cn/sichuan/\0", "cn/sichuan//x"):
        event = {"kind": "meeting", "day": soon, "told": "x", "region": nowhere}
        assert auditor.post("/api/v1/agenda", json=event).status_code == 404, "no path of a region"
    mine = add(auditor, "/api/v1/agenda", kind="meeting", day=soon, told="联席会议，区政府三楼", region="cn/sichuan")
    add(auditor, "/api/v1/agenda", kind="meeting", day=soon, told="别处", region="cn/yunnan")
    seen = operator.get("/api/v1/sites/sunflower/agenda").json()["events"]
    assert [(one["id"], one["state"], one["may_close"]) for one in seen] == [(mine, "coming", False)]
    page = operator.get("/sites/sunflower/agenda")
    assert "联席会议，区政府三楼" in page.text
    assert "别处" not in page.text
    for path in (f"/api/v1/agenda/{mine}", f"/api/v1/sites/sunflower/agenda/{mine}"):
        assert operator.post(path, json={"minutes": "x"}).status_code in (403, 404)
    assert operator.get("/agenda").status_code in (403, 404)
    choose_pack(town.parts.database, town.parts.clock, "sunflower", None)
    page = operator.get("/sites/sunflower/agenda").text
    assert ("What is due by the rules is not known." in page, "Nothing is due within" in page) == (True, False)
    closed = {"minutes": "到会 12 家。\n议定事项见纪要。", "done_on": today.isoformat()}
    assert auditor.post(f"/agenda/{mine}", data=closed).status_code == 303
    assert auditor.post(f"/api/v1/agenda/{mine}", json=closed).status_code == 409
    (after,) = operator.get("/api/v1/sites/sunflower/agenda").json()["events"]
    assert (after["state"], after["minutes"]) == ("done", closed["minutes"])
    assert len(auditor.get("/api/v1/agenda").json()["events"]) == 2


def test_what_was_done_at_a_site_goes_into_its_register(town: RunningApi, today: date) -> None:
    operator = town.signed_in(OPERATOR)
    path = "/api/v1/sites/sunflower/agenda"
    before = {duty["kind"]: duty for duty in operator.get(path).json()["duties"]}
    assert (before["fire_drill"]["due_on"], before["fire_drill"]["overdue"]) == ("", True)
    drill = add(operator, path, kind="fire_drill", day=today.isoformat(), told="全园疏散演练")
    made = operator.post(
        f"{path}/{drill}", json={"minutes": "三分钟疏散完毕，照片存档。", "done_on": today.isoformat()}
    )
    assert made.status_code == 204
    with town.parts.database.reading() as session:
        assert session.get_one(DatedRecord, ("sunflower", "", "fire_drill", today.isoformat())).reference == drill
    assert "fire_drill" not in {duty["kind"] for duty in operator.get(path).json()["duties"]}
    off = add(operator, path, kind="training", day=today.isoformat(), told="急救培训")
    assert operator.post(f"{path}/{off}", json={"minutes": "讲师生病，改期。"}).status_code == 204
    states = {one["id"]: one["state"] for one in operator.get(path).json()["events"]}
    assert states == {drill: "done", off: "cancelled"}


def test_duties_come_by_themselves_and_the_calendar_goes_into_a_program(town: RunningApi, today: date) -> None:
    soon = (today + timedelta(days=20)).isoformat()
    with town.parts.database.unit_of_work() as session:
        session.add(Staff(site_id="sunflower", id="g1", name="x", role="guard", banned=False))
        session.add(
            Staff(site_id="sunflower", id="g2", name="y", role="guard", left_on=today.isoformat(), banned=False)
        )
        session.add(
            DatedRecord(
                site_id="sunflower", staff_id="g1", kind="guard_certificate", done_on="2020-01-01", valid_until=soon
            )
        )
        old = (today - timedelta(days=500)).isoformat()
        session.add(DatedRecord(site_id="sunflower", staff_id="g1", kind="record_check", done_on=old))
    auditor = town.signed_in(AUDITOR)
    duties = {(one["staff_id"], one["kind"]): one for one in auditor.get("/api/v1/agenda").json()["duties"]}
    assert (duties["g1", "guard_certificate"]["due_on"], duties["g1", "guard_certificate"]["overdue"]) == (soon, False)
    assert duties["g1", "record_check"]["overdue"]
    assert "g2" not in {staff_id for staff_id, _ in duties}, "gone on the day on which the rules let them go"
    assert duties["g1", "record_check"]["article"]
    add(auditor, "/api/v1/agenda", kind="meeting", day=soon, told="会议；第一,二项" + "长" * 60, region="cn")
    file = auditor.get("/agenda/calendar.ics")
    assert file.headers["content-type"] == "text/calendar; charset=utf-8"
    assert all(len(line) <= 75 for line in file.content.split(b"\r\n"))
    told = file.text.replace("\r\n ", "")
    assert f"DTSTART;VALUE=DATE:{soon.replace('-', '')}" in told
    assert "第一\\,二项" in told
    assert told.count("BEGIN:VEVENT") == told.count("END:VEVENT") >= 3
    page = auditor.get("/agenda")
    assert (page.status_code, soon[:4] in page.text) == (200, True)


@pytest.mark.parametrize(
    ("field", "value"), [("kind", "party"), ("day", "2020-01-01"), ("day", "x"), ("told", " "), ("told", "x" * 401)]
)
def test_what_cannot_be_is_refused_with_the_form_as_it_was(
    town: RunningApi, today: date, field: str, value: str
) -> None:
    operator = town.signed_in(OPERATOR)
    event = {"kind": "training", "day": today.isoformat(), "told": "急救"} | {field: value}
    assert operator.post("/api/v1/sites/sunflower/agenda", json=event).status_code == 400
    refused = operator.post("/sites/sunflower/agenda", data=event)
    assert (refused.status_code, 'id="error"' in refused.text) == (400, True)


def test_out_of_reach_nothing_is_called_or_closed(town: RunningApi, today: date) -> None:
    operator = town.signed_in(OPERATOR)
    event = {"kind": "training", "day": today.isoformat(), "told": "x"}
    assert operator.post("/api/v1/agenda", json=event | {"region": "cn"}).status_code in (403, 404)
    assert operator.post("/api/v1/sites/boat/agenda", json=event).status_code == 404
    assert operator.get("/api/v1/sites/boat/agenda").status_code == 404
    mine = add(operator, "/api/v1/sites/sunflower/agenda", **event)
    tomorrow = (today + timedelta(days=1)).isoformat()
    path = f"/api/v1/sites/sunflower/agenda/{mine}"
    assert operator.post(path, json={"minutes": "x", "done_on": tomorrow}).status_code == 400
    assert operator.post(f"/sites/sunflower/agenda/{mine}", data={"minutes": ""}).status_code == 400
    assert operator.post("/api/v1/sites/sunflower/agenda/" + "0" * 32, json={"minutes": "x"}).status_code == 404
