"""The page about keeping and evidence in a real browser, as people use it, without a script of its own."""

import zipfile
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from config.base.clock import US_PER_DAY, to_datetime
from config.base.timespan import Span
from config.evidence.entries import FootageDeleted, encode
from storage.database import ledger
from storage.database.models import DeletionRun
from tests.support.api import PASSWORD
from tests.support.browser import OpenPage, keep
from tests.support.custody import ALL, SECOND
from tests.support.sites import seconds

pytestmark = pytest.mark.usefixtures("browser")
LANGUAGES = ("zh-CN", "en")


def sign_in(page: Page, url: str, name: str) -> None:
    page.goto(url)
    page.locator("#name").fill(name)
    page.locator("#password").fill(PASSWORD)
    page.locator("main button[type=submit]").click()
    page.wait_for_url("**/sites/*")


def local(at_us: int) -> str:
    return f"{to_datetime(at_us).astimezone(ZoneInfo('Asia/Shanghai')):%Y-%m-%dT%H:%M}"


def seed(kept) -> None:
    """Holds in every state, a large deletion that waits, certificates and accesses."""
    now_us, holds = kept.clock.utc_us(), kept.api.parts.custody.holds
    span = Span(now_us - 3 * US_PER_DAY, now_us - 2 * US_PER_DAY)
    review_us = now_us + 30 * US_PER_DAY
    holds.place("sunflower", kept.camera_id, span, "Finger caught in a door, report 2026-118", "lin", review_us)
    asked = holds.place("sunflower", None, span, "公安机关调取，案号 2026-3391", "wang", review_us, by="lin")
    holds.request_lift(asked.id, "lin")
    lifted = holds.place("sunflower", None, span, "A complaint that was settled", "lin", review_us)
    holds.request_lift(lifted.id, "lin")
    holds.confirm_lift(lifted.id, "wang")
    holds.place("sunflower", kept.camera_id, span, "To be reviewed", "lin", now_us + seconds(1))
    kept.clock.advance(2)
    with kept.database.unit_of_work() as session:
        session.add(DeletionRun(asked_us=now_us, versions=41_230, of_versions=60_112))
        for number in range(3):
            entry = FootageDeleted(
                site_id="sunflower",
                at_us=now_us - number * US_PER_DAY,
                day=f"2026-08-{20 - number}",
                versions=23_040,
                size_bytes=512_345_678_901,
                segments_sha256="0" * 64,
                retained_days=90,
                confirmed_by=ALL if number else None,
            )
            ledger.add(session, "sunflower", "footage-deleted", entry.day, encode(entry))


def no_wider_than_the_window(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [360, 1440])
def test_everything_is_said_in_both_languages_on_a_telephone_too(kept, open_page: OpenPage, request, language, width):
    seed(kept)
    page = open_page(language, width=width)
    sign_in(page, kept.api.url, ALL)
    page.goto(f"{kept.api.url}/sites/sunflower/custody?said=placed&gone=3")
    assert page.locator("html").get_attribute("lang") == language
    for section in ("#deletion", "#export", "#holds", "#deletions", "#accesses"):
        expect(page.locator(section)).to_be_visible()
    assert no_wider_than_the_window(page)
    keep(request, page, f"custody-{language}-{width}")
    page.goto(f"{kept.api.url}/sites/sunflower")
    expect(page.locator("#todo a[href$='custody#holds']")).to_be_visible()
    keep(request, page, f"custody-board-{language}-{width}")


def test_two_people_lift_a_hold_that_one_of_them_placed(kept, open_page: OpenPage):
    lin, wang = open_page(java_script_enabled=False), open_page(java_script_enabled=False)
    sign_in(lin, kept.api.url, "lin")
    sign_in(wang, kept.api.url, SECOND)
    lin.goto(f"{kept.api.url}/sites/sunflower/custody")
    form = lin.locator("#hold")
    form.locator("[name=from]").fill(local(kept.begun_us - seconds(3_600)))
    form.locator("[name=to]").fill(local(kept.begun_us))
    form.locator("[name=reason]").fill("an accident")
    form.locator("[name=review]").fill(f"{datetime.now(ZoneInfo('Asia/Shanghai')).year + 1}-01-31")
    form.locator("button").click()
    expect(lin.locator("#said")).to_contain_text("The hold has been placed")
    lin.get_by_role("button", name="Ask to lift it").click()
    expect(lin.locator("#said")).to_contain_text("Somebody else has to confirm it")
    expect(lin.get_by_role("button", name="Confirm: lift it")).to_have_count(0)
    wang.goto(f"{kept.api.url}/sites/sunflower/custody")
    wang.get_by_role("button", name="Confirm: lift it").click()
    expect(wang.locator("#said")).to_contain_text("The hold has been lifted")


def test_a_package_is_downloaded(kept, open_page: OpenPage, tmp_path: Path):
    page = open_page(java_script_enabled=False, accept_downloads=True)
    sign_in(page, kept.api.url, "lin")
    page.goto(f"{kept.api.url}/sites/sunflower/custody")
    form = page.locator("#export form")
    form.locator("[name=from]").fill(local(kept.begun_us - seconds(120)))
    form.locator("[name=to]").fill(local(kept.begun_us))
    form.locator("[name=reason]").fill("inspection 17")
    with page.expect_download() as waiting:
        form.locator("button").click()
    waiting.value.save_as(tmp_path / "package.zip")
    with zipfile.ZipFile(tmp_path / "package.zip") as opened:
        assert "index.json" in opened.namelist()
