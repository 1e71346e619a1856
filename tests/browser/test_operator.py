"""A director sets a site up in one sitting, and sees in the morning what is wrong: in a real browser."""

import re
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from config.settings.server import load_server
from server.services.registers.register import Register
from storage.database.models import AccessRecord, PlanPoint
from storage.database.scope import Scope
from tests.browser.test_setup import BOX_KEY, SERVER_KEY, pem, sign_in, tell_of_one
from tests.integration.services.test_acceptance import record
from tests.support.api import OPERATOR, PASSWORD, RunningApi, add_accounts, serving, settings_for
from tests.support.browser import OpenPage, keep
from tests.support.clock import SimulatedClock, present_us
from tests.support.enrolment import write_authority

pytestmark = [pytest.mark.parametrize("database", ["sqlite"], indirect=True), pytest.mark.usefixtures("browser")]
WIDTHS = (360, 1440)
LONG = "三楼东侧靠楼梯口的大班多功能活动室（含图书角与午睡区）"


def floor() -> bytes:
    """A drawing of a floor: four rooms and a corridor."""
    image = np.full((700, 1_000, 3), 255, np.uint8)
    for left, top, right, bottom in (
        (30, 30, 480, 300),
        (520, 30, 970, 300),
        (30, 400, 480, 670),
        (520, 400, 970, 670),
    ):
        cv2.rectangle(image, (left, top), (right, bottom), (60, 60, 60), 6)
    return bytes(cv2.imencode(".png", image)[1])


@pytest.fixture
def console(database, clock, agent, tmp_path) -> Iterator[RunningApi]:
    """A site with places and a box that has found three cameras."""
    file = settings_for(database, tmp_path)
    write_authority(tmp_path)
    add_accounts(database, clock, agent.site_id)
    register = Register(database, clock)
    register.add_agent(agent.site_id, agent.agent_id, agent.signer.public_pem + pem(BOX_KEY))
    register.add_zone(agent.site_id, "toilet-1", "小卫生间", "toilet")
    register.add_zone(agent.site_id, "activity-1", LONG, "activity")
    for number in range(3):
        tell_of_one(agent, clock, number)
    agent.say(agent.heartbeat())
    with serving(load_server(file), clock) as api:
        api.parts.discovered._key = SERVER_KEY
        yield api


def look(request: pytest.FixtureRequest, page: Page, name: str) -> None:
    """Fits a telephone and a desk; kept as pictures."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
        keep(request, page, f"operator-{name}-{width}")


def drag(page: Page, held: Locator, to: Locator, beside: tuple[int, int] = (0, 0)) -> None:
    """With the mouse, as a hand does it."""
    held.scroll_into_view_if_needed()
    start, end = held.bounding_box(), to.bounding_box()
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + 20)
    page.mouse.down()
    x, y = end["x"] + end["width"] / 2 + beside[0], end["y"] + end["height"] / 2 + beside[1]
    page.mouse.move(x - 30, y - 30, steps=4)
    page.mouse.move(x, y, steps=4)
    page.mouse.up()


def points(database) -> dict[str, tuple[int, int]]:
    with database.reading() as session:
        return {row.subject_id: (row.x, row.y) for row in session.scalars(select(PlanPoint))}


@pytest.fixture
def clock():
    """Locks are judged by the store's own clock, so this one starts at the machine's."""
    return SimulatedClock(present_us())


def test_a_site_is_set_up_in_one_sitting(
    console, open_page: OpenPage, request, database, agent, clock, any_object_store, tmp_path
):
    picture = tmp_path / "floor.png"
    picture.write_bytes(floor())
    page = open_page()
    sign_in(page, console.url)
    site = f"{console.url}/sites/sunflower"
    page.goto(f"{site}/setup")
    look(request, page, "setup-empty-en")
    page.locator("#step-places a.button").first.click()
    page.locator("#floor-name").fill("Ground floor")
    page.locator("#floor-file").set_input_files(picture)
    page.get_by_role("button", name="Upload").click()
    for name in (LONG, "小卫生间"):
        page.locator(".loose", has_text=name).get_by_role("button").click()
    page.locator("#places input[name=name]").fill("门厅")
    page.get_by_role("button", name="Add the place").click()
    page.wait_for_url("**/plan#places")

    before = points(database)
    marker = page.locator(".marker[data-id=activity-1]")
    drag(page, marker.locator(".dot-mark"), page.locator(".plan-frame"), (150, -120))
    expect(page.locator("#plan-said")).to_contain_text("was moved")
    assert points(database)["activity-1"] != before["activity-1"]
    marker.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#plan-said")).to_contain_text(LONG)
    look(request, page, "plan-en")

    page.set_viewport_size({"width": 1440, "height": 2400})
    drag(page, page.locator(".loose.found", has_text="EC-100").locator("h3"), marker.locator(".dot-mark"), (25, 30))
    page.wait_for_url("**/cameras/new?**")
    expect(page.get_by_label("The place that it looks into")).to_have_value("activity-1")
    page.get_by_label("Name of the camera").fill("大门")
    page.get_by_role("button", name="Add the camera").click()
    page.wait_for_url("**/sunflower/plan")
    expect(page.locator(".marker.kind-camera")).to_have_attribute("aria-label", re.compile("大门"))
    look(request, page, "plan-with-camera-en")

    page.goto(f"{console.url}/language?to=zh-CN&back=/sites/sunflower/setup")
    page.get_by_role("button", name="开始验收").click()
    page.wait_for_url("**/setup#step-test")
    clock.advance(90)
    record(agent, any_object_store, database, clock, length_s=70)
    clock.advance(2)
    nap_room = page.locator("#step-test .test > li", has_text="午睡室 1")
    expect(nap_room).to_have_class("done", timeout=30_000)
    expect(nap_room.locator(".marks .seen")).to_have_count(6)
    expect(page.locator("#step-minute")).to_contain_text("2 台摄像头中有 1 台")
    look(request, page, "setup-first-minute-zh-CN")


def test_a_form_that_is_sent_after_the_session_ended_is_still_there(console, open_page: OpenPage, request):
    page = open_page("zh-CN", java_script_enabled=False)
    sign_in(page, console.url)
    page.goto(f"{console.url}/sites/sunflower/plan")
    page.locator("#places input[name=name]").fill(LONG)
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    console.parts.sign_in.close_session(cookies[console.parts.gate.cookie_name])
    page.get_by_role("button", name="添加这个场所").click()
    page.wait_for_url("**/sign-in?next=%2Fkept")
    page.locator("#name").fill(OPERATOR)
    page.locator("#password").fill(PASSWORD)
    page.locator("main form[action='/sign-in'] button").click()
    page.wait_for_url("**/kept")
    expect(page.locator(".kept")).to_contain_text(LONG)
    look(request, page, "kept-zh-CN")
    page.get_by_role("button", name="现在发送").click()
    page.wait_for_url("**/sunflower/*#places")
    expect(page.locator("main")).to_contain_text(LONG)


def test_pictures_are_shown_when_somebody_asks_and_each_look_is_recorded_once(
    console, open_page: OpenPage, database, agent, clock
):
    console.parts.camera_pictures.put(Scope(OPERATOR, "facility_manager"), "sunflower", "nap-room", floor())
    page = open_page()
    sign_in(page, console.url)
    page.goto(f"{console.url}/sites/sunflower")
    expect(page.locator("#todo")).to_be_visible()
    assert page.locator(".still").count() == 0
    page.get_by_role("link", name="Show each camera's newest picture").click()
    expect(page.locator(".still img")).to_have_js_property("naturalWidth", 1_000)
    before = page.locator("#board").inner_text()
    clock.advance(70)
    agent.say(agent.heartbeat())
    page.wait_for_function("before => document.getElementById('board').innerText !== before", arg=before)
    with database.reading() as session:
        (look_record,) = session.scalars(select(AccessRecord))
        assert (look_record.account_name, look_record.subject) == (OPERATOR, "camera_picture")
