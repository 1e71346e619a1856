"""The registers over HTTP: look first, then do; nobody else's site; what is wrong comes back on the page."""

import re

import pytest

from server.services.registers.register import Register
from storage.database import models
from tests.support.api import AUDITOR, RunningApi, add_accounts

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
SITE = "/sites/sunflower"
GOOD = "场所编号,名称,场所类型\nhall,<b>大厅</b>,走廊\n".encode("gbk")
BAD = b"zone,name,kind\nhall,,corridor\nx y,X,moon\n"


@pytest.fixture
def lin(api: RunningApi, agent, clock):
    Register(api.parts.database, clock).add_site("other", "别处", "cn/yunnan", "Asia/Shanghai")
    add_accounts(api.parts.database, clock, "sunflower")
    return api.signed_in()


def sent(client, data: bytes, site: str = SITE):
    return client.post(f"{site}/registers/check", files={"file": ("zones.csv", data)}, data={"table": "zones"})


def test_a_file_is_looked_at_then_confirmed(lin, database):
    page = sent(lin, GOOD)
    assert page.status_code == 200
    assert "1 added, 0 changed" in page.text
    assert "<b>大厅" not in page.text
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    with database.reading() as session:
        assert session.get(models.Zone, ("sunflower", "hall")) is None
    changed = lin.post(f"{SITE}/registers", data=fields | {"fingerprint": "0" * 64})
    assert changed.status_code == 409
    assert "Something has changed" in changed.text
    done = lin.post(f"{SITE}/registers", data=fields)
    assert done.headers["location"] == f"{SITE}/registers?done=1"
    assert "It is done" in lin.get(done.headers["location"]).text
    with database.reading() as session:
        assert session.get_one(models.Zone, ("sunflower", "hall")).kind == "corridor"
    assert "already" in sent(lin, GOOD).text
    assert lin.post(f"{SITE}/registers", data=fields | {"packed": "!"}).status_code == 400
    assert lin.post(f"{SITE}/registers", data={}).status_code == 400


def test_faults_come_back_row_by_row_in_the_readers_language(lin):
    page = sent(lin, BAD)
    assert page.status_code == 422
    assert "Places · row 2 · column name" in page.text
    assert "row 3 · column kind" in page.text
    assert 'name="packed"' not in page.text
    lin.headers["Accept-Language"] = "zh"
    assert "场所 · 第 2 行 · “名称”列" in sent(lin, BAD).text
    assert "没有收到文件" in lin.post(f"{SITE}/registers/check", data={"table": "zones"}).text
    broken = lin.post(
        f"{SITE}/registers/check", content=b"--x", headers={"Content-Type": "multipart/form-data; boundary=y"}
    )
    assert broken.status_code == 400
    assert sent(lin, b"x" * 3_200_000).status_code == 413
    assert sent(lin, b"x,y\n" * 600_000).status_code in (413, 422)


def test_files_go_out_and_scripts_send_them_in(lin, api):
    book = lin.get(f"{SITE}/registers/file")
    assert book.content.startswith(b"PK")
    text = lin.get(f"/api/v1{SITE}/registers?table=zones&format=csv").text
    assert "nap" in text
    assert lin.get(f"{SITE}/registers/template").content.startswith(b"PK")
    url = f"/api/v1{SITE}/registers"
    looked = lin.post(f"{url}?table=zones", content=GOOD).json()
    assert (looked["tables"][0]["added"], looked["done"]) == (1, False)
    assert lin.post(f"{url}?table=zones&apply=yes", content=GOOD).json()["done"]
    wrong = lin.post(f"{url}?table=zones&apply=yes", content=BAD)
    assert wrong.status_code == 422
    assert wrong.json()["faults"][0]["column"] == "name"


def test_nobody_elses_site_and_auditors_only_look(lin, api):
    for path in ("registers", "registers/file", "registers/template"):
        assert lin.get(f"/sites/other/{path}").status_code == 404
    assert sent(lin, GOOD, "/sites/other").status_code == 404
    assert lin.post("/sites/other/registers", data={}).status_code in (400, 404)
    assert lin.post("/api/v1/sites/other/registers?table=zones", content=GOOD).status_code == 404
    auditor = api.signed_in(AUDITOR)
    assert auditor.get(f"{SITE}/registers").status_code == 403
    assert auditor.post(f"/api/v1{SITE}/registers?table=zones&apply=yes", content=GOOD).status_code == 403
    assert auditor.get(f"/api/v1{SITE}/registers?table=zones&format=csv").status_code == 200
    assert auditor.get(f"/api/v1{SITE}/registers?table=children&format=csv").status_code == 404
    assert api.client().get(f"{SITE}/registers").headers["location"].startswith("/sign-in")
