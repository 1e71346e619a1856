"""A duty room's screen: a session of a week that opens the wall and nothing else, on record, and ended from anywhere."""

import pytest

from tests.support.api import AUDITOR, OPERATOR, PASSWORD, add_accounts

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
WEEK_S = 7 * 24 * 3_600


@pytest.fixture
def screen(api, agent, clock):
    add_accounts(api.parts.database, clock, "sunflower")
    client = api.client(follow_redirects=False)
    client.post("/sign-in", data={"name": AUDITOR, "password": PASSWORD})
    left = client.post("/wall/screen")
    assert (left.status_code, left.headers["location"]) == (303, "/wall")
    assert f"Max-Age={WEEK_S}" in left.headers["set-cookie"]
    return client


def test_it_opens_the_wall_for_a_week_and_nothing_else(screen, clock):
    clock.advance(WEEK_S - 60)
    page = screen.get("/wall")
    assert (page.status_code, 'id="ways"' in page.text, "/wall/screen" in page.text) == (200, False, False)
    assert screen.get("/wall/board").status_code == 200
    assert screen.get("/").headers["location"] == "/wall"
    assert 'href="/sites/' not in page.text
    for path in ("/sites/sunflower", "/sites/sunflower/docket", "/compliance", "/me", "/help", "/kept"):
        refused = screen.get(path)
        assert (refused.status_code, 'href="/sign-in?next=' in refused.text) == (403, True), path
        assert 'id="ways"' not in refused.text
    assert screen.get("/api/v1/sites").json()["code"] == "screen_only"
    assert screen.post("/wall/screen").status_code == 403, "it does not prolong itself"
    assert screen.post("/me/sessions/end").status_code == 403
    clock.advance(120)
    assert screen.get("/wall").headers["location"].startswith("/sign-in")


def test_whoever_left_it_finds_it_on_record_and_ends_it(screen, api):
    desk = api.client(follow_redirects=False)
    desk.post("/sign-in", data={"name": AUDITOR, "password": PASSWORD})
    page = desk.get("/me").text
    assert "left open for a week" in page
    assert page.count('<span class="chip">duty room') == 1
    [handle] = [one.handle for one in api.parts.sign_in.sessions(AUDITOR, "") if one.only == "wall"]
    assert len(api.parts.sign_in.sessions(AUDITOR, "")) == 2, "the session it was made in is over"
    assert desk.post("/me/sessions/end", data={"session": handle}).status_code == 303
    assert screen.get("/wall").headers["location"].startswith("/sign-in")


def test_signing_in_at_the_screen_ends_it(screen, api):
    assert screen.get("/sign-in?next=/").status_code == 200
    screen.post("/sign-in", data={"name": OPERATOR, "password": PASSWORD})
    assert screen.get("/sites/sunflower").status_code == 200
    assert api.parts.sign_in.sessions(AUDITOR, "") == []


def test_it_can_be_ended_where_it_stands(screen, api):
    assert 'action="/sign-out"' in screen.get("/wall").text
    screen.post("/sign-out")
    assert api.parts.sign_in.sessions(AUDITOR, "") == []
