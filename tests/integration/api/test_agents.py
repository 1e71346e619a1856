"""What agents ask for over HTTPS."""

import pytest

from config.base.clock import US_PER_S
from config.base.errors import Unavailable
from config.base.ids import fresh_id
from config.wire.segments import UploadTicketRequest
from edge_agent.centre import refusal
from server.services.agents.revoke_agent import Revoker
from server.services.intake import open_tickets
from tests.support.clock import NOON_US
from tests.support.sites import SigningAgent

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def request_for(agent, **changes) -> UploadTicketRequest:
    fields = {
        "message_id": fresh_id(),
        "site_id": agent.site_id,
        "agent_id": agent.agent_id,
        "camera_id": agent.camera_id,
        "segment_id": "0" * 32,
        "start_us": NOON_US,
        "end_us": NOON_US + 60 * US_PER_S,
        "sha256": "ab" * 32,
        "size_bytes": 4_096,
    }
    return UploadTicketRequest(**fields | changes)


def ask(api, agent, **changes):
    return api.client().post("/agent/v1/upload-tickets", content=agent.signer.seal(request_for(agent, **changes)))


def test_the_servers_time(api, clock):
    clock.advance(1.5)
    assert api.client().get("/agent/v1/time").json() == {"utc_us": clock.utc_us()}


def test_a_ticket_is_for_one_key_and_one_lock_and_two_minutes(api, agent, clock):
    answer = ask(api, agent)
    assert answer.status_code == 200
    ticket = answer.json()
    assert 0 < ticket["expires_us"] - clock.utc_us() <= 120 * US_PER_S
    assert "X-Amz-Expires=120&" in f"{ticket['url']}&"
    assert ticket["segment_id"] == "0" * 32
    assert ticket["object_key"].startswith("sunflower/nap-room/2026/11/21/")
    assert ticket["headers"]["x-amz-object-lock-mode"] == "COMPLIANCE"
    assert ticket["object_key"] in ticket["url"]


def test_a_ticket_needs_no_cookie_and_no_origin(api, agent):
    client = api.client()
    client.headers.pop("Origin")
    client.headers["Sec-Fetch-Site"] = "cross-site"
    assert client.post("/agent/v1/upload-tickets", content=agent.signer.seal(request_for(agent))).status_code == 200


def test_each_refusal_has_its_status_and_its_code(api, agent):
    cases = [
        (ask(api, agent, agent_id="stranger"), 404, "unknown_agent"),
        (ask(api, agent, site_id="elsewhere"), 404, "unknown_agent"),
        (ask(api, agent, camera_id="not-mine"), 403, "foreign_camera"),
        (ask(api, agent, end_us=NOON_US), 400, "bad_span"),
        (api.client().post("/agent/v1/upload-tickets", content=b"{}"), 400, "malformed"),
        (api.client().post("/agent/v1/upload-tickets", content=b"\xff"), 400, "malformed"),
        (
            api.client().post("/agent/v1/upload-tickets", content=agent.signer.seal(agent.heartbeat())),
            400,
            "unknown_kind",
        ),
    ]
    for answer, status, code in cases:
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
        assert problem["title"]
        assert problem["type"] == f"urn:nightlight:problem:{code}"


def test_a_forged_request_is_refused(api, agent, database, clock):
    forger = SigningAgent(database, clock)
    answer = ask(api, forger)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_signature")


def test_a_revoked_agent_gets_no_ticket(api, agent, database, clock):
    Revoker(database, clock).revoke(agent.site_id, agent.agent_id, "stolen")
    answer = ask(api, agent)
    assert (answer.status_code, answer.json()["code"]) == (403, "agent_revoked")


def test_open_tickets_of_an_agent_have_a_bound_and_used_ones_do_not_count(api, agent, clock, monkeypatch):
    monkeypatch.setattr(open_tickets, "OPEN_MAX", 3)
    manifest = agent.manifest(NOON_US, NOON_US + 60 * US_PER_S)
    ids = [manifest.segment_id, "1" * 32, "2" * 32, "3" * 32, "4" * 32]
    assert [ask(api, agent, segment_id=one).status_code for one in ids[:3]] == [200] * 3
    refused = ask(api, agent, segment_id=ids[3])
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_tickets")
    assert "wait 120 s" in refused.json()["detail"]
    with pytest.raises(Unavailable):  # so that the agent backs off, and tries again
        raise refusal(refused.status_code, refused.content)
    agent.say(manifest)
    agent.say(agent.upload_of(manifest, "v-1"))
    assert ask(api, agent, segment_id=ids[3]).status_code == 200
    assert ask(api, agent, segment_id=ids[4]).status_code == 429
    clock.advance(121)
    assert ask(api, agent, segment_id=ids[4]).status_code == 200
