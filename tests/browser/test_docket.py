"""The docket, maintenance and notices in a real browser: they fit a telephone, and work without JavaScript."""

import pytest
from playwright.sync_api import Page, expect

from config.base.clock import US_PER_DAY
from server.services.compliance.choose_pack import choose_pack
from server.services.notices.escalate import Escalator
from storage.database.models import CaseAct, DocketCase, MaintenanceWindow, NoticeMessage, NoticeSubscription
from tests.support.api import AUDITOR, OPERATOR, PASSWORD, RunningApi, add_accounts
from tests.support.browser import OpenPage, keep
from tests.support.seeding import DAYCARE, SeededSite
from tests.support.sites import seconds

pytestmark = [pytest.mark.parametrize("database", ["sqlite"], indirect=True), pytest.mark.usefixtures("browser")]
SAY = {
    "zh-CN": ("配电箱跳闸，备用电源未接。", "提交说明", "已说明"),
    "en": ("The breaker tripped.", "Explain", "explained"),
}
OUTAGE, LOST, DONE = "a" * 32, "b" * 32, "c" * 32
INCIDENTS = "[aria-labelledby=incidents-title] .rows > li"


def seed(api: RunningApi, clock, language: str) -> None:
    SeededSite(api.parts.database, clock.utc_us(), DAYCARE[language]).register()
    add_accounts(api.parts.database, clock, "sunflower")
    choose_pack(api.parts.database, clock, "sunflower", "yongan")
    now_us = clock.utc_us()
    cameras = list(DAYCARE[language].cameras)
    cases = [
        *((OUTAGE, "agent_offline", one, "unexplained", -1, 5_000, None) for one in cameras),
        (LOST, "object_missing", "nap", "explained", 1, 90_000, 80_000),
        (DONE, "planned_maintenance", "gate", "signed_off", 1, 180_000, 170_000),
    ]
    with api.parts.database.unit_of_work() as session:
        for incident, cause, camera, status, due, start, end in cases:
            row = DocketCase(
                site_id="sunflower", camera_id=camera, incident_id=incident, cause=cause,
                start_us=now_us - seconds(start), end_us=now_us - seconds(end) if end else None,
                missing_us=seconds(start - (end or 0)), status=status, opened_us=now_us - seconds(start) - (due < 0) * US_PER_DAY,
                due_us=now_us + due * US_PER_DAY, owner=OPERATOR if status != "unexplained" else "",
                explained_by=OPERATOR if status != "unexplained" else "",
            )  # fmt: skip
            session.add(row)
            session.flush()
            session.add(
                CaseAct(
                    case_id=row.id, site_id="sunflower", at_us=row.opened_us, act="opened", start_us=row.start_us,
                    end_us=row.end_us, missing_us=row.missing_us, evidence="verdict:2026-11-21 drift:7",
                )
            )  # fmt: skip
        session.add(
            MaintenanceWindow(
                site_id="sunflower", start_us=now_us + US_PER_DAY, end_us=now_us + US_PER_DAY + seconds(7_200),
                reason="换交换机" if language == "zh-CN" else "New switch", declared_by=OPERATOR, declared_us=now_us,
            )
        )  # fmt: skip
        mine = NoticeSubscription(
            account_name=OPERATOR, site_id="sunflower", kinds="gap,alarm", channel="email", target="lin@example.org",
            language=language, quiet_from_min=1_320, quiet_until_min=390, escalate_to="auditor", escalate_min=30,
            created_us=now_us,
        )  # fmt: skip
        session.add(mine)
        session.flush()
        for number, state in enumerate(("sent", "unknown", "waiting")):
            session.add(
                NoticeMessage(
                    id=f"{number}" * 32, subscription_id=mine.id, account_name=OPERATOR, site_id="sunflower",
                    channel="email", urgent=False, events=6, kinds="gap", title="【小夜灯】向日葵托育园：录像缺口",
                    body="录像缺口：园内主机关闭或失去联系 × 6", link="https://watch.example.org/sites/sunflower",
                    made_us=now_us - seconds(number), due_us=now_us, state=state, attempts=1,
                    sent_us=now_us if state == "sent" else None, why="crashed" if state == "unknown" else "",
                )
            )  # fmt: skip
    assert Escalator(api.parts.database, clock).look() == 1


def look(request, page: Page, name: str, width: int) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    keep(request, page, name)


@pytest.mark.parametrize(("language", "width"), [("zh-CN", 360), ("en", 360), ("zh-CN", 1280), ("en", 1280)])
def test_an_incident_is_found_and_explained(api: RunningApi, clock, open_page: OpenPage, request, language, width):
    seed(api, clock, language)
    words, button, status = SAY[language]
    page = open_page(language, width, java_script_enabled=width == 1280)
    page.goto(api.url)
    page.locator("#name").fill(OPERATOR)
    page.locator("#password").fill(PASSWORD)
    page.locator("#password").press("Enter")
    page.wait_for_url("**/sites/*")
    page.goto(f"{api.url}/sites/sunflower/docket")
    expect(page.locator(INCIDENTS)).to_have_count(3)
    expect(page.get_by_text("escalated" if language == "en" else "已上报", exact=True)).to_have_count(1)
    look(request, page, f"docket-{language}-{width}", width)
    page.locator("#overdue").check()
    page.locator(".filter button").click()
    expect(page.locator(INCIDENTS)).to_have_count(1)
    page.locator(f"{INCIDENTS} h3 a").click()
    page.locator("textarea#explain").fill(words)
    page.get_by_role("button", name=button).click()
    expect(page.locator(".docket-head .chip").first).to_contain_text(status)
    expect(page.locator(".docket-words").first).to_have_text(words)
    look(request, page, f"docket-incident-{language}-{width}", width)
    page.goto(f"{api.url}/sites/sunflower/maintenance")
    look(request, page, f"maintenance-{language}-{width}", width)
    page.goto(f"{api.url}/notices")
    expect(page.locator("#passed-title + ul > li")).to_have_count(1)
    look(request, page, f"notices-{language}-{width}", width)
    page.context.clear_cookies()
    page.goto(api.url)
    page.locator("#name").fill(AUDITOR)
    page.locator("#password").fill(PASSWORD)
    page.locator("#password").press("Enter")
    page.goto(f"{api.url}/sites/sunflower/docket/{OUTAGE}")
    page.locator("#orders summary").click()
    page.locator(f"#told-{OUTAGE}").fill(words)
    look(request, page, f"docket-order-{language}-{width}", width)
    page.locator("#orders button").click()
    expect(page.locator("[id^=order-]")).to_contain_text(words)
    look(request, page, f"docket-ordered-{language}-{width}", width)
