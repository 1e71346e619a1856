"""The pages as a browser without JavaScript gets them."""

import re

import pytest

from server.services.registers.register import Register
from tests.support.api import PASSWORD, add_accounts
from tests.support.clock import NOON_US
from tests.support.seeding import DAYCARE, SeededSite, tell_the_day

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def seeded(api, clock):
    site = SeededSite(api.parts.database, NOON_US, DAYCARE["en"]).register(second=("hall",))
    tell_the_day(site)
    add_accounts(api.parts.database, clock, site.daycare.site_id)
    return api


def test_home_leads_to_the_first_site(seeded):
    assert seeded.client().get("/").headers["location"] == "/sign-in"
    assert seeded.signed_in().get("/").headers["location"] == "/sites/sunflower"


def test_the_board_says_what_is_known(seeded):
    page = seeded.signed_in().get("/sites/sunflower").text
    assert (
        "6 cameras so far today: 2 verified without a gap, 2 with gaps, 1 unverified, 1 waiting for the first recording"
        in page
    )
    assert page.count('class="chip compliant"') == 2
    assert page.count('class="chip non_compliant"') == 2
    assert page.count('class="chip unverified"') == 1
    assert "ongoing since 19:49:00" in page
    assert "10:12:20 – 10:19:05" in page
    assert "6 min 45 s" in page
    assert "camera could not be reached" in page


def test_one_path_a_camera_and_state(seeded):
    page = seeded.signed_in().get("/sites/sunflower").text
    camera = page.split('id="camera-play-1"')[1].split("</li>")[0]
    day = camera.split('class="day"')[1].split('class="lens"')[0]
    states = re.findall(r'<path class="band (\w+)"', day)
    assert sorted(states) == sorted(set(states))
    assert {"covered", "missing", "in_flight", "ahead"} <= set(states)


def test_nothing_on_a_page_needs_what_the_policy_forbids(seeded):
    page = seeded.signed_in().get("/sites/sunflower").text
    assert " style=" not in page
    assert "<style" not in page
    assert not re.search(r"<script(?![^>]* src=)", page)
    assert not re.search(r"\son\w+=", page)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)


def test_the_fragment_is_the_inside_of_the_page(seeded):
    client = seeded.signed_in()
    fragment = client.get("/sites/sunflower/board")
    page = client.get("/sites/sunflower").text
    assert fragment.text in page
    assert f"data-digest={fragment.headers['etag']}" in page


def test_a_day_before_today(seeded):
    page = seeded.signed_in().get("/sites/sunflower?day=2026-11-20").text
    assert "6 cameras: 5 verified without a gap" in page
    assert "Provisional" in page
    assert 'href="/sites/sunflower?day=2026-11-19"' in page
    assert 'href="/sites/sunflower?day=2026-11-21"' in page


def test_a_day_that_has_not_begun(seeded):
    page = seeded.signed_in().get("/sites/sunflower?day=2026-11-22").text
    assert "This day has not begun." in page


def test_chinese_unless_asked_otherwise(seeded):
    client = seeded.client()
    client.headers["Accept-Language"] = "fr"
    page = client.get("/sign-in").text
    assert '<html lang="zh-CN">' in page
    assert "登录" in page
    client.headers["Accept-Language"] = "fr, en-US;q=0.8, zh;q=0.5"
    assert '<html lang="en">' in client.get("/sign-in").text
    client.get("/language", params={"to": "zh-CN", "back": "/sign-in"})
    assert '<html lang="zh-CN">' in client.get("/sign-in").text
    client.get("/language", params={"to": "xx", "back": "/sign-in"})
    assert '<html lang="zh-CN">' in client.get("/sign-in").text


def test_a_wrong_password_keeps_the_name_and_no_secret(seeded):
    answer = seeded.client().post("/sign-in", data={"name": '"><b>lin', "password": "a-wrong-secret"})
    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
    assert 'value="&#34;&gt;&lt;b&gt;lin"' in answer.text
    assert "a-wrong-secret" not in answer.text


def test_who_is_signed_in_goes_on(seeded):
    answer = seeded.signed_in().get("/sign-in?next=/sites/sunflower")
    assert answer.headers["location"] == "/sites/sunflower"


def test_error_pages_are_in_the_readers_language(seeded):
    client = seeded.signed_in()
    english = client.get("/sites/nowhere")
    assert english.status_code == 404
    assert "not within your reach" in english.text
    assert "没有这个页面" in client.get("/sites/nowhere", headers={"Accept-Language": "zh"}).text
    assert client.get("/sites/sunflower?day=soon").status_code == 400


def test_our_script_gets_a_problem_not_a_page(seeded):
    answer = seeded.client().get("/sites/sunflower/board", headers={"Sec-Fetch-Mode": "cors"})
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


def test_an_account_without_sites(api, clock):
    Register(api.parts.database, clock).add_account("auditor", "auditor", PASSWORD, [], region="nowhere")
    page = api.signed_in("auditor").get("/")
    assert page.status_code == 200
    assert "No sites yet" in page.text


def test_static_files_are_kept_for_ever_by_their_digest(seeded):
    client = seeded.client()
    page = client.get("/sign-in").text
    style = re.search(r'href="(/static/nightlight\.css\?v=\w+)"', page)[1]
    answer = client.get(style)
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/css")
    assert client.get(style, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    assert client.get("/static/nightlight.css").headers["cache-control"] == "no-cache"
    for path in ("/static/..%2f..%2fpages.py", "/static/nothing.css", "/static/%2e%2e"):
        assert client.get(path).status_code == 404
