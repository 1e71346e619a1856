"""Alarms over HTTP: who sees them, who handles them, and how soon the board knows."""

import httpx
import pytest

from tests.integration.services.test_alarms import said
from tests.support.api import AUDITOR, add_accounts

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
API = "/api/v1/sites/sunflower/alarms"


@pytest.fixture
def board(api, agent, clock):
    add_accounts(api.parts.database, clock, agent.site_id)
    agent.say(agent.heartbeat())
    agent.say(said(agent, detail="nap room"))
    return api


def act(client: httpx.Client, what: str, alarm_id: int = 1, **options: object) -> httpx.Response:
    return client.post(f"/sites/sunflower/alarms/{alarm_id}/{what}", **options)


def test_alarms_as_json(board):
    found = board.signed_in().get(API).json()
    assert (found["site_id"], found["open_count"]) == ("sunflower", 1)
    (alarm,) = found["alarms"]
    assert (alarm["kind"], alarm["status"], alarm["urgent"], alarm["point"]) == ("panic", "raised", True, "3")
    assert [event["code"] for event in found["events"]] == ["PA"]


def test_strangers_and_other_sites_see_nothing(board):
    assert board.client().get(API).status_code == 401
    client = board.signed_in()
    assert client.get("/api/v1/sites/little-boat/alarms").status_code == 404
    assert client.post("/sites/little-boat/alarms/1/acknowledge").status_code == 404
    assert act(client, "acknowledge", 99).status_code == 404
    assert act(client, "acknowledge", 10**30).status_code == 404
    assert act(client, "delete").status_code in (404, 405)


def test_an_operator_acknowledges_and_clears_and_the_board_says_who(board, clock):
    client = board.signed_in()
    assert act(client, "clear").status_code == 409
    answer = act(client, "acknowledge")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sites/sunflower#alarms")
    clock.advance(1)
    page = client.get("/sites/sunflower").text
    assert "seen by lin" in page
    assert 'action="/sites/sunflower/alarms/1/clear"' in page
    assert act(client, "acknowledge").status_code == 409
    assert act(client, "clear").status_code == 303
    assert client.get(API).json()["alarms"][0]["cleared_by"] == "lin"


def test_an_auditor_looks_and_does_not_touch(board):
    client = board.signed_in(AUDITOR)
    page = client.get("/sites/sunflower").text
    assert "Call for help" in page
    assert "/acknowledge" not in page
    assert act(client, "acknowledge").status_code == 403


def test_a_foreign_page_cannot_acknowledge(board):
    client = board.signed_in()
    foreign = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    assert act(client, "acknowledge", headers=foreign).status_code == 403
    assert client.get(API).json()["alarms"][0]["status"] == "raised"


def test_a_new_alarm_is_told_before_the_next_look_at_the_board(board, agent, clock, monkeypatch):
    monkeypatch.setattr("server.api.feed.BoardFeed.pause_s", staticmethod(lambda _: 3_600.0))
    client = board.signed_in()
    with client.stream("GET", "/sites/sunflower/events", timeout=20) as answer:
        lines = answer.iter_lines()
        first = next(line for line in lines if line.startswith("data: "))
        agent.say(said(agent, "fire", point="9"))
        clock.advance(1)
        assert next(line for line in lines if line.startswith("data: ")) != first
    assert "Fire" in client.get("/sites/sunflower/board").text


def test_a_site_without_a_panel_has_no_such_section(api, agent, clock):
    add_accounts(api.parts.database, clock, agent.site_id)
    assert 'id="alarms"' not in api.signed_in().get("/sites/sunflower").text
