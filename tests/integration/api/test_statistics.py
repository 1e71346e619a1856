"""Statistics of a region over HTTP: what is not known is unverified, and nobody counts what they may not see."""

from datetime import timedelta
from io import BytesIO

import pytest
from python_calamine import CalamineWorkbook

from config.base.clock import US_PER_DAY
from server.domain.verdict import day_of
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
