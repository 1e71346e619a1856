"""The board in a real browser, as people use it: signing in, looking, and being told.

With ``--screenshots`` the pages are kept in tests/browser/screenshots; with ``--update-pictures`` the README's pictures
in deploy/pictures are made anew.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import cv2
import pytest
from playwright.sync_api import Page, expect

from config.base.clock import US_PER_S, SystemClock, from_datetime, to_datetime
from config.settings.server import load_server
from storage.database.unit_of_work import Database
from tests.support.api import (
    OPERATOR,
    PASSWORD,
    RunningApi,
    add_accounts,
    serving,
    settings_for,
)
from tests.support.brokers import free_port
from tests.support.browser import PATIENCE_MS, keep
from tests.support.clock import SimulatedClock
from tests.support.seeding import DAYCARE, Daycare, SeededSite, tell_the_day

pytestmark = pytest.mark.usefixtures("browser")
ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
AFTERNOON_US = from_datetime(datetime(2026, 11, 20, 15, 42, 8, tzinfo=ZoneInfo("Asia/Shanghai")))
PICTURES = Path(__file__).resolve().parents[2] / "deploy" / "pictures"
PICTURE_BYTES_MAX = 200_000


@pytest.fixture
def daycare(request: pytest.FixtureRequest) -> Daycare:
    return DAYCARE[getattr(request, "param", "en")]


@pytest.fixture(scope="module")
def afternoons(tmp_path_factory, sqlite_template) -> Iterator[Callable[[Daycare], RunningApi]]:
    """Afternoons that never pass, one for each language; who looks at them changes nothing but sessions."""
    running: dict[str, RunningApi] = {}
    with ExitStack() as closing:

        def afternoon(daycare: Daycare) -> RunningApi:
            if daycare.name not in running:
                folder = tmp_path_factory.mktemp("afternoon")
                shutil.copy(sqlite_template, folder / "nightlight.db")
                database = Database(f"sqlite:///{folder / 'nightlight.db'}")
                closing.callback(database.close)
                clock = SimulatedClock(AFTERNOON_US)
                tell_the_day(SeededSite(database, AFTERNOON_US, daycare).register(second=("hall",)))
                add_accounts(database, clock, daycare.site_id)
                settings = load_server(settings_for(database, folder))
                running[daycare.name] = closing.enter_context(serving(settings, clock))
            return running[daycare.name]

        yield afternoon


@pytest.fixture
def seeded(afternoons, daycare) -> RunningApi:
    return afternoons(daycare)


def sign_in(page: Page, url: str) -> None:
    page.goto(url)
    page.locator("#name").fill(OPERATOR)
    page.locator("#password").fill(PASSWORD)
    page.locator("main button[type=submit]").click()
    page.wait_for_url("**/sites/*")


@pytest.mark.parametrize("daycare", ["zh-CN", "en"], indirect=True)
def test_signing_in_and_the_board_in_both_languages(seeded, open_page, request, daycare):
    language = next(tag for tag, words in DAYCARE.items() if words is daycare)
    page = open_page(language)
    page.goto(seeded.url)
    assert page.locator("html").get_attribute("lang") == language
    keep(request, page, f"sign-in-{language}")
    page.locator("#name").fill(OPERATOR)
    page.locator("#password").fill("not the password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator("#name")).to_have_value(OPERATOR)
    expect(page.locator("#password")).to_be_focused()
    page.locator("#password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/sites/sunflower")
    expect(page.get_by_role("heading", level=1)).to_have_text(daycare.name)
    chips = page.locator(".chip").all_inner_texts()
    words = {
        "zh-CN": {"合规", "不合规", "未能核实", "等待中"},
        "en": {"Compliant", "Non-compliant", "Unverified", "Waiting"},
    }
    assert set(chips) == words[language]
    keep(request, page, f"board-{language}")
    other = "English" if language == "zh-CN" else "中文"
    page.get_by_role("link", name=other).click()
    assert page.locator("html").get_attribute("lang") != language
    assert page.url.endswith("/sites/sunflower")


@pytest.mark.parametrize("daycare", ["zh-CN", "en"], indirect=True)
def test_nothing_is_cut_off_at_any_width(seeded, open_page, request, daycare):
    language = next(tag for tag, words in DAYCARE.items() if words is daycare)
    page = open_page(language)
    sign_in(page, seeded.url)
    for width in (360, 720, 1280, 1440, 3840):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for name in page.locator(".who h3").all():
            box = name.bounding_box()
            assert box is not None
            assert box["width"] > 60, "a camera's name has room"
            assert box["height"] < 100, "a camera's name is not broken into letters"
        outside = page.evaluate(
            "[...document.querySelectorAll('.camera *')].filter(e => e.getBoundingClientRect().right"
            " > e.closest('.camera').getBoundingClientRect().right).map(e => e.outerHTML)"
        )
        assert not outside, "nothing stands out of its card"
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            shown = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (shown == "rgb(16, 20, 31)") == (scheme == "dark")
            keep(request, page, f"board-{language}-{width}-{scheme}")


def test_twice_the_size_still_fits(seeded, open_page):
    page = open_page(width=640, height=450, device_scale_factor=2)
    sign_in(page, seeded.url)
    assert page.evaluate("document.documentElement.scrollWidth") <= 640


def test_a_short_gap_can_be_seen_and_every_state_has_its_own_shape(seeded, open_page):
    page = open_page()
    sign_in(page, seeded.url)
    gap = page.locator("#camera-play-1 .day path.missing")
    assert page.evaluate("path => getComputedStyle(path).vectorEffect", gap.element_handle()) == "non-scaling-stroke"
    covered = page.locator("#camera-play-1 .day path.covered").bounding_box()
    missing = gap.bounding_box()
    assert covered is not None
    assert missing is not None
    assert missing["height"] > covered["height"]


def test_the_keyboard_reaches_everything(seeded, open_page):
    page = open_page()
    sign_in(page, seeded.url)
    page.goto(page.url)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator(".step").first).to_be_focused()


def test_a_page_without_scripts_is_whole_and_reloads_itself(seeded, open_page):
    page = open_page(java_script_enabled=False)
    sign_in(page, seeded.url)
    assert page.locator("ul.cameras > li").count() == 6
    assert page.locator('meta[http-equiv="refresh"]').get_attribute("content") == "60"
    page.get_by_role("link", name="The day before").click()
    page.wait_for_url("**?day=2026-11-19")
    assert page.locator("ul.cameras > li").count() == 6


@ON_SQLITE
def test_a_lost_connection_is_said_and_mended(database, tmp_path, open_page):
    clock = SystemClock()
    site = SeededSite(database, clock.utc_us(), DAYCARE["en"]).register()
    add_accounts(database, clock, site.daycare.site_id)
    port = free_port()
    settings = load_server(settings_for(database, tmp_path, port=port))
    page = open_page()
    with serving(settings, clock, port=port) as running:
        sign_in(page, running.url)
        expect(page.locator("#lost")).to_be_hidden()
    expect(page.locator("#lost")).to_be_visible()
    expect(page.locator("#lost")).to_contain_text("Shown as of")
    with serving(settings, clock, port=port):
        expect(page.locator("#lost")).to_be_hidden(timeout=PATIENCE_MS)


@ON_SQLITE
def test_a_gap_appears_by_itself_as_it_opens(database, tmp_path, open_page):
    with serving(load_server(settings_for(database, tmp_path)), SystemClock()) as running:
        page = open_page()
        # Told once everything runs: an agent that has said nothing for 45 s is silent, and a machine may be busy.
        now_us = SystemClock().utc_us()
        site = SeededSite(database, now_us, at_midday(now_us)).register()
        add_accounts(database, SystemClock(), site.daycare.site_id)
        site.secure("gate", now_us - 30 * 60 * US_PER_S, now_us - US_PER_S)
        site.beat(site.main, now_us - US_PER_S, {"gate": ("recording", site.began_us, now_us - US_PER_S)})
        sign_in(page, running.url)
        camera = page.locator("#camera-gate")
        expect(camera.locator(".chip")).to_have_text("Compliant")
        # Nothing on the page may wait for a reload: what comes, comes over the open stream.
        page.evaluate("window.untouched = true")
        opened_us = SystemClock().utc_us()
        site.condition("gate", "unreachable", opened_us)
        site.beat(site.main, opened_us, {"gate": ("unreachable", opened_us, opened_us)})
        # The last second before is still unproven, and being secured: the gap opens with the condition.
        expect(camera.locator(".condition")).to_contain_text("cannot be reached")
        expect(page.locator("#gaps tr.open")).to_contain_text("camera could not be reached")
        expect(camera.locator(".chip")).to_have_text("Non-compliant")
        expect(page.locator("#sentence")).to_contain_text("1 with gaps")
        assert page.evaluate("window.untouched")


def test_signing_out_in_one_tab_ends_the_other(seeded, open_page):
    page = open_page()
    sign_in(page, seeded.url)
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in*")


@pytest.mark.parametrize("daycare", ["zh-CN", "en"], indirect=True)
def test_the_readmes_pictures(seeded, open_page, request, daycare):
    """Also a test where they are not kept: the whole page must be there to be drawn."""
    language = next(tag for tag, words in DAYCARE.items() if words is daycare)
    page = open_page(language, width=1280, height=1180)
    sign_in(page, seeded.url)
    expect(page.locator(".legend")).to_be_visible()
    if request.config.getoption("--update-pictures"):
        file = PICTURES / f"board-{language.split('-')[0]}.png"
        PICTURES.mkdir(exist_ok=True)
        page.screenshot(path=file)
        # The browser writes quickly rather than small.
        cv2.imwrite(str(file), cv2.imread(str(file)), [cv2.IMWRITE_PNG_COMPRESSION, 9])
        assert file.stat().st_size < PICTURE_BYTES_MAX


def at_midday(now_us: int) -> Daycare:
    """A facility where it is about noon now, so that no test runs into midnight."""
    ahead = (12 - to_datetime(now_us).hour + 12) % 24 - 12
    zone = f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"
    plain = DAYCARE["en"]
    return Daycare(plain.site_id, plain.name, zone, {"gate": plain.cameras["gate"]})
