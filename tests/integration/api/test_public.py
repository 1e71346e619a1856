"""The public page: what is published, for everybody and for caches, and nothing of anything else."""

import re
from datetime import timedelta

import pytest

from config.base.clock import US_PER_DAY
from server.domain.authorisation import Action, reach
from server.domain.verdict import day_of
from server.services.registers.register import Register
from server.services.supervision.keep_credit import EntryOrder
from storage.database.models import Camera, Site, Staff, Verdict
from storage.database.scope import AUDITOR, Scope
from tests.support.api import RunningApi

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
WANG = Scope("wang", AUDITOR, "cn", reach(AUDITOR, Action.SUPERVISE))


@pytest.fixture
def town(api: RunningApi, agent, clock) -> RunningApi:
    """Sunflower is published, the boat is not; a day of sunflower's first camera was covered."""
    Register(api.parts.database, clock).add_site("boat", "小船", "cn/sichuan", "Asia/Shanghai")
    yesterday = day_of(clock.utc_us(), "Asia/Shanghai") - timedelta(days=1)
    with api.parts.database.unit_of_work() as session:
        site = session.get_one(Site, "sunflower")
        site.published, site.filing_status, site.filing_number = True, "filed", "510504-77"
        camera = session.query(Camera).filter_by(site_id="sunflower").first()
        camera.activated_us = clock.utc_us() - 3 * US_PER_DAY
        session.add(Staff(site_id="sunflower", id="s1", name="张三", role="carer"))
        for covered_us in (US_PER_DAY // 2, US_PER_DAY):
            session.add(
                Verdict(
                    camera_id=camera.id,
                    day=yesterday.isoformat(),
                    status="COMPLIANT",
                    final=False,
                    expected_us=US_PER_DAY,
                    covered_us=covered_us,
                    assessed_us=clock.utc_us(),
                    gaps=b"[]",
                )
            )
            session.flush()
    day = yesterday.isoformat()
    desk = api.parts.credit
    desk.enter(WANG, "sunflower", EntryOrder("safety", -10, day, "inspection", "the exit was blocked", "i7"))
    desk.enter(WANG, "sunflower", EntryOrder("care", -5, day, "inspection", "of somebody", "i8", "s1"))
    desk.enter(WANG, "sunflower", EntryOrder("care", -5, day, "complaint", "of a family", "T1"))
    desk.enter(WANG, "boat", EntryOrder("care", -5, day, "inspection", "the hull leaks", "i9"))
    return api


def test_everybody_sees_what_is_published_and_nothing_else(town: RunningApi) -> None:
    client = town.client()
    listed = client.get("/public")
    assert "向日葵" in listed.text
    assert "510504-77" in listed.text
    assert "小船" not in listed.text
    page = client.get("/public/sunflower").text
    for shown in ("the exit was blocked", "of 5 stars", "Unverified"):
        assert shown in page
    for hidden in ("of somebody", "of a family", "wang", "s1", "i7"):
        assert hidden not in page
    published, unknown = client.get("/public/boat"), client.get("/public/nowhere")
    assert (published.status_code, unknown.status_code) == (404, 404)
    assert published.text.replace("boat", "") == unknown.text.replace("nowhere", "")
    assert unknown.headers["cache-control"] == "no-store"


def test_what_is_not_known_is_not_covered(town: RunningApi) -> None:
    month = town.parts.publisher.site("sunflower").months[0]
    assert (month.covered_us, month.status, month.final) == (US_PER_DAY, "UNVERIFIED", False)
    assert month.expected_us >= 2 * US_PER_DAY


def test_it_can_be_searched(town: RunningApi) -> None:
    client = town.client()
    for query, found in (
        ("name=向日", True),
        ("name=%25", False),
        ("region=cn/sichuan", True),
        ("region=cn/yunnan", False),
        ("page=2", False),
        ("page=999999999999", False),
        ("name=%00", True),
    ):
        answer = client.get(f"/public?{query}")
        assert (answer.status_code, "/public/sunflower" in answer.text) == (200, found), query
    assert client.get("/public?page=x").status_code == 422
    choices = re.findall(r'<option value="([^"]*)"( selected)?>', client.get("/public?region=cn/sichuan").text)
    assert [path for path, _ in choices] == ["", "cn", "cn/sichuan", "cn/sichuan/luzhou"]
    assert [path for path, chosen in choices if chosen] == ["cn/sichuan"]


def test_caches_may_keep_it_and_ask_again(town: RunningApi) -> None:
    client = town.client()
    for path in ("/public", "/public/sunflower"):
        first = client.get(path)
        assert first.headers["cache-control"] == "public, max-age=300"
        assert "Cookie" in first.headers["vary"]
        again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    town.parts.credit.enter(WANG, "sunflower", EntryOrder("safety", 0, "2020-01-01", "inspection", "long ago", "i1"))
    assert client.get("/public/sunflower", headers={"If-None-Match": first.headers["etag"]}).status_code == 200
