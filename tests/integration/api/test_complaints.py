"""Complaints over HTTP: a number, an answer once, footage under hold, and a word before the day."""

import json

import pytest
from sqlalchemy import select

from config.base.clock import US_PER_DAY
from server.services.notices.watch_due import DueWatch
from server.services.registers.register import Register
from storage.database.models import LegalHold, NoticeEvent
from tests.support.api import AUDITOR, OPERATOR, PASSWORD, RunningApi, add_accounts

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
PAGE = "/sites/sunflower/complaints"


@pytest.fixture
def house(api: RunningApi, agent, clock) -> RunningApi:
    register = Register(api.parts.database, clock)
    register.add_site("boat", "小船", "cn/sichuan/luzhou", "Asia/Shanghai")
    register.add_account("health", "health_regulator", PASSWORD, [], "cn")
    add_accounts(api.parts.database, clock, "sunflower")
    return api


def test_a_complaint_is_numbered_answered_once_and_has_its_footage_held(house: RunningApi, clock) -> None:
    auditor, operator, health = (house.signed_in(name) for name in (AUDITOR, OPERATOR, "health"))
    assert auditor.post(PAGE, data={"told": " "}).status_code == 400
    # As long as a browser lets it be, whose lines end with two characters on their way.
    told = {"told": "The gate was open.\r\n" + "At noon.\r\n" * 220, "by_phone": "yes"}
    number = auditor.post(PAGE, data=told).headers["location"].partition("#")[2]
    assert number.startswith("T20")
    assert number.endswith("-0001")
    other = operator.post(f"/api/v1{PAGE}", content=json.dumps({"told": "another"})).json()["number"]
    assert auditor.post("/sites/boat/complaints", data=told).headers["location"].endswith("-0003")
    assert auditor.post(f"/sites/boat/complaints/{number}/answer", data={"answer": "x"}).status_code == 404
    page = operator.get(PAGE).text
    assert "The gate was open." in page
    assert "to be answered by" in page
    day = auditor.get(f"/api/v1{PAGE}").json()["now_us"] // US_PER_DAY
    span = {"start_us": (day - 1) * US_PER_DAY, "end_us": day * US_PER_DAY, "review_us": (day + 30) * US_PER_DAY}
    hold = f"/api/v1{PAGE}/{number}/hold"
    assert health.post(hold, content=json.dumps(span)).status_code == 403
    assert auditor.post(hold, content=json.dumps(span | {"camera_id": "boat-gate"})).status_code == 404
    assert auditor.post(hold, content=json.dumps(span)).status_code == 204
    assert auditor.post(hold, content=json.dumps(span)).status_code == 409
    form = {"from": "2026-11-20T08:00", "to": "2026-11-20T07:00", "review": "2099-01-01", "camera": ""}
    refused = auditor.post(f"{PAGE}/{other}/hold", data=form)
    assert (refused.status_code, refused.text.count("<details open>")) == (400, 1)
    assert all(f'value="{typed}"' in refused.text for typed in ("2026-11-20T08:00", "2026-11-20T07:00", "2099-01-01"))
    assert auditor.post(f"{PAGE}/{other}/hold", data=form | {"to": "2026-11-20T09:00"}).status_code == 303
    with house.parts.database.reading() as session:
        reasons = {hold.reason for hold in session.scalars(select(LegalHold))}
    assert reasons == {f"complaint {number}", f"complaint {other}"}
    clock.advance(8 * 86_400)
    house.client()  # sessions have ended by now
    auditor, operator = house.signed_in(AUDITOR), house.signed_in(OPERATOR)
    assert "was due" in operator.get(PAGE).text
    assert operator.post(f"{PAGE}/{number}/answer", data={"answer": "It has a spring now."}).status_code == 303
    assert operator.post(f"{PAGE}/{number}/answer", data={"answer": "again"}).status_code == 409
    answered = next(one for one in auditor.get(f"/api/v1{PAGE}").json()["complaints"] if one["number"] == number)
    assert (answered["answer"], answered["overdue"], answered["answered_by"]) == (
        "It has a spring now.",
        True,
        OPERATOR,
    )
    body = json.dumps({"answer": "yes"})
    assert operator.post(f"/api/v1{PAGE}/{other}/answer", content=body).status_code == 204
    assert operator.post(f"/api/v1{PAGE}/T1/answer", content=body).status_code == 404


def test_who_may_act_is_told_a_day_before_and_once(house: RunningApi, clock) -> None:
    number = house.signed_in(OPERATOR).post(PAGE, data={"told": "x"}).headers["location"].partition("#")[2]
    watch = DueWatch(house.parts.database, clock)

    def told() -> list[str]:
        watch.look()
        with house.parts.database.reading() as session:
            return [row.link for row in session.scalars(select(NoticeEvent).where(NoticeEvent.kind == "complaint"))]

    assert told() == []
    clock.advance(6.5 * 86_400)
    assert told() == [f"{PAGE}#{number}"]
    assert told() == [f"{PAGE}#{number}"]
