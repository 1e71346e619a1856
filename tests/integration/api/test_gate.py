"""Deny by default (I7): what answers without a session, to whom, and from where."""

import base64
import socket

import httpx
import pytest
from fastapi.routing import APIRoute

from config.settings.server import load_server
from server.api.app import build_app
from server.api.gate import _open_endpoints
from server.services.registers.register import Register
from storage.database.models import Account
from tests.support.api import AUDITOR, OPERATOR, PASSWORD, RunningApi, add_accounts, serving, settings_for

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
READABLE = {
    "/healthz",
    "/agent/v1/time",
    "/agent/v1/authority",
    "/sign-in",
    "/sign-in/authority",
    "/forgot",
    "/reset",
    "/join",
    "/language",
    "/static/{name}",
    "/worker.js",
    "/offline",
    "/verify",
    "/verify/reports/{report}",
    "/public",
    "/public/{site}",
}
CHANGEABLE = {"/agent/v1/enrolments", "/agent/v1/certificates"} | {
    "/agent/v1/acceptance",
    "/agent/v1/cell-answers",
    "/agent/v1/cell-fetches",
    "/agent/v1/cell-orders",
    "/agent/v1/upload-tickets",
    "/back-channel/sign-out",
    "/forgot",
    "/join",
    "/reset",
    "/sign-in",
    "/sign-in/passkey",
    "/sign-in/passkey/options",
    "/sign-in/second",
    "/sign-out",
}
OPEN = {(method, path) for path in READABLE for method in ("GET", "HEAD")} | {("POST", path) for path in CHANGEABLE}
BACK = ("GET", "/sign-in/authority/back")
OPEN.add(BACK)


@pytest.fixture
def two_sites(api: RunningApi, agent, clock) -> RunningApi:
    """A site that the operator may see, and one of somebody else's."""
    register = Register(api.parts.database, clock)
    register.add_site("other", "别处", "cn/yunnan", "Asia/Shanghai")
    register.add_site("abroad", "Elsewhere", "de/berlin", "Europe/Berlin")
    add_accounts(api.parts.database, clock, "sunflower")
    return api


def every_route(api: RunningApi) -> list[APIRoute]:
    """Also those that FastAPI keeps inside an included router."""
    found = []
    for route in build_app(api.parts).routes:
        found += route.original_router.routes if hasattr(route, "original_router") else [route]
    return found


PLACES = {
    "site": "sunflower",
    "guide": "operator",
    "camera": "gate",
    "agent": "box",
    "day": "today",
    "name": "nightlight.css",
    "alarm_id": "1",
    "finding": "0" * 32,
    "finding_id": "0" * 32,
    "picture": "0" * 32,
    "plan": "0" * 32,
    "audit": "0" * 32,
    "support": "0" * 32,
    "draw": "0" * 32,
    "report": "0" * 32,
    "event": "0" * 32,
    "staff": "c1",
    "objection": "0" * 32,
    "complaint": "T20261122-0001",
    "order": "0" * 32,
    "document": "0" * 32,
    "fetch_id": "0" * 32,
    "hold": "0" * 32,
    "certificate": "1",
    "incident": "0" * 32,
    "act": "explain",
    "number": "1",
    "message": "0" * 32,
    "segment": "0" * 32,
    "ask": "0" * 32,
    "part": "0",
}


def test_only_listed_routes_answer_without_a_session(two_sites):
    client = two_sites.client(follow_redirects=False)
    routes = every_route(two_sites)
    assert len(routes) > len(OPEN)
    answered = set()
    for route in routes:
        assert isinstance(route, APIRoute), f"{route} stands outside the gate"
        path = route.path.format_map(PLACES)
        for method in route.methods:
            answer = client.request(method, path)
            sent_to_sign_in = answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")
            if answer.status_code != 401 and not sent_to_sign_in:
                answered.add((method, route.path))
    # These answer strangers as well, and what they say looks like a refusal.
    assert answered == OPEN - {
        ("POST", path) for path in ("/sign-in", "/sign-in/passkey", "/sign-in/second", "/sign-out")
    } - {BACK}
    open_routes = [route for route in routes if {(method, route.path) for method in route.methods} <= OPEN]
    assert {route.endpoint for route in open_routes} == _open_endpoints


def test_there_are_no_generated_pages(two_sites):
    client = two_sites.client()
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert client.get(path).status_code == 404


def test_another_tenants_site_is_not_found_and_looks_like_one_that_is_not(two_sites):
    client = two_sites.signed_in()
    assert client.get("/sites/sunflower").status_code == 200
    for tail in ("", "/board", "/events"):
        foreign, missing = (client.get(f"/sites/{site}{tail}") for site in ("other", "nowhere"))
        assert (foreign.status_code, missing.status_code) == (404, 404)
        assert foreign.text.replace("other", "") == missing.text.replace("nowhere", "")
    foreign, missing = (client.get(f"/api/v1/sites/{site}/days/today") for site in ("other", "nowhere"))
    assert foreign.status_code == missing.status_code == 404
    assert foreign.json()["code"] == missing.json()["code"] == "not_found"


def test_head_says_what_get_would_and_nothing_more(two_sites):
    client = two_sites.signed_in()
    for path in ("/healthz", "/sites/sunflower", "/api/v1/sites", "/sites/nowhere", "/static/logo.svg", "/sign-in"):
        head, whole = client.head(path), client.get(path)
        assert (head.status_code, head.content) == (whole.status_code, b"")
        assert head.headers["content-length"] == whole.headers.get("content-length", head.headers["content-length"])
        assert head.headers["content-type" if whole.content else "location"]
    assert two_sites.client().head("/sites/sunflower").headers["location"] == "/sign-in?next=%2Fsites%2Fsunflower"
    assert client.head("/sites/sunflower/events").status_code == 405


def test_an_auditor_reaches_the_region_and_no_further(two_sites):
    client = two_sites.signed_in(AUDITOR)
    assert {site["site_id"] for site in client.get("/api/v1/sites").json()} == {"sunflower", "other"}
    assert client.get("/sites/abroad").status_code == 404


def test_basic_is_for_scripts_alone(two_sites):
    client = two_sites.client(auth=(OPERATOR, PASSWORD))
    assert client.get("/api/v1/sites").status_code == 200
    assert client.get("/sites/sunflower").status_code == 303


def test_a_basic_password_that_was_right_is_not_checked_again_for_a_minute(two_sites, clock):
    client = two_sites.client(auth=(OPERATOR, PASSWORD))
    client.get("/api/v1/sites")
    two_sites.parts.sign_in.check_password = None  # whoever asks it now fails
    assert client.get("/api/v1/sites").status_code == 200
    clock.advance(61)
    with pytest.raises(TypeError):
        two_sites.parts.gate._basic(base64.b64encode(f"{OPERATOR}:{PASSWORD}".encode()).decode(), "here")


def test_a_remembered_password_ends_with_the_role_and_the_lock(two_sites):
    client = two_sites.client(auth=(OPERATOR, PASSWORD))
    assert client.get("/api/v1/sites").status_code == 200
    with two_sites.parts.database.unit_of_work() as session:
        session.get_one(Account, OPERATOR).locked_us = 1
    assert client.get("/api/v1/sites").status_code == 401


def test_a_bad_authorization_header_is_a_401_that_says_how(two_sites):
    client = two_sites.client()
    for given in ("Basic !!!", "Basic " + base64.b64encode(b"\xff\xfe").decode(), "Bearer x"):
        answer = client.get("/api/v1/sites", headers={"Authorization": given})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic ")
        assert answer.headers["content-type"] == "application/problem+json"


def test_wrong_passwords_run_out(two_sites):
    client = two_sites.client()
    for _ in range(10):
        assert client.post("/sign-in", data={"name": OPERATOR, "password": "wrong"}).status_code == 401
    answer = client.post("/sign-in", data={"name": OPERATOR, "password": PASSWORD})
    assert answer.status_code == 429
    assert "five minutes" in answer.text
    assert f'value="{OPERATOR}"' in answer.text
    blocked = two_sites.client(auth=(OPERATOR, PASSWORD)).get("/api/v1/sites")
    assert (blocked.status_code, blocked.json()["code"]) == (429, "too_many_attempts")


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(two_sites):
    client = two_sites.client()
    answer = client.post(
        "/sign-in", data={"name": OPERATOR, "password": PASSWORD, "next": "/sites/sunflower?day=2026-11-20"}
    )
    assert answer.headers["location"] == "/sites/sunflower?day=2026-11-20"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie


def test_signing_out_ends_the_session_itself(two_sites):
    client = two_sites.signed_in()
    kept = dict(client.cookies)
    assert client.post("/sign-out").status_code == 303
    thief = two_sites.client(cookies=kept)
    assert thief.get("/sites/sunflower").headers["location"] == "/sign-in?next=%2Fsites%2Fsunflower"


def test_a_session_ends_by_itself(two_sites, clock):
    client = two_sites.signed_in()
    clock.advance(12 * 3_600 + 1)
    assert client.get("/api/v1/sites").status_code == 401


def test_a_change_must_come_from_our_own_pages(two_sites):
    client = two_sites.signed_in()
    del client.headers["Origin"], client.headers["Sec-Fetch-Site"]
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": two_sites.url},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {},
    ):
        answer = client.post("/sign-out", headers=headers)
        assert answer.status_code == 403, headers
    assert client.get("/sites/sunflower").status_code == 200


def test_an_old_browser_is_believed_by_its_origin(two_sites):
    client = two_sites.client()
    client.headers.pop("Sec-Fetch-Site")
    assert client.post("/sign-in", data={"name": OPERATOR, "password": PASSWORD}).status_code == 303


def test_nothing_leads_elsewhere(two_sites):
    client = two_sites.client()
    for target in ("//evil.example", "https://evil.example", "/\\evil.example", "/a\nb", "javascript:x", "/" * 500):
        assert client.get("/language", params={"to": "en", "back": target}).headers["location"] == "/"
        page = client.get("/sign-in", params={"next": target}).text
        assert 'name="next" value="/"' in page
    credentials = {"name": OPERATOR, "password": PASSWORD, "next": "//evil.example"}
    assert client.post("/sign-in", data=credentials).headers["location"] == "/"


def test_behind_a_proxy_the_host_is_checked_and_the_cookie_is_secure(database, clock, tmp_path):
    settings = settings_for(database, tmp_path, public_origin="https://watch.example.org")
    Register(database, clock).add_site("sunflower", "向日葵", "cn", "Asia/Shanghai")
    add_accounts(database, clock, "sunflower")
    with serving(load_server(settings), clock) as api:
        client = api.client()
        assert client.get("/sign-in").status_code == 421
        assert client.get("/healthz").status_code == 200
        assert client.get("/agent/v1/time").status_code == 200
        named = {"Host": "watch.example.org"}
        assert client.get("/sign-in", headers=named).headers["strict-transport-security"]
        credentials = {"name": OPERATOR, "password": PASSWORD}
        client.headers.pop("Sec-Fetch-Site")
        refused = client.post("/sign-in", data=credentials, headers=named)
        assert refused.status_code == 403
        answer = client.post("/sign-in", data=credentials, headers=named | {"Origin": "https://watch.example.org"})
        assert answer.status_code == 303
        assert answer.headers["set-cookie"].startswith("__Host-nightlight=")
        assert "secure" in answer.headers["set-cookie"].lower()


def test_every_answer_carries_the_guard(two_sites):
    client = two_sites.signed_in()
    for path in ("/sites/sunflower", "/api/v1/sites", "/nothing", "/sign-in", "/healthz", "/static/board.mjs"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        if not path.startswith("/static/"):
            assert headers["cache-control"] == "no-store"
        assert "server" not in headers


def test_a_large_body_is_refused_whether_or_not_it_says_its_size(two_sites):
    client = two_sites.client()
    for content in (b"x" * 70_000, iter([b"x" * 40_000, b"x" * 40_000])):
        answer = client.post("/agent/v1/upload-tickets", content=content)
        assert (answer.status_code, answer.json()["code"]) == (413, "oversized")


def test_what_is_refused_to_somebody_known_is_logged_without_their_name(two_sites, capfd):
    client = two_sites.signed_in()
    for path, status in (("/sites/other/board", 404), ("/statistics", 403)):
        assert client.get(path).status_code == status
    told = [line for line in "".join(capfd.readouterr()).splitlines() if "refused" in line]
    assert len(told) == 2
    assert all("facility_manager" in line and OPERATOR not in line and "other" not in line for line in told)


def test_a_client_that_hangs_up_hurts_nobody(two_sites):
    url = httpx.URL(two_sites.url)
    with socket.create_connection((url.host, url.port)) as raw:
        raw.sendall(b"POST /sign-in HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: none\r\nContent-Length: 500\r\n\r\nname=")
    assert two_sites.client().get("/healthz").status_code == 200
