"""Statistics of a region over HTTP: what is not known is unverified, and nobody counts what they may not see."""

import time
from datetime import timedelta
from io import BytesIO

import pytest
import typst
from python_calamine import CalamineWorkbook

from config.base.clock import US_PER_DAY
from server.domain.verdict import day_of
from server.reports.typeset import CHINESE_FONTS
from server.services.agents.authority import REPORTS, CertificateAuthority
from server.services.compliance.choose_pack import choose_pack
from server.services.registers.register import Register
from storage.database.models import Camera, Complaint, Site, Verdict
from tests.support.api import AUDITOR, OPERATOR, RunningApi, add_accounts

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
DAYS = 3


@pytest.fixture
def region(api: RunningApi, agent, clock) -> RunningApi:
    """Sunflower's first camera is in service for three days; one was covered, one was not, of one nothing is known."""
    database, now_us = api.parts.database, clock.utc_us()
    add_accounts(database, clock, "sunflower")
    Register(database, clock).add_site("boat", "=小船", "cn/yunnan", "Asia/Shanghai")
    today = day_of(now_us, "Asia/Shanghai")
    with database.unit_of_work() as session:
        for camera in session.query(Camera).filter_by(site_id="sunflower"):
            camera.activated_us = None
        camera.activated_us = now_us - DAYS * US_PER_DAY
        for back, status in ((0, "COMPLIANT"), (1, "UNVERIFIED"), (1, "COMPLIANT"), (2, "NON_COMPLIANT")):
            session.add(
                Verdict(
                    camera_id=camera.id,
                    day=(today - timedelta(days=back)).isoformat(),
                    status=status,
                    final=True,
                    expected_us=US_PER_DAY,
                    covered_us=US_PER_DAY if status == "COMPLIANT" else 0,
                    assessed_us=now_us,
                    gaps=b"[]",
                )
            )
            session.flush()
        told = {"told": "x", "by_phone": False, "received_us": now_us, "received_by": "lin", "due_us": now_us}
        session.add(Complaint(number="T20261121-0001", site_id="sunflower", **told))
        assert session.get_one(Site, "sunflower").region == "cn/sichuan/luzhou"
    return api


def test_a_month_is_counted_site_by_site(region: RunningApi) -> None:
    auditor = region.signed_in(AUDITOR)
    sites = {one["site_id"]: one for one in auditor.get("/api/v1/statistics").json()["sites"]}
    one = sites["sunflower"]
    assert (one["cameras"], one["status"], one["open_complaints"], one["open_cases"]) == (1, "NON_COMPLIANT", 1, 0)
    assert (one["compliant_days"], one["non_compliant_days"], one["unverified_days"]) == (1, 1, DAYS - 2)
    assert (one["covered_us"], one["expected_us"]) == (US_PER_DAY, DAYS * US_PER_DAY)
    assert (sites["boat"]["status"], sites["boat"]["expected_us"]) == ("UNVERIFIED", 0)
    assert [one["site_id"] for one in auditor.get("/api/v1/statistics?region=cn/yunnan").json()["sites"]] == ["boat"]
    past = auditor.get("/api/v1/statistics?month=2026-01&region=cn/sichuan").json()["sites"]
    assert (past[0]["status"], past[0]["unverified_days"]) == ("UNVERIFIED", 0)
    assert auditor.get("/api/v1/statistics?month=2026-13").status_code == 400


def test_it_is_a_page_and_a_file(region: RunningApi) -> None:
    auditor = region.signed_in(AUDITOR)
    page = auditor.get("/statistics").text
    assert "33.3%" in page
    assert "complaints: 1" in page
    assert auditor.get("/statistics?region=cn/nowhere").status_code == 200
    lines = auditor.get("/statistics/file").content.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("Site,Number,Region,Cameras")
    assert any(line.startswith("'=小船,boat,") for line in lines)
    book = CalamineWorkbook.from_filelike(BytesIO(auditor.get("/statistics/file?format=xlsx").content))
    assert {row[1] for row in book.get_sheet_by_index(0).to_python()[1:]} == {"sunflower", "boat"}


def test_a_facility_has_no_part_in_it(region: RunningApi) -> None:
    operator = region.signed_in(OPERATOR)
    for path in ("/statistics", "/statistics/file", "/api/v1/statistics"):
        assert operator.get(path).status_code == 403


@pytest.mark.skipif(
    not set(CHINESE_FONTS) & set(typst.Fonts().families()), reason="no font with Chinese characters on this machine"
)
def test_a_region_has_its_report_and_its_tables(region: RunningApi, monkeypatch) -> None:
    auditor, operator = region.signed_in(AUDITOR), region.signed_in(OPERATOR)
    month = auditor.get("/api/v1/statistics").json()["month"]
    assert "/statistics/reports" in auditor.get("/statistics").text
    for table in ("sites", "causes", "days", "orders"):
        told = auditor.get(f"/statistics/file?table={table}&month={month}")
        assert (told.status_code, told.headers["content-type"]) == (200, "text/csv; charset=utf-8"), table
        sheet = auditor.get(f"/statistics/file?table={table}&format=xlsx&region=cn/sichuan").content
        assert CalamineWorkbook.from_filelike(BytesIO(sheet)).sheet_names == [table]
    made = auditor.post("/statistics/reports?region=cn/sichuan", data={"month": month, "language": "en"})
    page = auditor.get("/statistics/reports?region=cn/sichuan")
    assert (made.status_code, page.status_code) == (503, 200)
    assert "server.admin init" in made.text, "nobody made a certificate"
    authority = CertificateAuthority.create(time.time_ns() // 1_000)
    pem = authority.issue_service(REPORTS, time.time_ns() // 1_000, authority.ends_us).encode()
    monkeypatch.setattr("server.report_parts._read", lambda _: pem)
    auditor.post("/statistics/reports?region=cn/sichuan", data={"month": month, "language": "en"})
    page = auditor.get("/statistics/reports?region=cn/sichuan")
    (line,) = auditor.get("/api/v1/statistics/reports?region=cn/sichuan").json()
    assert f"/statistics/reports/{line['id']}" in page.text
    file = auditor.get(f"/statistics/reports/{line['id']}")
    assert file.content.startswith(b"%PDF")
    assert f"cn-sichuan-{month}-en.pdf" in file.headers["content-disposition"]
    assert line["pdf_sha256"] in region.client().get(f"/verify/reports/{line['id']}").text
    again = auditor.post(
        "/api/v1/statistics/reports", json={"month": month, "region": "cn/sichuan", "language": "en"}
    ).json()
    assert again["id"] == line["id"]
    assert auditor.post("/statistics/reports", data={"month": "x", "language": "en"}).status_code == 400
    assert auditor.post("/api/v1/statistics/reports", json={"month": month, "language": "de"}).status_code == 400
    for path in ("/statistics/reports", f"/statistics/reports/{line['id']}", "/api/v1/statistics/reports"):
        assert operator.get(path).status_code in (403, 404), path


def test_the_tables_of_a_sites_report_go_out_as_files(region: RunningApi) -> None:
    client = region.signed_in(AUDITOR)
    for table in ("days", "causes", "gaps", "keeping"):
        assert (
            f"/sites/sunflower/reports/tables?month=2026-11&amp;table={table}"
            in client.get("/sites/sunflower/reports").text
        )
        file = client.get(f"/sites/sunflower/reports/tables?table={table}&format=xlsx")
        assert (file.status_code, file.headers["content-type"].endswith("sheet")) == (200, True)
    assert client.get("/sites/sunflower/reports/tables?month=2026-13").status_code == 400
    assert client.get("/sites/nowhere/reports/tables").status_code == 404


def test_rules_about_the_region_are_measured_or_unverified(region: RunningApi, clock) -> None:
    auditor, operator = region.signed_in(AUDITOR), region.signed_in(OPERATOR)
    choose_pack(region.parts.database, clock, "sunflower", "yuncheng")
    address = "/api/v1/statistics/rules?region=cn/sichuan"

    def told() -> dict[str, tuple[str, object]]:
        (pack,) = auditor.get(address).json()["packs"]
        return {one["metric"]: (one["status"], one.get("value")) for one in pack["outcomes"]}

    assert told() == {"joint_meetings": ("UNVERIFIED", 0), "inspection_levels": ("UNVERIFIED", 0)}
    today = auditor.get("/api/v1/agenda").json()["today"]
    for number in range(2):
        event = {"kind": "meeting", "day": today, "told": f"第{number}次", "region": "cn/sichuan"}
        made = auditor.post("/api/v1/agenda", json=event).json()["id"]
        assert auditor.post(f"/api/v1/agenda/{made}", json={"minutes": "x", "done_on": today}).status_code == 204
    assert told()["joint_meetings"] == ("COMPLIANT", 2)
    page = auditor.get("/statistics/rules?region=cn/sichuan").text
    assert "Rules about the region" in page
    assert "on fewer levels" in page
    choose_pack(region.parts.database, clock, "sunflower", "luzhou-longmatan")
    assert told() == {"inspection_results_published": ("UNVERIFIED", None), "site_ledger": ("UNVERIFIED", None)}
    with region.parts.database.unit_of_work() as session:
        site = session.get_one(Site, "sunflower")
        site.filing_status, site.filing_number = "filed", "川2026-1"
    assert told()["site_ledger"] == ("COMPLIANT", True)
    assert auditor.get("/api/v1/statistics/rules").json()["without_pack"] == 1
    assert operator.get(address).status_code in (403, 404)
