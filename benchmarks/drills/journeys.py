"""The three journeys, each to its end, in a real browser against the running demonstration, in both languages.

    python3 dev.py drill journeys [--json] [--languages zh-CN,en] [--pictures FOLDER]

A director sets a new facility up in one sitting (floor plan, places, code, a real agent that enrols with it and finds its cameras,
camera to place, acceptance test, first verified minute), explains a gap, lets a guardian in and blanks the room; a mother opens her
account, consents, watches, is cut off and sees who looked; an officer goes from the region to the minute, plays it, orders
rectification, challenges the store and exports a package that ``nightlight-verify`` takes for genuine. Exits non-zero where a
journey does not come to its end, where a page overflows, throws an error or breaks its content policy.
"""

import argparse
import os
import shutil
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

from benchmarks.drills._director import Director, Mother
from benchmarks.drills._harbour import Harbour
from benchmarks.drills._officer import Officer
from benchmarks.report import Report
from config.base.errors import NightlightError
from deploy.local.commands import CACHE
from deploy.local.stack import Stack
from tests.support.browser import CHROMIUM_NAMES, FLAGS

LANGUAGES = ("zh-CN", "en")
PATIENCE_MS = 60_000
DESK, TELEPHONE = (1440, 900), (360, 740)


class Visitor:
    """Opens pages in one browser, notes what goes wrong in any of them, and keeps pictures where somebody wants them."""

    def __init__(self, browser: Browser, language: str, pictures: Path | None) -> None:
        self.faults: list[str] = []
        self.language = language
        self._browser = browser
        self._pictures = pictures

    def open(self, size: tuple[int, int]) -> Page:
        """A page of somebody who was never here."""
        context = self._browser.new_context(
            viewport={"width": size[0], "height": size[1]}, locale=self.language, accept_downloads=True
        )
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: {error}"))
        page.on("console", lambda said: self.faults.append(said.text) if "Security Policy" in said.text else None)
        return page

    def see(self, page: Page, name: str) -> None:
        """Looks at a page as it is: it fits its window, and is kept as a picture."""
        page.wait_for_load_state()
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            self.faults.append(f"{name}: wider than its window")
        if self._pictures is not None:
            self._pictures.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=self._pictures / f"{name}-{self.language}.png", full_page=True)


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    options = _parser().parse_args(argv)
    report = Report("journeys", figures={"load": round(os.getloadavg()[0], 1)})
    signal.signal(signal.SIGTERM, _interrupt)
    expect.set_options(timeout=PATIENCE_MS)
    stack = Stack(CACHE / "journeys")
    with ExitStack() as closing:
        closing.callback(stack.stop)
        stack.claim(empty=True)
        stack.start(lambda part: print(f"{part} …", file=sys.stderr, flush=True))
        browser = closing.enter_context(sync_playwright()).chromium.launch(
            executable_path=next(found for name in CHROMIUM_NAMES if (found := shutil.which(name))), args=FLAGS
        )
        closing.callback(browser.close)
        for language in options.languages.split(","):
            visitor = Visitor(browser, language, options.pictures)
            house = closing.enter_context(Harbour(stack, language))
            _travel(report, visitor, house)
            report.expect(f"{language}_faults", len(visitor.faults), at_most=0)
            for fault in visitor.faults:
                print(f"  FAULT {fault}", file=sys.stderr, flush=True)
    return report.finish_drill(as_json=options.json)


def _travel(report: Report, visitor: Visitor, house: Harbour) -> None:
    director = Director(visitor, house)
    mother = Mother(visitor, house)
    officer = Officer(visitor, house)
    for name, part in (
        ("director_sets_up", director.sets_up),
        ("director_sees_a_gap", director.sees_a_gap),
        ("mother_watches", lambda: mother.watches(director)),
        ("director_explains", director.explains),
        ("officer_plays_the_minute", officer.plays_the_minute),
        ("officer_orders_and_exports", officer.orders_and_exports),
        ("director_answers_the_order", director.repairs),
        ("officer_closes_it", officer.closes),
        ("officer_challenges", officer.challenges),
    ):
        began, arrived = time.monotonic(), True
        print(f"{visitor.language} {name} …", file=sys.stderr, flush=True)
        try:
            part()
        except (AssertionError, NightlightError, OSError, Error) as error:
            arrived = False
            print(f"  BROKEN {error}", file=sys.stderr, flush=True)
        report.figures[f"{visitor.language}_{name}_s"] = round(time.monotonic() - began, 1)
        report.expect_true(f"{visitor.language}_{name}", arrived)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dev.py drill journeys", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--languages", default=",".join(LANGUAGES), help="one or both, with a comma between")
    parser.add_argument("--pictures", type=Path, help="a folder for a picture of each page that was seen")
    return parser


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
