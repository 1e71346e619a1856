"""Inspection draws over HTTP, and the same draw worked out again from the file that the page hands out."""

import json
import sys
from pathlib import Path

import pytest

from server.admin.__main__ import main
from server.services.registers.register import Register
from tests.support.api import AUDITOR, OPERATOR, RunningApi, add_accounts

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
SOURCE, SEED = "numbers of the lottery", "03 14 15 92"


@pytest.fixture
def two_sites(api: RunningApi, agent, clock) -> RunningApi:
    add_accounts(api.parts.database, clock, "sunflower")
    Register(api.parts.database, clock).add_site("boat", "小船", "cn/sichuan/luzhou", "Asia/Shanghai")
    return api


def test_an_authority_draws_and_anybody_draws_again(two_sites: RunningApi, tmp_path: Path, monkeypatch, capsys) -> None:
    auditor = two_sites.signed_in(AUDITOR)
    order = {
        "region": "cn/sichuan",
        "level": "1",
        "sites": "2",
        "inspectors": "1",
        "team": AUDITOR,
        "seed_source": SOURCE,
    }
    refused = auditor.post("/draws", data=order | {"inspectors": "2"})
    assert (refused.status_code, SOURCE in refused.text) == (400, True)
    made = auditor.post("/draws", data=order).headers["location"]
    assert SOURCE in auditor.get(made).text
    listed = tmp_path / "list.txt"
    listed.write_bytes(auditor.get(f"{made}/list").content)
    assert auditor.post(made, data={"seed": SEED}).status_code == 303
    assert auditor.post(made, data={"seed": "another"}).status_code == 409
    told = auditor.get(f"/api/v1{made}").json()
    assert told["seed"] == SEED
    monkeypatch.setattr(sys, "argv", ["server.admin", "draw", "again", str(listed), "--seed", SEED])
    capsys.readouterr()  # what the server has logged so far
    assert main() == 0
    again = capsys.readouterr().out.splitlines()
    assert again[0] == f"# SHA-256 {told['list_sha256']} · 2 个园所 · sites"
    assert again[1:] == [f"{one['number']} {one['site_id']} {one['stratum']} {AUDITOR}" for one in told["drawn"]]
    listed.write_bytes(listed.read_bytes().replace(b"\n", b"\r\n"))
    assert (main(), "download it anew" in capsys.readouterr().err) == (1, True), "an editor has changed its lines' ends"


def test_scripts_do_the_same_and_facilities_see_nothing_of_it(two_sites: RunningApi) -> None:
    auditor, operator = two_sites.signed_in(AUDITOR), two_sites.signed_in(OPERATOR)
    order = {"region": "cn/sichuan", "seed_source": SOURCE, "team": [AUDITOR], "inspectors": 1}
    assert auditor.post("/api/v1/draws", content=b"{}").status_code == 400
    made = auditor.post("/api/v1/draws", content=json.dumps(order))
    path = f"/api/v1/draws/{made.json()['id']}"
    assert made.status_code == 201
    assert [one["id"] for one in auditor.get("/api/v1/draws").json()] == [made.json()["id"]]
    for answer in (
        operator.get("/api/v1/draws"),
        operator.get(path),
        operator.post(path, content=json.dumps({"seed": SEED})),
        operator.post("/api/v1/draws", content=json.dumps(order)),
        operator.get(path.removeprefix("/api/v1") + "/list"),
    ):
        assert answer.status_code == 403
    drawn = auditor.post(path, content=json.dumps({"seed": SEED})).json()["drawn"]
    assert [one["inspectors"] for one in drawn] == [[AUDITOR]]
