"""A director's day, and a mother's, in the browser: by what stands on the pages, whatever language they speak."""

import re
import time
from typing import TYPE_CHECKING

import cv2
import numpy as np
from playwright.sync_api import Locator, Page, expect

from benchmarks.drills._harbour import CAMERA_USER, CAMERAS, Harbour

if TYPE_CHECKING:
    from benchmarks.drills.journeys import Visitor

DESK, TELEPHONE = (1440, 1000), (360, 740)
PLACES = {
    "zh-CN": (("太阳班活动室", "activity"), ("大门", "entrance")),
    "en": (("Sun room", "activity"), ("Gate", "entrance")),
}
CLASS_NAME = {"zh-CN": "太阳班", "en": "Sun class"}
EXPLAINED = {"zh-CN": "换插座，断电半分钟", "en": "The socket was changed, half a minute without power"}
REPAIRED = {"zh-CN": "插座已换好，已接不间断电源", "en": "The socket is new, and has a battery now"}
GUARDIAN, CHILD, CARER, SECRET = "g-1", "c-1", "s-1", "a-lamp-beside-the-window"
MINUTE_MS, FOUND_S, CASE_S = 300_000, 90.0, 420.0
DARK_S = 25.0
PLAYING = "() => document.querySelector('nightlight-player')?.figures.frames > 15"
ENDED = "() => document.querySelector('nightlight-player').figures.state === 'ended'"


def sign_in(page: Page, address: str, name: str, password: str) -> None:
    """By password, as anybody does."""
    page.goto(f"{address}/sign-in")
    page.locator("#name").fill(name)
    page.locator("#password").fill(password)
    page.locator("main form[action='/sign-in'] button").click()
    page.wait_for_url(re.compile(r"^(?!.*sign-in)"))


class Director:
    """Sets the facility up, looks at it in the morning, answers for a gap, lets guardians in."""

    def __init__(self, visitor: "Visitor", house: Harbour) -> None:
        self._visitor, self._house = visitor, house
        self._places = PLACES[visitor.language]
        self.page = visitor.open(DESK)

    def sets_up(self) -> None:
        """From an empty site to the first verified minute of each of its cameras."""
        sign_in(self.page, self._house.stack.address, self._house.manager, self._house.password)
        self.page.locator(".ways a[href$='/setup']").click()
        self.page.wait_for_url("**/setup")
        self._visitor.see(self.page, "setup-empty")
        self._draws_the_floor()
        self._lets_the_box_in()
        self._gives_each_camera_its_place()
        self.page.goto(f"{self._house.url}/setup")
        self.page.locator("form[action$='/setup/test'] button").click()
        expect(self.page.locator("#step-minute")).to_have_class(re.compile("done"), timeout=MINUTE_MS)
        self._visitor.see(self.page, "setup-first-minute")

    def _draws_the_floor(self) -> None:
        page, picture = self.page, self._house.folder.parent / f"{self._house.site_id}-floor.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(_floor())
        page.locator("#step-places a.button").first.click()
        page.locator("#floor-name").fill("1")
        page.locator("#floor-file").set_input_files(picture)
        page.locator("form:has(#floor-file) button[type=submit]").click()
        for name, kind in self._places:
            page.locator("#zone-name").fill(name)
            page.locator("#zone-kind").select_option(kind)
            page.locator("form[action$='/zones'] button").click()
            page.locator(".loose.kind-zone", has_text=name).get_by_role("button").click()
            expect(self._marker(name)).to_be_visible()

    def _marker(self, name: str) -> Locator:
        return self.page.locator(f".marker.kind-zone[data-name='{name}']")

    def _lets_the_box_in(self) -> None:
        page = self.page
        page.goto(f"{self._house.url}/boxes")
        page.locator("#agent").fill(self._house.agent_id)
        page.locator("form[action$='/boxes/codes'] button").click()
        self._visitor.see(page, "setup-code")
        self._house.enters(page.locator(".code-words code").first.inner_text())

    def _gives_each_camera_its_place(self) -> None:
        page = self.page
        found = page.locator(".loose.found")
        for left, (place, _kind) in zip(range(len(CAMERAS), 0, -1), self._places, strict=True):
            self._opens_until("plan", found, left, FOUND_S)
            if left == len(CAMERAS):
                # Spread out, so that each is dropped on the place that is meant.
                self._drag(self._marker(place).locator(".dot-mark"), page.locator(".plan-frame"), (-260, -120))
            found.first.scroll_into_view_if_needed()
            page.wait_for_function("() => document.querySelector('.loose.found img')?.naturalWidth > 0")
            self._visitor.see(page, f"setup-plan-{left}")
            self._drag(found.first.locator("h3"), self._marker(place).locator(".dot-mark"), (4, 4))
            page.wait_for_url("**/cameras/new?**")
            expect(page.locator("#zone option:checked")).to_contain_text(place)
            page.locator("#name").fill(place)
            page.locator("#username").fill(CAMERA_USER)
            page.locator("#password").fill(self._house.camera_password)
            page.locator("#camera-form > .actions button").click()
            page.wait_for_url(re.compile("/plan"))

    def _opens_until(self, name: str, things: Locator, count: int, within_s: float) -> None:
        """Looks at a page of the site again and again, until so many things are there."""
        deadline = time.monotonic() + within_s
        while self.page.goto(f"{self._house.url}/{name}") and things.count() < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {within_s:.0f} s for {count} things on the page {name}")
            time.sleep(2)

    def _drag(self, held: Locator, to: Locator, beside: tuple[int, int]) -> None:
        held.scroll_into_view_if_needed()
        start, end = held.bounding_box(), to.bounding_box()
        if start is None or end is None:
            raise AssertionError("what is to be dragged cannot be seen")
        mouse = self.page.mouse
        mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
        mouse.down()
        x, y = end["x"] + end["width"] / 2 + beside[0], end["y"] + end["height"] / 2 + beside[1]
        mouse.move(x - 30, y - 30, steps=4)
        mouse.move(x, y, steps=4)
        mouse.up()

    def sees_a_gap(self) -> None:
        """A camera goes dark: the board says so by itself, and later that it is back."""
        page = self.page
        page.goto(self._house.url)
        expect(page.locator(".camera")).to_have_count(len(CAMERAS))
        gaps = page.locator("td .ongoing, .camera.verdict-non_compliant, .camera.verdict-unverified")
        self._house.simulator.switch(CAMERAS[1], "off")
        try:
            expect(gaps.first).to_be_visible(timeout=90_000)
            self._visitor.see(page, "board-gap")
            time.sleep(DARK_S)
        finally:
            self._house.simulator.switch(CAMERAS[1], "on")

    def explains(self) -> None:
        """The gap has become a case: it is explained, and what was repaired is told."""
        page = self.page
        cases = page.locator("main .rows h3 a[href*='/docket/']")
        self._opens_until("docket?status=unexplained", cases, 1, CASE_S)
        cases.first.click()
        page.locator("#explain").fill(EXPLAINED[self._visitor.language])
        page.locator("form[action$='/explain'] button").click()
        page.locator("#repair").fill(REPAIRED[self._visitor.language])
        page.locator("form[action$='/repair'] button").click()
        expect(page.locator(".docket-history")).to_contain_text(REPAIRED[self._visitor.language])
        self._visitor.see(page, "docket-explained")

    def repairs(self) -> None:
        """Answers the order."""
        page = self.page
        page.goto(f"{self._house.url}/inspections")
        order = page.locator("li[id^=order-]")
        order.locator("summary").click()
        order.locator("form[action$='/repaired'] [name=told]").fill(REPAIRED[self._visitor.language])
        order.locator("form[action$='/repaired'] button").click()
        expect(order).to_contain_text(REPAIRED[self._visitor.language])

    def invites(self) -> tuple[str, str]:
        """Classes, a child by a pseudonym and its guardian from files; then a link and a code."""
        page, site = self.page, self._house.site_id
        page.goto(f"{self._house.url}/plan")
        room = self._marker(self._places[0][0]).get_attribute("data-id")
        for table, text in (
            ("classes", f"site,class,name,kind,zone\n{site},sun,{CLASS_NAME[self._visitor.language]},mixed,{room}\n"),
            ("children", f"site,child,class\n{site},{CHILD},sun\n"),
            ("guardians", f"site,guardian,children\n{site},{GUARDIAN},{CHILD}\n"),
            ("staff", f"site,staff,name,role\n{site},{CARER},{CARER},carer\n"),
        ):
            page.goto(f"{self._house.url}/registers")
            page.locator("#file").set_input_files(
                {"name": f"{table}.csv", "mimeType": "text/csv", "buffer": text.encode()}
            )
            page.locator("#table").select_option(table)
            page.locator("form[action$='/registers/check'] button").click()
            page.locator("form[action$='/registers'] button").click()
            expect(page.get_by_role("status").first).to_be_visible()
        page.goto(f"{self._house.url}/people")
        page.locator("#mode").select_option("consented")
        page.locator("#hours").fill(
            "mon-sun 00:00-24:00" if self._visitor.language == "en" else "周一至周日 00:00-24:00"
        )
        page.locator("form[action$='/people/mode'] button").click()
        page.locator(f"li:has(#paper-staff-{CARER}) summary").click()
        page.locator(f"#paper-staff-{CARER}").fill("A-7")
        page.locator(f"form:has(#paper-staff-{CARER}) button").click()
        page.locator("form[action$='/people/invitations'] button").first.click()
        link, code = page.locator(".code-words code").all_inner_texts()
        return link, code

    def approves(self) -> None:
        """After the guardian has opened an account."""
        self.page.goto(f"{self._house.url}/people")
        self.page.locator("form[action$='/people/approvals'] button").click()
        self._visitor.see(self.page, "people")

    def darkens(self) -> None:
        """One tap, for everybody."""
        self.page.goto(f"{self._house.url}/today")
        self.page.locator("button[value=nap]").first.click()
        expect(self.page.locator("button[value=lift]")).to_be_visible()


class Mother:
    """At work, with a telephone."""

    def __init__(self, visitor: "Visitor", house: Harbour) -> None:
        self._visitor, self._house = visitor, house
        self._page = visitor.open(TELEPHONE)

    def watches(self, director: Director) -> None:
        """From the invitation to the nap, and then who looked."""
        page, address = self._page, self._house.stack.address
        link, code = director.invites()
        page.goto(link)
        page.locator("#code").fill(code.lower())
        page.locator("#name").fill(f"{self._house.site_id}-mum")
        page.locator("#password").fill(SECRET)
        page.locator("main form[action='/join'] button").click()
        page.wait_for_url(re.compile(r"^(?!.*/join)"))
        director.approves()
        page.goto(f"{address}/my/consents")
        page.locator("button[name=says][value=yes]").click()
        page.goto(address)
        self._visitor.see(page, "parent-home")
        page.locator("main a[href*='/live/']").first.click()
        page.wait_for_function(PLAYING)
        before = page.evaluate("() => document.querySelector('nightlight-player video').currentTime")
        page.wait_for_timeout(500)
        if page.evaluate("() => document.querySelector('nightlight-player video').currentTime") <= before:
            raise AssertionError("the picture stands still")
        self._visitor.see(page, "parent-live")
        director.darkens()
        page.wait_for_function(ENDED)
        page.goto(f"{address}/my/looks")
        expect(page.locator("main .rows li").first).to_contain_text(PLACES[self._visitor.language][0][0])
        self._visitor.see(page, "parent-looks")


def _floor() -> bytes:
    """A drawing of two rooms and a corridor."""
    image = np.full((480, 800, 3), 250, np.uint8)
    for left, top, right, bottom in ((20, 20, 380, 300), (400, 20, 780, 300), (20, 320, 780, 460)):
        cv2.rectangle(image, (left, top), (right, bottom), (60, 60, 60), 3)
    return bytes(cv2.imencode(".png", image)[1])
