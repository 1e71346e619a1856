"""The pages that people wait for: Lighthouse, axe, first paint on a slow telephone, script size; for each face.

    python3 dev.py bench pages [--json] [--sites 200] [--days 90] [--only board,region] [--no-lighthouse]

A region of 200 facilities after a quarter stands in a real database; the product's own server answers. Lighthouse comes by
npm, locked (``benchmarks/pages_tools``), and needs Node 20; axe comes with the tests. First paint and readiness are taken
with the processor slowed down four times, on a line of 1.6 Mbit/s with 150 ms of latency, from an empty cache.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from benchmarks.report import Report
from config.base.clock import US_PER_DAY
from deploy.local.commands import CACHE, REPOSITORY, run_logged
from deploy.local.say import Told, line, step, text
from server.domain.verdict import day_of
from tests.support.browser import CHROMIUM_NAMES, FLAGS
from tests.support.crawl import Crawl, axe_of, faults_of
from tests.support.nursery import MONDAY_US
from tests.support.quarter import BUSY, PLAIN, ZONE

TOOLS = REPOSITORY / "benchmarks" / "pages_tools"
CPU_SLOWER, LINE_BYTES_S, LATENCY_MS = 4, 1_600_000 / 8, 150
REPEATS = 3
START_S = 300
DESKTOP_MIN, MOBILE_MIN, ALL = 95, 90, 100
PAINT_MS_MAX, READY_MS_MAX, SCRIPT_BYTES_MAX = 1_000, 1_300, 40 * 1024
YESTERDAY = day_of(MONDAY_US - US_PER_DAY, ZONE)
"""The busiest day of all: 64 cameras whose lines drop a hundred times each."""
READERS = ("boss", "carer", "fitter", "police", "health", "root", "mum")
_PAINTED = """
async () => {
  const painted = () => performance.getEntriesByName('first-contentful-paint')[0];
  for (let looks = 0; !painted() && looks < 300; looks += 1) await new Promise((go) => setTimeout(go, 100));
  let largest = 0;
  new PerformanceObserver((list) => { for (const one of list.getEntries()) largest = one.startTime; })
    .observe({ type: 'largest-contentful-paint', buffered: true });
  await new Promise((go) => setTimeout(go, 200));
  return {
    paint: painted()?.startTime ?? 1e6,
    ready: Math.max(largest, performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd),
    script: performance.getEntriesByType('resource').filter((one) => /\\.m?js$/.test(new URL(one.name).pathname))
      .reduce((sum, one) => sum + one.encodedBodySize, 0),
  };
}
"""


@dataclass(frozen=True)
class Face:
    """A page that stands for what one sort of people does; ``heavy``: the bound is on ready, not on first paint alone."""

    name: str
    path: str
    reader: str = ""
    heavy: bool = False


FACES = (
    Face("board", f"/sites/{PLAIN}", "boss"),
    Face("region", "/compliance", "police"),
    Face("calendar", f"/sites/{PLAIN}/calendar", "police", heavy=True),
    Face("timeline", f"/sites/{BUSY}/days/{YESTERDAY}", "police", heavy=True),
    Face("family", "/live", "mum"),
    Face("wall", "/wall", "police"),
    Face("public", "/public"),
    Face("sign_in", "/sign-in"),
    Face("verify", "/verify"),
)


@dataclass(frozen=True)
class Running:
    """The server, and a cookie for each reader."""

    url: str
    cookies: Mapping[str, str]


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    options = _parser().parse_args(argv)
    wanted = options.only.split(",") if options.only else [face.name for face in FACES]
    faces = [face for face in FACES if face.name in wanted]
    report = Report("pages", figures={"load_before": round(os.getloadavg()[0], 1), "sites": options.sites})
    try:
        chromium = _chromium()
        tools = None if options.no_lighthouse else _install()
    except Told as told:
        print(f"\n{told}", file=sys.stderr, flush=True)
        print(json.dumps({"error": str(told)}, ensure_ascii=False), flush=True)
        return 1
    with (
        tempfile.TemporaryDirectory(prefix="nightlight-pages-", ignore_cleanup_errors=True) as folder,
        _serving(Path(folder), options.sites, options.days) as running,
    ):
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            for face in faces:
                _first_paint(report, browser, running, face)
            if not options.only:
                _axe(report, browser, running)
            browser.close()
        if tools is not None:
            _lighthouse(report, tools, chromium, running, faces, Path(folder))
    report.figures["load_after"] = round(os.getloadavg()[0], 1)
    return report.finish_bench(as_json=options.json)


def _chromium() -> str:
    """Raises Told."""
    found: str | None = next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)
    if found is None:
        raise Told(
            text(
                "Chromium is not installed: sudo apt-get install chromium fonts-noto-cjk",
                "未安装 Chromium：请运行 sudo apt-get install chromium fonts-noto-cjk",
            )
        )
    return found


def _install() -> Path:
    """Lighthouse in the project's cache, as the lock has it. Raises Told."""
    if not shutil.which("npm"):
        raise Told(
            text(
                "npm is not installed: install Node 20 or newer (Debian: sudo apt-get install nodejs npm), or leave "
                "Lighthouse out with --no-lighthouse",
                "未安装 npm：请安装 Node 20 以上（Debian：sudo apt-get install nodejs npm），"
                "或用 --no-lighthouse 跳过 Lighthouse",
            )
        )
    folder, lock = CACHE / "pages-tools", (TOOLS / "package-lock.json").read_bytes()
    installed = folder / "installed-lock.json"
    if not installed.exists() or installed.read_bytes() != lock:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    for file in TOOLS.iterdir():
        shutil.copy(file, folder / file.name)
    if not installed.exists():
        with step("Installing Lighthouse (once)", "正在安装 Lighthouse（仅首次）") as note:
            run_logged(["npm", "ci"], "pages-tools", note=note, cwd=folder)
        installed.write_bytes(lock)
    return folder


@contextmanager
def _serving(folder: Path, sites: int, days: int) -> Iterator[Running]:
    line(f"Writing a region of {sites} sites", f"正在写入 {sites} 家园所的数据")
    arguments = [sys.executable, "-m", "benchmarks._pages_site", str(folder), str(sites), str(days)]
    process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY)
    try:
        assert process.stdout is not None  # noqa: S101 - told to the type checker
        first = process.stdout.readline()
        if not first:
            raise SystemExit("the server of the pages did not start; the lines before say why")
        told = json.loads(first)
        yield Running(told["url"], told["cookies"])
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _context(
    browser: Browser, running: Running, reader: str, language: str = "zh-CN", **options: Any
) -> BrowserContext:
    context = browser.new_context(locale=language, **options)
    context.set_default_timeout(90_000)
    if reader:
        name, _, value = running.cookies[reader].partition("=")
        context.add_cookies([{"name": name, "value": value, "url": running.url, "sameSite": "Strict"}])
    return context


def _first_paint(report: Report, browser: Browser, running: Running, face: Face) -> None:
    """The median of some runs, each from an empty cache, on a telephone's screen."""
    told = []
    for _ in range(REPEATS):
        context = _context(browser, running, face.reader, viewport={"width": 412, "height": 823})
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Emulation.setCPUThrottlingRate", {"rate": CPU_SLOWER})
        session.send(
            "Network.emulateNetworkConditions",
            {
                "offline": False, "latency": LATENCY_MS, "downloadThroughput": LINE_BYTES_S,
                "uploadThroughput": LINE_BYTES_S / 2,
            },
        )  # fmt: skip
        answer = page.goto(running.url + face.path, wait_until="load")
        if answer is None or answer.status != 200:
            report.figures[f"{face.name}_status"] = answer.status if answer else 0
            report.expect_true(f"{face.name}_answers", value=False)
            context.close()
            return
        told.append(_painted(page))
        context.close()
    paint, ready = (statistics.median(one[key] for one in told) for key in ("paint", "ready"))
    script = max(one["script"] for one in told)
    report.figures[f"{face.name}_ready_ms"] = round(ready)
    report.expect(f"{face.name}_first_paint_ms", round(paint), at_most=PAINT_MS_MAX)
    if face.heavy:
        report.expect(f"{face.name}_ready_in_time_ms", round(ready), at_most=READY_MS_MAX)
    report.expect(f"{face.name}_script_bytes", int(script), at_most=SCRIPT_BYTES_MAX)


def _painted(page: Page) -> dict[str, float]:
    told: dict[str, float] = page.evaluate(_PAINTED)
    return told


def _axe(report: Report, browser: Browser, running: Running) -> None:
    """Every kind of page as every reader, light in Chinese on a telephone and dark in English on a desk."""
    pages, faults = 0, []
    for language, scheme, width in (("zh-CN", "light", 360), ("en", "dark", 1440)):
        for reader in ("", *READERS):
            sight = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
            context = _context(browser, running, reader, language, **sight)
            page = context.new_page()
            crawl = Crawl(page, running.url)
            for path in crawl.paths(*(("/sign-in", "/public", "/verify") if not reader else ("/", "/wall"))):
                pages += 1
                faults += [f"{reader} {path} {language}: {fault}" for fault in axe_of(page)]
                faults += [f"{reader} {path}: {fault}" for fault in faults_of(page, language=language, width=width)]
            context.close()
    for fault in faults:
        print(f"  {fault}", file=sys.stderr)
    report.figures["pages_examined"] = pages
    report.expect("axe_violations", sum(": axe " in fault for fault in faults), at_most=0)
    report.expect("pages_with_other_faults", sum(": axe " not in fault for fault in faults), at_most=0)


def _lighthouse(
    report: Report, tools: Path, chromium: str, running: Running, faces: list[Face], folder: Path
) -> None:  # fmt: skip
    asked = folder / "pages.json"
    asked.write_text(
        json.dumps(
            [
                {"name": face.name, "url": running.url + face.path, "cookie": running.cookies.get(face.reader, "")}
                for face in faces
            ]
        )
    )
    arguments = ["node", "measure.mjs", str(asked)]
    environment = os.environ | {"CHROME_PATH": chromium}
    with subprocess.Popen(arguments, cwd=tools, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout is not None  # noqa: S101 - told to the type checker
        for said in process.stdout:
            told = json.loads(said)
            name = f"{told['name']}_{told['form']}"
            least = DESKTOP_MIN if told["form"] == "desktop" else MOBILE_MIN
            for what, wanted in (("performance", least), ("accessibility", ALL), ("best_practices", ALL)):
                report.expect(f"{name}_{what}", told[what] or 0, at_least=wanted)
            if told["lacking"] or told["error"]:
                print(f"  {name}: {told['error'] or ', '.join(told['lacking'])}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dev.py bench pages", description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--sites", type=int, default=200)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--only", default="", help="names of pages, with commas between")
    parser.add_argument("--no-lighthouse", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
