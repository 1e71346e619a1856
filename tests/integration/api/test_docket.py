"""The docket over HTTP: filters stand in the address, acts need the right person, files hold no formula."""

import csv
import io
import zipfile

import pytest
from sqlalchemy import select

from config.base.clock import US_PER_DAY
from config.base.errors import InvalidInput
from config.base.timespan import Span
from config.settings.server import MaintenanceSettings
from server.domain.maintenance import US_PER_HOUR
from server.services.compliance.choose_pack import choose_pack
from server.services.docket.plan_maintenance import MaintenancePlanner
from storage.database.models import CaseAct, DocketCase, MaintenanceWindow
from storage.database.scope import OPERATOR as MANAGER
from storage.database.scope import Scope
from tests.support.api import AUDITOR, RunningApi, add_accounts
from tests.support.sites import seconds

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
OUTAGE, LOST = "a" * 32, "b" * 32


@pytest.fixture
def docket(api: RunningApi, agent, clock) -> RunningApi:
    add_accounts(api.parts.database, clock, "sunflower")
    now_us = clock.utc_us()
    with api.parts.database.unit_of_work() as session:
        for number, (incident, cause, due) in enumerate(
            ((OUTAGE, "agent_offline", -1), (OUTAGE, "agent_offline", -1), (LOST, "object_missing", 1))
        ):
            session.add(
                DocketCase(
                    site_id="sunflower", camera_id="nap-room", incident_id=incident, cause=cause,
                    start_us=now_us - seconds(3_600 * (number + 1)), end_us=now_us - seconds(1_800), missing_us=seconds(60),
                    status="unexplained", opened_us=now_us - 2 * US_PER_DAY, due_us=now_us + due * US_PER_DAY,
                    owner="=cmd" if incident == LOST else "",
                )
            )  # fmt: skip
    return api


def incidents(client, query: str = "", place: str = "/api/v1/sites/sunflower/docket") -> list[str]:
    return [one["incident_id"] for one in client.get(f"{place}{query}").json()["incidents"]]


def test_the_list_is_filtered_by_its_address(docket: RunningApi) -> None:
    client = docket.signed_in()
    assert incidents(client) == [OUTAGE, LOST], "the first due comes first"
    assert incidents(client, "?overdue=1") == [OUTAGE]
    assert incidents(client, "?cause=object_missing") == [LOST]
    assert incidents(client, "?status=explained") == []
    assert incidents(client, "?status=open&owner=-") == [OUTAGE]
    assert incidents(client, "?owner=%00") == []
    assert incidents(client, "?page=2") == []
    page = client.get("/sites/sunflower/docket?overdue=1&cause=agent_offline")
    assert "1 incident" in page.text
    assert "overdue since" in page.text
    assert "file?format=csv&amp;cause=agent_offline&amp;overdue=1" in page.text
    assert client.get("/docket").status_code == 403, "the whole region is the authority's"
    auditor = docket.signed_in(AUDITOR)
    assert incidents(auditor, place="/api/v1/docket") == [OUTAGE, LOST]
    assert "2 incidents" in auditor.get("/docket").text


def test_two_people_settle_an_incident_of_all_its_cameras(docket: RunningApi) -> None:
    client, auditor = docket.signed_in(), docket.signed_in(AUDITOR)
    place = f"/sites/sunflower/docket/{OUTAGE}"
    assert client.post(f"{place}/sign_off", data={}).status_code == 409
    assert client.post(f"{place}/explain", data={"text": " "}).status_code == 400
    assert client.post(f"{place}/explain", data={"text": "x" * 1_001}).status_code == 400
    assert client.post(f"{place}/dance", data={"text": "x"}).status_code == 404
    assert auditor.post(f"{place}/explain", data={"text": "x"}).status_code == 403
    assert client.post(f"{place}/explain", data={"text": "The breaker <tripped>"}).status_code == 303
    assert client.post(f"{place}/assign", data={"text": "nobody"}).status_code == 400
    assert client.post(f"{place}/assign", data={"text": "lin"}).status_code == 303
    assert client.post(f"{place}/repair", data={"text": "New breaker"}).status_code == 303
    refused = client.post(f"{place}/sign_off", data={"text": ""})
    assert (refused.status_code, "Somebody other" in refused.text) == (403, True)
    assert "The breaker &lt;tripped&gt;" in refused.text
    assert auditor.post(f"{place}/sign_off", data={"text": ""}).status_code == 303
    assert client.post(f"{place}/explain", data={"text": "more"}).status_code == 409
    with docket.parts.database.reading() as session:
        cases = session.scalars(select(DocketCase).where(DocketCase.incident_id == OUTAGE)).all()
        assert {(case.status, case.owner, case.explained_by) for case in cases} == {("signed_off", "lin", "lin")}
        acts = [act.act for act in session.scalars(select(CaseAct).where(CaseAct.case_id == cases[0].id))]
        assert acts == ["explain", "assign", "repair", "sign_off"]
    told = client.get(f"/api/v1{place}").json()
    assert [(act["act"], len(act["cases"])) for act in told["acts"]] == [
        ("explain", 2), ("assign", 2), ("repair", 2), ("sign_off", 2),
    ]  # fmt: skip
    for name in ("c" * 32, "x", "%00"):
        assert client.get(f"/api/v1/sites/sunflower/docket/{name}").status_code == 404


def test_files_hold_a_line_a_case_and_no_formula(docket: RunningApi) -> None:
    client = docket.signed_in()
    rows = list(csv.reader(io.StringIO(client.get("/sites/sunflower/docket/file").text.lstrip("\ufeff"))))
    assert (len(rows), rows[0][0], rows[3][13]) == (4, "case", "'=cmd")
    answer = client.get("/sites/sunflower/docket/file?format=xlsx&overdue=1", headers={"Accept-Language": "zh-CN"})
    sheet = zipfile.ZipFile(io.BytesIO(answer.content)).read("xl/worksheets/sheet1.xml").decode()
    assert sheet.count("<row ") == 3
    assert "责任人" in sheet
    assert docket.signed_in(AUDITOR).get("/docket/file?format=csv").text.count("\n") == 4


def test_maintenance_is_declared_beforehand_and_only_cut_short(docket: RunningApi, clock) -> None:
    client = docket.signed_in()
    place = "/sites/sunflower/maintenance"

    def declare(start: str, end: str, **changes: str):
        return client.post(place, data={"from": start, "to": end, "reason": "new switch", **changes})

    # It is 20:00 on 21 November at the site.
    assert declare("2026-11-21T10:00", "2026-11-21T12:00").status_code == 400
    late = declare("2026-11-22T19:59", "2026-11-22T21:00")
    assert (late.status_code, "That is too soon" in late.text, "2026-11-22T19:59" in late.text) == (400, True, True)
    assert declare("2026-11-23T08:00", "2026-11-23T17:00").status_code == 400
    assert declare("2026-11-23T08:00", "soon").status_code == 400
    assert declare("2026-11-23T08:00", "2026-11-23T10:00", reason=" ").status_code == 400
    assert declare("2026-11-23T08:00", "2026-11-23T10:00", camera="gate").status_code == 404
    assert declare("2026-11-23T08:00", "2026-11-23T10:00").status_code == 303
    assert declare("2026-11-24T08:00", "2026-11-24T10:00", camera="nap-room").status_code == 303
    assert docket.signed_in(AUDITOR).post(f"{place}/1/end").status_code == 403
    assert client.post(f"{place}/2/end").status_code == 303
    assert client.post(f"{place}/2/end").status_code == 409
    assert client.post(f"{place}/{2**70}/end").status_code == 404
    clock.advance(37 * 3_600)
    client = docket.signed_in()
    assert client.post(f"{place}/1/end").status_code == 303
    told = client.get(f"/api/v1{place}").json()
    assert [(one["maintenance_id"], one["status"]) for one in told["windows"]] == [(2, "called_off"), (1, "over")]
    with docket.parts.database.reading() as session:
        first, second = session.scalars(select(MaintenanceWindow).order_by(MaintenanceWindow.id)).all()
        assert first.cut_us == clock.utc_us()
        assert second.cut_us == second.start_us


def test_the_pack_limits_maintenance_and_the_page_says_by_which_rule(docket: RunningApi, clock) -> None:
    generous = MaintenanceSettings(notice_hours=0, hours_a_month=200)
    planner = MaintenancePlanner(docket.parts.database, clock, generous)
    begin_us, lin = clock.utc_us() + 36 * US_PER_HOUR, Scope("lin", MANAGER)
    nine = Span(begin_us, begin_us + 9 * US_PER_HOUR)
    planner.end(lin, "sunflower", planner.declare(lin, "sunflower", None, nine, "no pack, so the setting alone"))
    choose_pack(docket.parts.database, clock, "sunflower", "yongan")
    for span, code in (
        (nine, "maintenance_too_long"),
        (Span(clock.utc_us() + 23 * US_PER_HOUR, begin_us), "maintenance_too_soon"),
    ):
        with pytest.raises(InvalidInput) as refused:
            planner.declare(lin, "sunflower", None, span, "x")
        assert refused.value.code == code
    planner.declare(lin, "sunflower", None, Span(begin_us, begin_us + 8 * US_PER_HOUR), "x")
    page = docket.signed_in().get("/sites/sunflower/maintenance").text
    assert "cn-national-base@2026.11.2" in page
    assert "No document asks for a number" in page


def test_a_person_subscribes_for_themselves_alone(docket: RunningApi) -> None:
    client = docket.signed_in()
    form = {"site": "sunflower", "channel": "chat", "target": "wecombot://" + "k" * 36, "kind-gap": "yes",
            "quiet_from": "22:00", "quiet_until": "06:30", "escalate_to": AUDITOR, "escalate_min": "30"}  # fmt: skip
    assert client.post("/notices", data=form).status_code == 303
    assert client.post("/notices", data=form | {"site": "other"}).status_code == 404
    private = client.post("/notices", data=form | {"channel": "webhook", "target": "https://127.0.0.1/x"})
    assert (private.status_code, "private network" in private.text) == (400, True)
    assert client.post("/notices", data=form | {"quiet_until": "late"}).status_code == 400
    assert client.post("/notices", data=form | {"escalate_to": "\0"}).status_code == 400
    page = client.get("/notices").text
    assert "quiet from 22:00 to 06:30" in page
    assert "k" * 36 not in page
    [one] = client.get("/api/v1/notices").json()["subscriptions"]
    auditor = docket.signed_in(AUDITOR)
    assert auditor.get("/api/v1/notices").json()["subscriptions"] == []
    assert auditor.post(f"/notices/{one['subscription_id']}/end").status_code == 404
    assert client.post(f"/notices/{one['subscription_id']}/end").status_code == 303
    assert client.post(f"/notices/messages/{'0' * 32}/seen").status_code == 404
    assert client.get("/api/v1/notices").json()["subscriptions"] == []
