"""An auditor's way in a real browser, from the region to an exported package, by keyboard where it is quickest.

Region and search → ranking → calendar → day → an hour → a minute with its proof → a look on record → an order → a package.
"""

import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from config.base.clock import US_PER_MINUTE, US_PER_S
from config.base.ids import fresh_id
from server.domain.verdict import day_of
from storage.database.models import Camera, DocketCase, Segment
from tests.support.api import AUDITOR, PASSWORD
from tests.support.browser import OpenPage, keep

pytestmark = pytest.mark.usefixtures("browser")
MINUTE = "**/playback/*?at=*"
ZONE = "Asia/Shanghai"
ORDER = "给主机换电源 a new power supply"


def sign_in(page: Page, url: str) -> None:
    page.goto(f"{url}/sign-in?next=%2Fcompliance")
    page.locator("#name").fill(AUDITOR)
    page.locator("#password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/compliance")


@pytest.fixture
def first(kept) -> Segment:
    """The first of five recordings; an hour before it is a gap with an incident. Everything is in the ledger."""
    with kept.database.unit_of_work() as session:
        segment = session.query(Segment).order_by(Segment.start_us).first()
        camera = session.get_one(Camera, kept.camera_id)
        camera.activated_us = segment.start_us - 60 * US_PER_MINUTE
        session.add(
            DocketCase(
                site_id="sunflower", camera_id=kept.camera_id, incident_id=fresh_id(), cause="agent_offline",
                start_us=camera.activated_us, end_us=segment.start_us, missing_us=US_PER_S, status="unexplained",
                opened_us=1, due_us=kept.clock.utc_us(),
            )
        )  # fmt: skip
    kept.keeper.number_all()
    kept.keeper.checkpoint("sunflower")
    return segment


def find_the_site(page: Page) -> None:
    """From the region by its search to the site's calendar."""
    expect(page.locator(".tree [aria-current]")).to_be_visible()
    page.locator("#q").fill("nobody-of-that-name")
    page.keyboard.press("Enter")
    expect(page.locator(".empty")).to_be_visible()
    page.locator("#q").fill("SUNFL")
    page.keyboard.press("Enter")
    expect(page.locator(".rank > li")).to_have_count(1)
    assert "q=SUNFL" in page.url, "what was searched stands in the address"


def find_a_minute(page: Page, camera_id: str) -> None:
    """On a day: an hour by the keyboard, a minute of it by a click."""
    lane = page.locator(f'[data-camera="{camera_id}"] .lane-day')
    expect(lane.locator("path.unverified, path.missing").first).to_be_attached()
    assert lane.get_attribute("aria-label")
    page.locator(".hours a.bad, .hours a.unsure").last.press("Enter")
    page.wait_for_url("**/days/*?hour=*")
    box = lane.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.4, box["y"] + box["height"] / 2)
    page.wait_for_url(MINUTE)
    assert int(page.url.partition("at=")[2]) % US_PER_MINUTE == 0, "a click leads to a whole minute"


def play(page: Page, first: Segment) -> None:
    """A minute with its proof, and the look that costs a reason."""
    expect(page.locator("#proof")).to_contain_text("nightlight.example")
    expect(page.locator("#proof")).to_contain_text(first.sha256)
    page.locator("#reason").fill("巡查 inspection 17")
    page.keyboard.press("Enter")
    expect(page.locator("#video")).to_be_visible()
    source = page.locator("#video").get_attribute("src") or ""
    begin, _, end = source.partition("#t=")[2].partition(",")
    assert first.id in source
    assert 0 <= float(begin) < float(end) <= 60, "exactly this minute"


def order_rectification(page: Page) -> None:
    """In a minute that is a gap."""
    page.locator("#docket summary").press("Enter")
    page.locator("#docket [name=told]").fill(ORDER)
    page.locator("#docket [name=due]").fill("2099-01-31")
    page.locator("#docket button[type=submit]").press("Enter")
    page.wait_for_url("**/docket/*#order-*")
    expect(page.locator("[id^=order-]").get_by_text(ORDER).first).to_be_visible()


@pytest.mark.parametrize(("language", "width"), [("zh-CN", 1440), ("en", 360)])
def test_from_the_region_to_the_exported_package(
    kept, first, open_page: OpenPage, request, tmp_path: Path, language, width
):
    page = open_page(language, width, accept_downloads=True)
    name = f"auditor-{language}-{width}"
    camera, day = f"{kept.api.url}/sites/sunflower/playback/{kept.camera_id}", day_of(first.start_us, ZONE).isoformat()

    def seen(what: str) -> None:
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), what
        keep(request, page, f"{name}-{what}")

    sign_in(page, kept.api.url)
    find_the_site(page)
    seen("region")
    page.locator(".rank h3 a").press("Enter")
    page.wait_for_url("**/sites/sunflower/calendar")
    seen("calendar")
    page.locator(f'.month a[href$="/days/{day}"]').press("Enter")
    page.wait_for_url(f"**/days/{day}")
    seen("day")
    find_a_minute(page, kept.camera_id)
    page.goto(f"{camera}?at={first.start_us}")
    play(page, first)
    seen("minute")
    page.goto(f"{camera}?at={first.start_us - 30 * US_PER_MINUTE}")
    seen("gap")
    order_rectification(page)
    page.goto(f"{camera}?at={first.start_us}")
    page.locator("#export [name=reason]").fill("案号 2026-3391")
    with page.expect_download() as waiting:
        page.locator("#export button[type=submit]").press("Enter")
    waiting.value.save_as(tmp_path / "package.zip")
    with zipfile.ZipFile(tmp_path / "package.zip") as opened:
        assert "index.json" in opened.namelist()


def test_without_scripts_the_form_leads_to_the_minute(kept, first, open_page: OpenPage):
    page = open_page("en", java_script_enabled=False)
    sign_in(page, kept.api.url)
    day = day_of(first.start_us, ZONE).isoformat()
    page.goto(f"{kept.api.url}/sites/sunflower/days/{day}")
    page.locator("#at").press("ArrowUp")
    page.get_by_role("button", name="Go to this minute").click()
    page.wait_for_url(MINUTE)
    expect(page.locator("#state .chip").first).to_be_visible()
