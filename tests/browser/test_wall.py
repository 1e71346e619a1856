"""The duty room's screen in a real browser: worst first, a sound for a new alarm, and the truth after a restart and a sleep."""

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from config.settings.server import load_server
from storage.database.unit_of_work import Database
from tests.support.api import serving, settings_for
from tests.support.brokers import free_port
from tests.support.browser import OpenPage, keep
from tests.support.crawl import axe_of, faults_of
from tests.support.nursery import SITE
from tests.support.quarter import BUSY, PLAIN, Quarter

pytestmark = pytest.mark.usefixtures("browser")
HOUR_MS = 3_600_000
CHANGES = 500
HELD_BYTES_MAX = 500_000
STREAM = """
  const Stream = EventSource;
  window.EventSource = class extends Stream { constructor(...given) { super(...given); window.stream = this; } };
"""
CHANGE = """
  async ([times, boards]) => {
    const real = window.fetch;
    let turn = 0;
    window.fetch = async () => new Response(boards[turn % 2], { headers: { ETag: `"${turn += 1}"` } });
    for (let left = times; left > 0; left -= 1) {
      const renewed = new Promise((go) => document.addEventListener('renewed', go, { once: true }));
      stream.dispatchEvent(new MessageEvent('changed', { data: `${left} more` }));
      await renewed;
    }
    window.fetch = real;
  }
"""
"""What the server has answered is played back, so that hours pass in a second."""
AGAIN = """
  () => new Promise((go) => {
    document.addEventListener('renewed', () => go(), { once: true });
    window.dispatchEvent(new Event('online'));
  })
"""
RINGS = "window.rings = []; document.addEventListener('rang', (event) => window.rings.push(event.detail));"


@pytest.fixture
def quarter(tmp_path: Path, sqlite_template) -> Quarter:
    shutil.copy(sqlite_template, tmp_path / "nightlight.db")
    quarter = Quarter(Database(f"sqlite:///{tmp_path / 'nightlight.db'}"), sites=8, days=2, cameras=(6, 20)).fill()
    yield quarter
    quarter.database.close()


def signed_in(page: Page, quarter: Quarter, url: str, name: str) -> None:
    quarter.nursery.session(name)
    token = quarter.nursery.tokens[name]
    page.context.add_cookies([{"name": "nightlight", "value": token, "url": url, "sameSite": "Strict"}])


def first_site(page: Page) -> str:
    return page.locator(".wall-site").first.get_attribute("id")


@pytest.mark.parametrize(("name", "language", "width"), [("police", "zh-CN", 360), ("boss", "en", 3840)])
def test_everything_in_reach_worst_first_at_any_width(
    quarter, open_page: OpenPage, request, tmp_path, name, language, width
):
    quarter.ring(BUSY, kind="fire")
    with serving(load_server(settings_for(quarter.database, tmp_path)), quarter.nursery.clock) as api:
        page = open_page(language, width, 2160 if width == 3840 else 800)
        signed_in(page, quarter, api.url, name)
        page.goto(f"{api.url}/wall")
        assert first_site(page) == f"site-{BUSY}"
        reached = {one.get_attribute("id")[5:] for one in page.locator(".wall-site").all()}
        assert reached == {SITE, PLAIN, BUSY} if name == "boss" else {SITE, *quarter.site_ids()} <= reached
        expect(page.locator(".wall-alarm.urgent")).to_have_count(1)
        assert faults_of(page, language=language, width=width) == []
        assert axe_of(page) == []
        keep(request, page, f"wall-{language}-{width}")


def test_a_new_alarm_sounds_and_a_restart_and_a_sleep_end_in_the_truth(quarter, open_page: OpenPage, tmp_path):
    settings = load_server(settings_for(quarter.database, tmp_path, port=free_port()))
    page = open_page("en")
    page.clock.install()
    with serving(settings, quarter.nursery.clock, port=settings.api.port) as api:
        signed_in(page, quarter, api.url, "police")
        page.add_init_script(RINGS)
        page.goto(f"{api.url}/wall")
        sound = page.locator("#wall-sound")
        expect(sound).to_have_attribute("aria-pressed", "false")
        sound.click()
        expect(sound).to_have_attribute("aria-pressed", "true")
        quarter.ring(PLAIN, kind="intrusion")
        quarter.nursery.clock.advance(5)
        expect(page.locator(".wall-alarm")).to_have_count(1)
        assert page.evaluate("window.rings") == ["urgent"]
        elements = page.evaluate("document.querySelectorAll('*').length")
    # The server is gone: the page says so, aloud as well, and looks like nothing that is live.
    page.clock.run_for(5_000)
    expect(page.locator("#lost")).to_be_visible()
    assert page.evaluate("window.rings").count("lost") == 1
    quarter.ring(BUSY, kind="fire")
    quarter.nursery.clock.advance(60)
    with serving(settings, quarter.nursery.clock, port=settings.api.port):
        page.clock.run_for(30_000)
        expect(page.locator("#lost")).to_be_hidden()
        expect(page.locator(".wall-alarm")).to_have_count(2)
        # Asleep with the lid open: nobody tells the page, and until the server has spoken what it shows is of then.
        page.context.route("**/wall/*", lambda route: route.abort())
        page.clock.fast_forward(HOUR_MS)
        expect(page.locator("#lost")).to_be_visible()
        page.context.unroute("**/wall/*")
        page.clock.run_for(10_000)
        expect(page.locator("#lost")).to_be_hidden()
        # An hour of sleep: timers stand, the clock jumps, the stream is dead and nobody said so.
        page.context.set_offline(True)
        page.clock.fast_forward(HOUR_MS)
        quarter.ring(SITE, kind="water")
        quarter.nursery.clock.advance(3_600)
        page.context.set_offline(False)
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.clock.run_for(3_000)
        expect(page.locator(".wall-alarm")).to_have_count(3)
        expect(page.locator("#lost")).to_be_hidden()
        expect(page.locator("#wall-clock")).to_contain_text("11:01")  # the server's, not that of a machine set wrong
        # A stream that opens for nobody, and says nothing of it.
        page.context.route("**/wall/events", lambda _route: None)
        page.evaluate(AGAIN)
        quarter.ring(BUSY, kind="panic")
        quarter.nursery.clock.advance(5)
        page.clock.run_for(41_000)
        expect(page.locator(".wall-alarm")).to_have_count(4)
        grown = page.evaluate("document.querySelectorAll('*').length") - elements
        assert grown < 40, "two more alarms, and a sentence a site that is now unheard"


def test_hundreds_of_changes_leave_nothing_behind(quarter, open_page: OpenPage, tmp_path):
    """Elements, listeners and memory are what they were after the first ones."""
    with serving(load_server(settings_for(quarter.database, tmp_path)), quarter.nursery.clock) as api:
        page = open_page("en")
        signed_in(page, quarter, api.url, "police")
        page.add_init_script(STREAM)
        page.goto(f"{api.url}/wall")
        boards = [page.request.get(f"{api.url}/wall/board").text()]
        quarter.ring(BUSY, kind="fire")
        boards.append(page.request.get(f"{api.url}/wall/board").text())
        browser = page.context.new_cdp_session(page)
        browser.send("Performance.enable")

        def held() -> dict[str, float]:
            browser.send("HeapProfiler.collectGarbage")
            return {one["name"]: one["value"] for one in browser.send("Performance.getMetrics")["metrics"]}

        page.evaluate(CHANGE, [50, boards])
        before = held()
        page.evaluate(CHANGE, [CHANGES, boards])
        after = held()
        assert page.locator(".wall-alarm.urgent").count() == 1
        for what in ("Nodes", "JSEventListeners"):
            assert after[what] - before[what] < CHANGES / 10, what
        assert after["JSHeapUsedSize"] - before["JSHeapUsedSize"] < HELD_BYTES_MAX
