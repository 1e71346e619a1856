"""Operators make codes over HTTP; nobody else does."""

import pytest

from config.settings.server import load_server
from config.wire.codes import parse_code
from tests.support.api import AUDITOR, OPERATOR, PASSWORD, add_accounts, serving, settings_for
from tests.support.enrolment import write_authority

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
PATH = "/api/v1/sites/sunflower/agents/new-box/invitations"


@pytest.fixture
def console(database, clock, agent, tmp_path):
    file = settings_for(database, tmp_path)
    write_authority(tmp_path)
    add_accounts(database, clock, "sunflower")
    with serving(load_server(file), clock) as running:
        yield running


def test_an_operator_gets_a_code_once(console, clock):
    answer = console.signed_in().post(PATH)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["site_id"], made["agent_id"]) == ("sunflower", "new-box")
    assert made["expires_us"] == clock.utc_us() + 15 * 60 * 1_000_000
    assert parse_code(made["code"]).server_url.startswith("http://127.0.0.1")
    assert made["qr_svg"].startswith("<svg")
    assert "script" not in made["qr_svg"]
    assert answer.headers["cache-control"] == "no-store"
    assert console.client(auth=(OPERATOR, PASSWORD)).post(PATH).json()["code"] != made["code"]


def test_nobody_else_does(console):
    assert console.client().post(PATH).status_code == 401
    assert console.signed_in(AUDITOR).post(PATH).status_code == 403
    foreign = console.signed_in().post(PATH.replace("sunflower", "elsewhere"))
    assert (foreign.status_code, foreign.json()["code"]) == (404, "not_found")
    assert console.signed_in().post(PATH.replace("new-box", "Not A Slug")).status_code == 400
    crossing = console.signed_in()
    crossing.headers["Sec-Fetch-Site"] = "cross-site"
    assert crossing.post(PATH).status_code == 403


def test_a_server_without_an_authority_says_so(api):
    assert api.client().get("/agent/v1/authority").status_code == 503
    answer = api.client().post("/agent/v1/enrolments", content=b"{}")
    assert answer.json()["code"] == "malformed"
