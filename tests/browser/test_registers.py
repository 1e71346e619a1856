"""The registers' page in a real browser: a file is chosen, corrected, confirmed; it fits a telephone."""

import pytest
from playwright.sync_api import expect

from tests.support.api import OPERATOR, PASSWORD, RunningApi, add_accounts
from tests.support.browser import OpenPage, keep

pytestmark = [pytest.mark.parametrize("database", ["sqlite"], indirect=True), pytest.mark.usefixtures("browser")]
BUTTONS = {"zh-CN": ("先检查", "确认导入", "导入完成"), "en": ("Look at it first", "Do it", "It is done")}
HEAD = "场所编号,名称,场所类型,必须覆盖\n"
BAD = HEAD + "hall,,走廊,是\nwc,一层卫生间,卫生间,是\nyard,院子,操场,是\n"
GOOD = HEAD + "hall,大走廊,走廊,否\nyard,院子,室外活动场地,是\n"


@pytest.mark.parametrize(("language", "width"), [("zh-CN", 360), ("en", 360), ("zh-CN", 1280), ("en", 1280)])
def test_a_file_is_corrected_and_confirmed(
    api: RunningApi, agent, clock, open_page: OpenPage, request, language, width
):
    add_accounts(api.parts.database, clock, "sunflower")
    look, do, done = BUTTONS[language]
    page = open_page(language, width)
    page.goto(api.url)
    page.locator("#name").fill(OPERATOR)
    page.locator("#password").fill(PASSWORD)
    page.locator("main button[type=submit]").click()
    page.wait_for_url("**/sites/*")
    page.goto(f"{api.url}/sites/sunflower/registers")
    for text, name in ((BAD, "faults"), (GOOD, "summary")):
        file = {"name": "场所.csv", "mimeType": "text/csv", "buffer": text.encode("gbk")}
        page.locator("#file").set_input_files([file])
        page.locator("#table").select_option("zones")
        page.get_by_role("button", name=look).click()
        expect(page.locator(f"#{name}-title")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        keep(request, page, f"registers-{name}-{language}-{width}")
    page.get_by_role("button", name=do).click()
    expect(page.get_by_role("status")).to_contain_text(done)
    keep(request, page, f"registers-{language}-{width}")
