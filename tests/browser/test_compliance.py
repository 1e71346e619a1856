"""Rules and compliance in a real browser: it fits a telephone and says without colour alone how each rule came out."""

import pytest
from playwright.sync_api import expect

from config.base.clock import US_PER_DAY
from server.services.compliance.keep_verdicts import ComplianceKeeper
from server.services.coverage.assess_day import Assessor
from storage.database import models
from tests.support.api import AUDITOR, PASSWORD, RunningApi, add_accounts
from tests.support.browser import OpenPage, keep
from tests.support.sites import POLICY

pytestmark = [pytest.mark.parametrize("database", ["sqlite"], indirect=True), pytest.mark.usefixtures("browser")]


@pytest.mark.parametrize(("language", "width"), [("zh-CN", 360), ("en", 1280)])
def test_rules_clause_by_clause_and_a_region(
    api: RunningApi, agent, clock, open_page: OpenPage, request, language, width
):
    database = api.parts.database
    add_accounts(database, clock, "sunflower")
    with database.unit_of_work() as session:
        session.get_one(models.Site, "sunflower").policy_pack = "luzhou-longmatan"
        session.get_one(models.Camera, "nap-room").activated_us = clock.utc_us() - US_PER_DAY
        for number, role in enumerate(("guard", "carer", "carer")):
            session.add(models.Staff(site_id="sunflower", id=f"s{number}", name="某", role=role, banned=False))
    ComplianceKeeper(database, clock, Assessor(POLICY)).keep_all()
    page = open_page(language, width)
    page.goto(api.url)
    page.locator("#name").fill(AUDITOR)
    page.locator("#password").fill(PASSWORD)
    page.locator("main button[type=submit]").first.click()
    page.wait_for_url("**/sites/*")
    page.goto(f"{api.url}/compliance")
    expect(page.locator(".counts .chip").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    keep(request, page, f"compliance-region-{language}-{width}")
    page.locator("main a[href*='/sites/sunflower/compliance']").click()
    expect(page.locator("#rules-title")).to_be_visible()
    mark = page.locator(".chip.non_compliant").first
    assert mark.evaluate("element => getComputedStyle(element, '::before').content") == '"✕"'
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    keep(request, page, f"compliance-{language}-{width}")
