"""An officer's way in the browser: region, site, day, minute, proof, order, package, challenge."""

import re
import time
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from benchmarks.drills._director import DESK, sign_in
from benchmarks.drills._harbour import Harbour
from config.base.errors import IntegrityViolation
from deploy.local.evidence import judged

if TYPE_CHECKING:
    from benchmarks.drills.journeys import Visitor

ORDER = {"zh-CN": "给大门摄像头换电源", "en": "Give the camera at the gate another power supply"}
REASON = "巡查 inspection 17"
SEED = "4 6 1"
LOOKED_MS = 120_000


class Officer:
    """Sees every facility, and needs no manual."""

    def __init__(self, visitor: "Visitor", house: Harbour) -> None:
        self._visitor, self._house = visitor, house
        self._page = visitor.open(DESK)
        self._minute = ""

    def plays_the_minute(self) -> None:
        """From the region by a search to a gap and to a minute that was secured; that one is played, with its proof."""
        page, auditor = self._page, self._house.stack.auditor
        sign_in(page, self._house.stack.address, auditor.name, auditor.password)
        page.goto(f"{self._house.stack.address}/compliance")
        page.locator("#q").fill(self._house.name)
        page.keyboard.press("Enter")
        expect(page.locator(".rank > li")).to_have_count(1)
        self._visitor.see(page, "officer-region")
        page.locator(".rank h3 a").press("Enter")
        page.wait_for_url(re.compile("/calendar"))
        self._visitor.see(page, "officer-calendar")
        page.locator(".month a[aria-current=date]").press("Enter")
        page.wait_for_url(re.compile("/days/"))
        self._visitor.see(page, "officer-day")
        self._finds_a_secured_minute()
        expect(page.locator("#proof")).to_contain_text(re.compile("[0-9a-f]{64}"))
        page.locator("#reason").fill(REASON)
        page.keyboard.press("Enter")
        page.wait_for_function("() => document.querySelector('#video')?.readyState >= 2")
        self._visitor.see(page, "officer-minute")

    def _finds_a_secured_minute(self) -> None:
        """Clicks into the last hour of a lane, then goes back minute by minute."""
        page = self._page
        page.locator(".hours a").last.press("Enter")
        page.wait_for_url(re.compile("hour="))
        lane = page.locator(".lane-day").first
        box = lane.bounding_box()
        if box is None:
            raise AssertionError("there is no lane to click on")
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.wait_for_url(re.compile("/playback/"))
        now_us = time.time_ns() // 1_000
        camera = page.url.partition("?")[0]
        for minutes in range(2, 30):
            page.goto(f"{camera}?at={(now_us // 60_000_000 - minutes) * 60_000_000}")
            if page.locator("#state .chip.compliant").count():
                self._minute = page.url
                return
        raise AssertionError("no minute of the last half hour is secured")

    def orders_and_exports(self) -> None:
        """The incident of the gap gets an order; the minute leaves as a package that anybody can check."""
        page = self._page
        page.goto(f"{self._house.url}/docket")
        page.locator("main .rows h3 a[href*='/docket/']").first.click()
        page.locator("#orders summary").last.click()
        page.locator("#orders form[action$='/orders'] [name=told]").fill(ORDER[self._visitor.language])
        page.locator("#orders form[action$='/orders'] button").click()
        expect(page.locator("main")).to_contain_text(ORDER[self._visitor.language])
        self._visitor.see(page, "officer-order")
        page.goto(self._minute)
        page.locator("#export [name=reason]").fill(REASON)
        package = self._house.folder.parent / f"{self._house.site_id}.zip"
        with page.expect_download() as waiting:
            page.locator("#export button[type=submit]").press("Enter")
        waiting.value.save_as(package)
        if not judged(package, self._house.stack.layout.signing_key.with_suffix(".pub.pem"))["segments"]:
            raise IntegrityViolation("the package holds no recording")

    def closes(self) -> None:
        """Looks at what was repaired, and closes the order."""
        page = self._page
        page.goto(f"{self._house.url}/inspections")
        order = page.locator("li[id^=order-]")
        order.locator("summary").click()
        order.locator("form[action$='/acts'] [name=told]").fill(REASON)
        order.locator("form[action$='/acts'] button[value=passed]").click()
        expect(page.locator("li[id^=order-] .chip.compliant")).to_be_visible()
        self._visitor.see(page, "officer-order-closed")

    def challenges(self) -> None:
        """Names a seed, watches the samples being looked at, reads the bound."""
        page = self._page
        page.goto(f"{self._house.url}/audit")
        page.locator("#seed").fill(SEED)
        page.locator("#samples").fill("5")
        page.locator("form[action$='/audits'] button").first.click()
        page.wait_for_url(re.compile("/audits/"))
        progress = page.locator("progress.deep-progress")
        expect(progress).to_have_attribute("value", "5", timeout=LOOKED_MS)
        expect(page.locator("#samples tbody tr")).to_have_count(5)
        expect(page.locator("#samples .chip.non_compliant")).to_have_count(0)
        self._visitor.see(page, "officer-challenge")
