"""The live view's pages and tickets: one's own, in words, and of the rest not even that it is there."""

import re
from contextlib import ExitStack

import pytest

from config.settings.server import load_server
from server.services.live.tickets import TICKETS_MAX
from storage.database.models import LeaseRow, LiveTicket
from tests.support.api import RunningApi, serving, settings_for
from tests.support.nursery import SITE, Nursery

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def pages(nursery: Nursery, tmp_path):
    file = settings_for(nursery.database, tmp_path)
    with file.open("a") as opened:
        opened.write('[live]\npublic_url = "http://127.0.0.1:8999"\n')
    with ExitStack() as stack:
        yield stack.enter_context(serving(load_server(file), nursery.clock))


def client_of(pages: RunningApi, nursery: Nursery, name: str):
    nursery.session(name)
    client = pages.client(follow_redirects=False)
    client.cookies.set("nightlight", nursery.tokens[name])
    return client


def test_a_guardian_finds_the_own_room_and_a_player_that_may_reach_the_pictures(pages, nursery):
    client = client_of(pages, nursery, "mum")
    found = client.get("/live").text
    assert re.findall(r'href="/live/([^"]+)"', found) == ["cam-a"]
    page = client.get("/live/cam-a")
    assert "http://127.0.0.1:8999 ws://127.0.0.1:8999" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    for camera in ("cam-b", "cam-gate", "boat-cam-a", "nowhere"):
        assert client.get(f"/live/{camera}").status_code == 404
        assert client.post(f"/live/{camera}/tickets", headers={"Sec-Fetch-Mode": "cors"}).status_code == 404
    assert client.get(f"/sites/{SITE}/live").status_code in (403, 404)


def test_a_ticket_comes_in_a_body_and_a_refusal_says_why_and_when(pages, nursery):
    client = client_of(pages, nursery, "mum")
    made = client.post("/live/cam-a/tickets")
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    assert len(made.json()["ticket"]) == 43
    with nursery.database.reading() as session:
        (row,) = session.query(LiveTicket)
    assert row.ticket_sha256 != made.json()["ticket"]
    assert row.expires_us - nursery.now_us <= 60_000_000
    nursery.clock.advance(8 * 3_600)
    late = client.post("/live/cam-a/tickets")
    assert late.status_code == 403
    assert late.json()["reason"] == "outside_hours"
    assert late.json()["next_us"] > nursery.now_us
    assert "Outside the hours" in client.get("/live").text
    nursery.change(LeaseRow, LeaseRow.guardian_id == "g1", LeaseRow.site_id == SITE, revoked_us=1, revoked_by="boss")
    assert client.post("/live/cam-a/tickets").json()["reason"] == "revoked"


def test_who_asks_for_tickets_without_end_fills_no_record(pages, nursery):
    client, other = client_of(pages, nursery, "mum"), client_of(pages, nursery, "dad")
    asked = [client.post("/live/cam-a/tickets") for _ in range(TICKETS_MAX + 1)]
    assert [one.status_code for one in asked] == [201] * TICKETS_MAX + [403]
    assert asked[-1].json()["reason"] == "unavailable", "the player tries again, later each time"
    assert other.post("/live/cam-a/tickets").status_code == 201
    nursery.clock.advance(31)
    assert client.post("/live/cam-a/tickets").status_code == 201


def test_an_authority_says_why_first(pages, nursery):
    client = client_of(pages, nursery, "police")
    assert "asks-why" in client.get("/live/cam-gate").text
    assert client.post("/live/cam-gate/tickets").json()["reason"] == "reason_missing"
    assert client.post("/live/cam-gate/tickets", data={"reason": "case 2026-17"}).status_code == 201
    assert client.get(f"/sites/{SITE}/live").status_code == 200
    assert client_of(pages, nursery, "stranger").get("/live/cam-gate").status_code == 404
