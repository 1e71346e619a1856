"""No network, a server that restarts, an hour of sleep: no page looks live that is not, nothing typed is lost, then the truth."""

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from config.settings.server import load_server
from storage.database.unit_of_work import Database
from tests.support.api import serving, settings_for
from tests.support.brokers import free_port
from tests.support.browser import OpenPage, keep
from tests.support.crawl import axe_of
from tests.support.nursery import SITE
from tests.support.quarter import Quarter

pytestmark = pytest.mark.usefixtures("browser")
HOUR_MS = 3_600_000
TOLD = "一张通知，还没有写完"
IS_AS_THE_SERVER_SAYS = """
async () => {
  const board = document.getElementById("board");
  const answer = await fetch(`${board.dataset.path}/board${board.dataset.query}`);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").body;
  return [...fresh.children].every((one, place) => one.isEqualNode(board.children[place]));
}
"""


@pytest.fixture
def quarter(tmp_path: Path, sqlite_template) -> Quarter:
    shutil.copy(sqlite_template, tmp_path / "nightlight.db")
    quarter = Quarter(Database(f"sqlite:///{tmp_path / 'nightlight.db'}"), sites=2, days=2, cameras=(4, 6)).fill()
    yield quarter
    quarter.database.close()


def signed_in(page: Page, quarter: Quarter, url: str, name: str) -> None:
    quarter.nursery.session(name)
    token = quarter.nursery.tokens[name]
    page.context.add_cookies([{"name": "nightlight", "value": token, "url": url, "sameSite": "Strict"}])


def test_a_form_without_a_network_and_a_room_that_closes(quarter, open_page: OpenPage, request, tmp_path):
    settings = load_server(settings_for(quarter.database, tmp_path, port=free_port()))
    desk, phone = open_page("zh-CN", 360), open_page("en", 360)
    with serving(settings, quarter.nursery.clock, port=settings.api.port) as api:
        signed_in(desk, quarter, api.url, "boss")
        desk.goto(f"{api.url}/sites/{SITE}/complaints")
        field = desk.locator("main form textarea").last
        field.fill(TOLD)
        expect(desk.locator("#away")).to_be_hidden()
        desk.context.set_offline(True)
        expect(desk.locator("#away")).to_contain_text("没有网络")
        desk.evaluate("(form => { form.noValidate = true; form.requestSubmit(); })([...document.forms].at(-1))")
        expect(desk.locator("#away")).to_contain_text("您填写的内容还在这里")
        expect(field).to_have_value(TOLD)
        assert axe_of(desk) == []
        keep(request, desk, "away-zh-CN-360")
        desk.context.set_offline(False)
        expect(desk.locator("#away")).to_be_hidden()

        phone.clock.install()
        signed_in(phone, quarter, api.url, "mum")
        phone.goto(f"{api.url}/live")
        expect(phone.locator(".is-live")).to_have_count(1)
        phone.locator("details").first.evaluate("one => { one.open = true; }")
        quarter.nursery.clock.advance(8 * 3_600)
        phone.clock.run_for(61_000)
        expect(phone.locator(".is-live")).to_have_count(0)
        expect(phone.locator("details[open]")).to_have_count(1)
    phone.clock.run_for(61_000)
    expect(phone.locator("#away")).to_be_visible()
    with serving(settings, quarter.nursery.clock, port=settings.api.port):
        phone.clock.run_for(61_000)
        expect(phone.locator("#away")).to_be_hidden()


def test_every_live_page_survives_a_restart_and_a_sleep_and_shows_the_truth(quarter, open_page: OpenPage, tmp_path):
    settings = load_server(settings_for(quarter.database, tmp_path, port=free_port()))
    first = open_page("en")
    first.context.clock.install()
    with serving(settings, quarter.nursery.clock, port=settings.api.port) as api:
        signed_in(first, quarter, api.url, "boss")
        first.goto(f"{api.url}/sites/{SITE}/audit")
        first.fill("#seed", "three dice")
        with first.expect_navigation():
            first.locator("#samples").press("Enter")
        assert "/audits/" in first.url
        pages = {"deep": first}
        for name, path in (("board", ""), ("setup", "/setup"), ("audit", "/audit")):
            pages[name] = first.context.new_page()
            pages[name].goto(f"{api.url}/sites/{SITE}{path}")
    for name, page in pages.items():
        page.clock.run_for(6_000)
        expect(page.locator("#lost"), name).to_be_visible()
    quarter.ring(SITE, kind="fire")
    quarter.nursery.clock.advance(60)
    with serving(settings, quarter.nursery.clock, port=settings.api.port):
        for name, page in pages.items():
            page.clock.run_for(30_000)
            expect(page.locator("#lost"), name).to_be_hidden()
        expect(pages["board"].locator("#alarms")).to_contain_text("Fire")
        first.context.set_offline(True)
        first.clock.fast_forward(HOUR_MS)
        quarter.nursery.clock.advance(3_600)
        first.context.set_offline(False)
        for name, page in pages.items():
            page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
            page.clock.run_for(3_000)
            expect(page.locator("#lost"), name).to_be_hidden()
            assert page.evaluate(IS_AS_THE_SERVER_SAYS), name
