"""Every page that any reader can come to: nothing that axe finds wrong, nothing cut off, not a word in the wrong language."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from config.settings.server import load_server
from storage.database.unit_of_work import Database
from tests.support.api import RunningApi, serving, settings_for
from tests.support.crawl import Crawl, axe_of, faults_of
from tests.support.quarter import BUSY, PLAIN, Quarter

STARTS = {
    "": ("/sign-in", "/public", "/verify", "/nowhere"),
    "mum": ("/",),
    "police": ("/", "/compliance"),
    "boss": ("/",),
}
OTHERS = ("carer", "fitter", "health", "root")
MEANT = ("/stream/ws", "/nowhere", "status of 404")
"""No live server stands behind these pages; and nobody has such a page."""
LEAST_PAGES = 30


@pytest.fixture(scope="module")
def town(tmp_path_factory, sqlite_template) -> Iterator[tuple[Quarter, RunningApi]]:
    folder = tmp_path_factory.mktemp("town")
    shutil.copy(sqlite_template, folder / "nightlight.db")
    database = Database(f"sqlite:///{folder / 'nightlight.db'}")
    quarter = Quarter(database, sites=2, days=3, cameras=(4, 6)).fill()
    quarter.ring(PLAIN)
    quarter.ring(BUSY, kind="fire")
    with serving(load_server(settings_for(database, folder)), quarter.nursery.clock) as running:
        yield quarter, running
    database.close()


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("language", "scheme", "width", "rules"),
    [("zh-CN", "light", 360, ()), ("en", "dark", 1440, ("color-contrast",))],
    ids=["zh-CN", "en"],
)
def test_every_page_of_every_reader(town, browser: Browser, language, scheme, width, rules):
    """The second pass asks axe for what a language, a width and a colour scheme can change alone."""
    quarter, running = town
    faults, seen, known = [], [], set()
    for reader in (*STARTS, *OTHERS):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, locale=language, reduced_motion="reduce"
        )
        if reader:
            quarter.nursery.session(reader)
            token = quarter.nursery.tokens[reader]
            context.add_cookies([{"name": "nightlight", "value": token, "url": running.url, "sameSite": "Strict"}])
        crawl = Crawl(context.new_page(), running.url, known=known)
        for path in crawl.paths(*STARTS.get(reader, ("/me",))):
            seen.append(f"{reader} {path}")
            found = [*axe_of(crawl.page, *rules), *faults_of(crawl.page, language=language, width=width)]
            faults += [f"{reader} {path}: {fault}" for fault in found]
        faults += [f"{reader}: {said}" for said in crawl.heard if not any(word in said for word in MEANT)]
        context.close()
    assert len(seen) >= LEAST_PAGES, seen
    assert not faults, "\n".join(faults)
