"""Rules and compliance over HTTP: a page in both languages, the same as JSON, a region's sites for whoever reaches them."""

import pytest

from server.services.compliance.keep_verdicts import ComplianceKeeper
from server.services.coverage.assess_day import Assessor
from server.services.registers.register import Register
from storage.database import models
from tests.support.api import AUDITOR, RunningApi, add_accounts
from tests.support.sites import POLICY

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
SITE = "/sites/sunflower/compliance"


@pytest.fixture
def lin(api: RunningApi, agent, clock):
    Register(api.parts.database, clock).add_site("other", "别处", "cn/yunnan", "Asia/Shanghai")
    add_accounts(api.parts.database, clock, "sunflower")
    return api.signed_in()


def give_pack(api: RunningApi, pack: str) -> None:
    with api.parts.database.unit_of_work() as session:
        session.get_one(models.Site, "sunflower").policy_pack = pack


def test_without_a_pack_the_page_says_so_and_how_to_choose_one(lin, api):
    page = lin.get(SITE)
    assert page.status_code == 200
    assert "No policy pack is set for this site." in page.text
    assert "90 days · by this server&#39;s setting" in page.text
    assert "compliance set-pack sunflower" in page.text
    assert lin.get(f"/api/v1{SITE}").json()["status"] is None
    give_pack(api, "gone-since")
    assert "is not part of this release" in lin.get(SITE).text


def test_each_rule_has_its_clause_what_was_measured_and_how_to_get_it_measured(lin, api):
    give_pack(api, "luzhou-longmatan")
    page = lin.get(SITE).text
    assert "longmatan" in page
    assert "read in the document itself" in page
    assert "90 days · by the policy pack" in page
    assert '<span class="chip non_compliant">Non-compliant</span>' in page
    assert "The register has no record of it." in page
    assert "<style" not in page
    assert "style=" not in page
    lin.headers["Accept-Language"] = "zh"
    page = lin.get(SITE).text
    for words in ("规则与合规", "泸州市龙马潭区", "强制", "要求", "测得", "台账中没有此项记录", "未能核实", "暂定"):
        assert words in page, words
    told = lin.get(f"/api/v1{SITE}").json()
    assert told["book"].startswith("luzhou-longmatan@")
    assert {outcome["status"] for outcome in told["outcomes"]} == {"COMPLIANT", "NON_COMPLIANT", "UNVERIFIED"}
    month = lin.get(f"/api/v1{SITE}?period={told['period'][:7]}").json()
    assert month["period"] == told["period"][:7]
    assert "整月" in page
    assert "今天" in lin.get(f"{SITE}?period={told['period'][:7]}").text


def test_bad_periods_and_other_peoples_sites(lin):
    assert lin.get(f"/api/v1{SITE}?period=yesterday").status_code == 400
    assert lin.get(f"{SITE}?period=2090-01-01").status_code == 400
    assert lin.get("/sites/other/compliance").status_code == 404
    assert lin.get("/api/v1/sites/other/compliance").status_code == 404


def test_an_authority_sees_its_sites_worst_first(lin, api, clock):
    give_pack(api, "luzhou-longmatan")
    keeper = ComplianceKeeper(api.parts.database, clock, Assessor(POLICY))
    assert keeper.keep_all() > 0
    auditor = api.signed_in(AUDITOR)
    page = auditor.get("/compliance")
    assert page.status_code == 200
    assert page.text.index("/sites/sunflower/compliance") < page.text.index("/sites/other/compliance")
    told = auditor.get("/api/v1/compliance?region=cn/sichuan").json()
    assert [site["site_id"] for site in told["sites"]] == ["sunflower"]
    assert auditor.get("/api/v1/compliance?region=cn/hunan").status_code == 404
    assert auditor.get(f"/api/v1/compliance?period={told['period'][:7]}").json()["sites"]
    assert "Verdicts on record" in auditor.get(SITE).text
    assert api.client(follow_redirects=False).get("/compliance").headers["location"].startswith("/sign-in")
