"""An auditor gives a seed and watches the audit run, without touching the page again."""

import pytest
from playwright.sync_api import expect

from config.settings.server import load_server
from server.services.audit.audit_deep import DeepAuditor
from tests.support.api import AUDITOR, PASSWORD, add_accounts, serving, settings_for
from tests.support.browser import keep
from tests.support.clock import SimulatedClock, present_us
from tests.support.footage import RULES, FootageSite

pytestmark = [pytest.mark.parametrize("database", ["sqlite"], indirect=True), pytest.mark.usefixtures("browser")]
PATIENCE_MS = 30_000


@pytest.mark.parametrize(("language", "found"), [("zh-CN", "这段录像是黑屏"), ("en", "This recording is black")])
def test_an_auditor_gives_the_seed_and_watches(database, any_object_store, browser, request, tmp_path, language, found):
    clock = SimulatedClock(present_us())
    site = FootageSite(database, any_object_store.evidence, clock).add("sound").add("black")
    add_accounts(database, clock, "sunflower")
    with serving(load_server(settings_for(database, tmp_path)), clock) as api:
        context = browser.new_context(viewport={"width": 360, "height": 800}, locale=language)
        context.set_default_timeout(PATIENCE_MS)
        page, faults = context.new_page(), []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"{api.url}/sites/sunflower/audit")
        page.locator("#name").fill(AUDITOR)
        page.locator("#password").fill(PASSWORD)
        page.locator("main button[type=submit]").click()
        page.locator("#seed").fill("3 5 6")
        page.locator("#samples").fill("9")
        page.locator("main form button[type=submit]").click()
        page.wait_for_url("**/audits/*")
        auditor = DeepAuditor(database, any_object_store.evidence, clock, RULES)
        while auditor.step():
            pass
        expect(page.locator("#samples")).to_contain_text(found, timeout=PATIENCE_MS)
        expect(page.locator("progress")).to_have_attribute("value", "2")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        keep(request, page, f"audit-deep-{language}-360")
        page.goto(f"{api.url}/sites/sunflower/audit")
        expect(page.locator("#deep li")).to_have_count(1)
        keep(request, page, f"audit-{language}-360")
        context.close()
    assert not faults
    assert site.seconds_covered() == 24
