"""Calendar, day and ranking over HTTP: linkable, filterable, downloadable, in both languages, and nobody else's is found."""

import io
import zipfile
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text

from config.base.clock import US_PER_MINUTE, US_PER_S, to_datetime
from server.services.coverage.assess_day import Assessor
from server.services.registers.register import Register
from storage.database import models
from tests.support.api import AUDITOR, RunningApi, add_accounts
from tests.support.clock import NOON_US
from tests.support.sites import POLICY

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
INCIDENT = "b" * 32


@pytest.fixture
def police(api: RunningApi, agent, clock):
    """An auditor of a site with one camera in service since eleven, of which nothing is known; and a site out of reach."""
    database = api.parts.database
    Register(database, clock).add_site("abroad", "Elsewhere", "de/berlin", "Europe/Berlin")
    add_accounts(database, clock, "sunflower")
    with database.unit_of_work() as session:
        camera = session.get_one(models.Camera, "nap-room")
        camera.activated_us, camera.assess_from_day = NOON_US - 60 * US_PER_MINUTE, "2026-11-20"
        session.add(
            models.DocketCase(
                site_id="sunflower", camera_id="nap-room", incident_id=INCIDENT, cause="agent_offline",
                start_us=NOON_US - 60 * US_PER_MINUTE, end_us=None, missing_us=US_PER_S, status="unexplained",
                opened_us=NOON_US, due_us=NOON_US,
            )
        )  # fmt: skip
    client = api.signed_in(AUDITOR)
    client.day = client.get("/api/v1/sites/sunflower/days/today").json()["day"]
    return client


def test_a_calendar_of_ninety_days_as_a_page_and_a_file(police, api):
    page = police.get("/sites/sunflower/calendar")
    assert page.status_code == 200
    assert f"/sites/sunflower/days/{police.day}" in page.text
    assert "1 day not fully known" in page.text, "in service, and nobody has judged the day"
    police.headers["Accept-Language"] = "zh"
    assert "录像日历" in police.get("/sites/sunflower/calendar?camera=nap-room").text
    assert "1 天有情况不明的时段" in police.get("/sites/sunflower/calendar").text
    earlier = police.get("/sites/sunflower/calendar?last=2026-05-01")
    assert "2026-05-01" in earlier.text
    told = police.get("/sites/sunflower/calendar/file?format=csv")
    assert told.headers["content-disposition"].startswith("attachment")
    assert len(told.text.splitlines()) == 2
    book = police.get("/sites/sunflower/calendar/file?format=xlsx").content
    assert "xl/workbook.xml" in zipfile.ZipFile(io.BytesIO(book)).namelist()
    with api.parts.database.unit_of_work() as session:
        site, camera = session.get_one(models.Site, "sunflower"), session.get_one(models.Camera, "nap-room")
        Assessor(POLICY).assess_due(session, site, [camera], NOON_US)
    (one,) = police.get("/api/v1/sites/sunflower/calendar").json()["cameras"]
    assert one["first_in_service"] == police.day
    assert one["last_in_service"] is None


def test_where_the_cameras_cannot_be_told_the_page_that_is_on_its_way_says_so(police, api):
    with api.parts.database.unit_of_work() as session:
        session.execute(text("DROP TABLE coverage_span"))
    page = police.get(f"/sites/sunflower/days/{police.day}")
    assert page.status_code == 200
    assert "Something went wrong" in page.text
    assert "<night-lanes" not in page.text
    assert page.text.rstrip().endswith("</html>")


def test_a_day_of_all_cameras_its_hours_and_its_gaps(police):
    address = f"/sites/sunflower/days/{police.day}"
    page = police.get(address).text
    assert 'class="band unverified"' in page
    assert "hour=11" in page
    assert f"/sites/sunflower/docket/{INCIDENT}" in page
    assert f"/sites/sunflower/playback/nap-room?at={NOON_US - 60 * US_PER_MINUTE}" in page
    assert police.get(f"{address}?hour=11&show=trouble").status_code == 200
    assert police.get(f"{address}?hour=99").status_code == 422
    assert police.get("/sites/sunflower/days/yesterday").status_code == 400
    told = police.get(f"{address}/file").text
    assert "not known" in told
    assert "still lasts" in told


def test_the_form_of_a_minute_leads_to_its_camera(police):
    half_past = to_datetime(NOON_US - 30 * US_PER_MINUTE).astimezone(ZoneInfo("Asia/Shanghai"))
    at = f"{half_past:%Y-%m-%dT%H:%M}"
    answer = police.get(f"/sites/sunflower/playback?camera=nap-room&at={at}", follow_redirects=False)
    assert answer.headers["location"] == f"/sites/sunflower/playback/nap-room?at={at.replace(':', '%3A')}"
    page = police.get(answer.headers["location"]).text
    assert "It is not known whether this time is recorded." in page
    assert f"/sites/sunflower/docket/{INCIDENT}" in page
    assert "Of this minute there is no secured recording, so nothing is proven." in page
    assert police.get("/sites/sunflower/playback?camera=../x&at=1").status_code == 404


def test_an_order_comes_from_the_docket_and_runs_its_course(police, api):
    at = NOON_US - 30 * US_PER_MINUTE
    wanted = {"incident": INCIDENT, "told": "Mend the camera's cable", "due": "2030-01-31"}
    wanted |= {"aspect": "safety", "points": "-5"}
    page, orders = f"/sites/sunflower/docket/{INCIDENT}", "/sites/sunflower/orders"
    for base in (f"/sites/sunflower/playback/nap-room?at={at}", page):
        assert f'action="{orders}"' in police.get(base).text
    early = police.post(orders, data={**wanted, "due": "2020-01-01"})
    assert early.status_code == 400
    assert "Mend the camera&#39;s cable" in early.text, "what was typed is still there"
    assert "still to come" in early.text
    assert police.post(orders, data={**wanted, "points": "5"}).status_code == 400
    assert police.post(orders, data={**wanted, "incident": "c" * 32}).status_code == 404
    made = police.post(orders, data=wanted, follow_redirects=False)
    assert made.headers["location"].startswith(f"{page}#order-")
    assert police.post(orders, data=wanted).status_code == 409, "one at a time"
    for address in (page, "/sites/sunflower/inspections", f"/sites/sunflower/playback/nap-room?at={at}"):
        assert "Mend the camera&#39;s cable" in police.get(address).text
    assert f'action="{orders}"' not in police.get(page).text
    order = made.headers["location"].partition("#order-")[2]
    lin = api.signed_in()
    assert lin.post(orders, data=wanted).status_code == 403, "a facility orders nothing"
    (entry,) = lin.get("/api/v1/sites/sunflower/credit").json()["entries"]
    assert (entry["points"], entry["kind"], entry["source"]) == (-5, "rectification", INCIDENT)
    assert "Report the repair" in lin.get(page).text
    (act,) = lin.get(f"/api/v1{page}").json()["acts"]
    assert (act["act"], act["account"], act["evidence"]) == ("ordered", AUDITOR, [f"order:{order}"])
    with api.parts.database.reading() as session:
        (news,) = session.scalars(select(models.NoticeEvent))
        assert (news.kind, news.about, news.key) == ("order", "ordered", f"order:{order}:act:0")
    assert lin.post("/api/v1/sites/sunflower/orders", json={}).status_code == 403
    lin.post(f"/sites/sunflower/orders/{order}/repaired", data={"told": "a new cable"})
    police.post(f"/sites/sunflower/orders/{order}/acts", data={"kind": "passed", "told": "seen on the spot"})
    (told,) = police.get("/api/v1/sites/sunflower/inspections").json()["orders"]
    assert (told["status"], told["incident_id"]) == ("closed", INCIDENT)
    script = {"incident_id": INCIDENT, "told": "again", "due": "2030-02-01", "aspect": "care", "points": 0}
    assert len(police.post("/api/v1/sites/sunflower/orders", json=script).json()) == 2


def test_the_ranking_is_searched_filtered_and_taken_away(police):
    assert "/sites/sunflower/calendar" in police.get("/compliance?q=sunfl").text
    nothing = police.get("/compliance?q=abroad")
    assert "No site here matches." in nothing.text
    assert "Elsewhere" not in nothing.text
    assert "/sites/sunflower/calendar" not in police.get("/compliance?status=COMPLIANT").text
    told = police.get("/compliance/file?format=csv")
    assert len(told.text.splitlines()) == 2
    assert police.get("/compliance/file?format=xlsx").status_code == 200
    assert police.get("/compliance?region=de").status_code == 404


def test_what_is_not_within_reach_is_not_found(police):
    for path in ("calendar", "calendar/file", f"days/{police.day}", f"days/{police.day}/file", "playback/nap-room"):
        foreign, missing = (police.get(f"/sites/{site}/{path}") for site in ("abroad", "nowhere"))
        assert (foreign.status_code, missing.status_code) == (404, 404), path
    order = {"incident_id": INCIDENT, "told": "x", "due": "2030-01-01", "aspect": "care", "points": 0}
    assert police.post("/api/v1/sites/abroad/orders", json=order).status_code == 404
