"""Chromium through Playwright: the machine's own, never a download. Tests skip, with the reason, where there is none.

``--screenshots`` keeps pictures of what the browser tests see; ``--update-pictures`` makes the README's pictures anew.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
]
SCREENSHOTS = Path(__file__).resolve().parents[1] / "browser" / "screenshots"
PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)

OpenPage = Callable[..., Page]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", action="store_true", help="keep pictures in tests/browser/screenshots")
    parser.addoption("--update-pictures", action="store_true", help="make deploy/pictures anew")


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    """One browser a file, whose event loop ends with it; each test opens contexts of its own."""
    executable = next((found for name in CHROMIUM_NAMES if (found := shutil.which(name))), None)
    if executable is None:
        pytest.skip(f"no browser on this machine: none of {', '.join(CHROMIUM_NAMES)} is on the PATH")
    playwright: Playwright = request.getfixturevalue("playwright")
    launched = playwright.chromium.launch(executable_path=executable, args=FLAGS)
    yield launched
    launched.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens pages that fail the test on any script error and on anything the content policy refused."""
    contexts, faults = [], []

    def open_one(language: str = "en", width: int = 1440, height: int = 900, scheme: str = "light", **options) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, locale=language, **options
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not faults


def keep(request: pytest.FixtureRequest, page: Page, name: str) -> None:
    """A picture of the whole page, where pictures are asked for."""
    if request.config.getoption("--screenshots"):
        SCREENSHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
