"""Walks every page that a reader can come to by links, and says what is wrong with each.

    for path in Crawl(page, url).paths("/"):
        faults = check(page, language="zh-CN", width=360)

Two pages of one kind (``/sites/a/docket``, ``/sites/b/docket``) are one: the first that is met stands for both.
"""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.sync_api import ConsoleMessage, Error, Page, Response

PAGES_MAX = 120
NO_PAGES = ("/static/", "/language", "/sign-out", "/api/", "/agent/", "/healthz")
LATIN_KEPT = re.compile(
    r"Nightlight|English|AI|AES|CSV|DC-09|FPS|GB|H\.26[45]|HTML|ID|IP|JSON|MAC|MP4|ONVIF|PDF|PIN|QR|RTSP|SHA-?256|SIA|TLS|"
    r"TOTP|URL|USB|UTC|Webhook|XLSX|ZIP|iOS|iPhone|Android|Chrome|Safari|kbit/s|Mbit/s|KB|MB|MiB|GiB|TB|ms|fps"
)
_FACTS = """
() => ({
  lang: document.documentElement.lang,
  h1: document.querySelectorAll('h1').length,
  title: document.title,
  wide: document.documentElement.scrollWidth,
  wanders: [...document.querySelectorAll('main *')].filter((one) => {
    const box = one.getBoundingClientRect();
    return box.width && box.right > innerWidth + 1 && !one.closest('.visually-hidden, [class*=scroll], .table-frame');
  }).slice(0, 3).map((one) => one.outerHTML.slice(0, 80)),
  words: (() => {
    const kept = 'script, style, code, pre, kbd, samp, svg, [translate=no], [lang=en], input, textarea';
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
    while (walk.nextNode()) {
      const holder = walk.currentNode.parentElement;
      if (!holder.closest(kept) && walk.currentNode.data.trim()) found.push(walk.currentNode.data.trim());
    }
    return found;
  })(),
  links: [...document.querySelectorAll('a[href]')].filter((one) => !one.hasAttribute('download'))
    .map((one) => one.getAttribute('href')),
})
"""


@dataclass
class Crawl:
    """``page`` is signed in already. Console errors and refused answers are collected in ``heard``."""

    page: Page
    url: str
    heard: list[str] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    """Kinds of pages that were opened already, by this reader or by another one."""

    def __post_init__(self) -> None:
        self.page.add_init_script(AXE_SCRIPT)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.heard.append(f"script: {error}"))

    def _console(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.heard.append(f"console: {said.text}")

    def paths(self, *starts: str) -> Iterator[str]:
        """Opens one page after another and gives its path while it stands open."""
        waiting = deque(starts)
        self.known |= {kind_of(start) for start in starts}
        for _ in range(PAGES_MAX):
            if not waiting:
                return
            path = waiting.popleft()
            try:
                answer = self.page.goto(self.url + path)
            except Error as error:
                if "Download is starting" in str(error):
                    continue
                raise
            if not is_page(answer):
                continue
            if answer is not None and answer.status >= 400:
                self.heard.append(f"{path}: {answer.status}")
            yield path
            for link in self.page.evaluate(_FACTS)["links"]:
                parts = urlsplit(link)
                own = not parts.netloc and parts.path.startswith("/") and not parts.path.startswith(NO_PAGES)
                if own and kind_of(link) not in self.known and "." not in parts.path.rpartition("/")[2]:
                    self.known.add(kind_of(link))
                    waiting.append(parts.path + (f"?{parts.query}" if parts.query else ""))
        raise AssertionError(f"more than {PAGES_MAX} kinds of page: {waiting}")


def is_page(answer: Response | None) -> bool:
    """Whether a person reads it."""
    return answer is not None and "text/html" in answer.headers.get("content-type", "")


def kind_of(path: str) -> str:
    """A path without what names one object among many; a query by its fields alone."""
    parts = urlsplit(path)
    steps = parts.path.strip("/").split("/")
    kinds = [
        "*" if place and (steps[place - 1] in HOLDERS or re.search(r"\d", step)) else step
        for place, step in enumerate(steps)
    ]
    return "/".join(kinds)


HOLDERS = frozenset({"sites", "cameras", "public", "playback", "live", "docket", "draws", "boxes", "found", "zones"})
"""Words of paths that a name follows."""


def axe_of(page: Page, *rules: str) -> list[str]:
    """What axe finds wrong, a line each: rule, where, why; by all rules, or by those that are named."""
    only = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {}
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    # The whole of what it returns is a hundred times what is wrong.
    found: list[dict[str, Any]] = page.evaluate(
        "async (options) => (await axe.run(document, options)).violations", {"resultTypes": ["violations"]} | only
    )
    return [
        f"axe {one['id']}: {node['html'][:120]} ({' '.join(str(node.get('failureSummary', '')).split())[:160]})"
        for one in found
        for node in one["nodes"][:3]
    ]


def faults_of(page: Page, *, language: str, width: int) -> list[str]:
    """What else is wrong with the page that stands open."""
    facts = page.evaluate(_FACTS)
    found = []
    if facts["lang"] != language:
        found.append(f"lang is {facts['lang']!r}")
    if facts["h1"] != 1:
        found.append(f"{facts['h1']} h1")
    if facts["wide"] > width:
        found.append(f"{facts['wide']} px wide: {facts['wanders']}")
    if language == "zh-CN":
        found += [f"not translated: {words[:80]}" for words in facts["words"] if untranslated(words)]
        found += [
            f"a gap: {words[:80]}" for words in facts["words"] if re.search(r"[。；！？] +[\u4e00-\u9fff]", words)
        ]
    return found


def untranslated(words: str) -> bool:
    """Whether a text of a Chinese page is English: two words of Latin letters in a row and nothing Chinese."""
    left = LATIN_KEPT.sub("", words)
    return re.search(r"[\u4e00-\u9fff]", words) is None and re.search(r"[A-Za-z]{2,} +[A-Za-z]{2,}", left) is not None
