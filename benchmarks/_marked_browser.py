"""Two people watch a marked camera at once in a real browser, record their screens, and the facility's page is given the clips.

Nothing stands in for anything: a simulated camera over RTSP, the agent's process, a broker, ``server.live``, headless Chromium. The
clip is what a page's video element shows, drawn at half the size and encoded by the browser (VP8).
"""

import base64
import re
import shutil
import time
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.report import Report
from server.services.live.marking import KEY_FILE
from storage.database.migrate import migrate
from storage.database.models import LeaseRow, SiteLive
from storage.database.unit_of_work import Database
from tests.support.browser import CHROMIUM_NAMES, FLAGS
from tests.support.live_rig import rig
from tests.support.nursery import SITE, ZONE

SECONDS = 45
BITS = 500_000
FIGURES = "() => document.querySelector('nightlight-player').figures"
WATCHING = "() => document.querySelector('nightlight-player')?.figures.frames > 10"
RECORD = """bits => {
  const video = document.querySelector("nightlight-player video"), canvas = document.createElement("canvas");
  canvas.width = video.videoWidth / 2; canvas.height = video.videoHeight / 2;
  const context = canvas.getContext("2d");
  const draw = () => {
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    video.requestVideoFrameCallback(draw);
  };
  video.requestVideoFrameCallback(draw);
  const parts = [];
  const recorder = self.recorder = new MediaRecorder(canvas.captureStream(), { mimeType: "video/webm;codecs=vp8", videoBitsPerSecond: bits });
  recorder.ondataavailable = ({ data }) => parts.push(data);
  self.clip = new Promise((done) => { recorder.onstop = () => done(new Blob(parts)); });
  recorder.start(1000);
}"""
STOP = """async () => {
  self.recorder.stop();
  const reader = new FileReader();
  reader.readAsDataURL(await self.clip);
  return await new Promise((done) => { reader.onload = () => done(reader.result.split(",")[1]); });
}"""


def trace_in_browser(report: Report, folder: Path) -> None:
    """Adds the figures."""
    (folder / "server").mkdir(parents=True)
    (folder / "server" / KEY_FILE).write_text(bytes(range(32)).hex())
    database = Database(f"sqlite:///{folder}/bench.db")
    migrate(database)
    with ExitStack() as stack:
        live = stack.enter_context(rig(database, folder))
        live.nursery.change(LeaseRow, LeaseRow.site_id == SITE, hours="mon-sun 00:00-24:00")
        live.nursery.change(SiteLive, SiteLive.site_id == SITE, marked=True)
        browser = stack.enter_context(sync_playwright()).chromium.launch(
            executable_path=next(found for name in CHROMIUM_NAMES if (found := shutil.which(name))), args=FLAGS
        )
        stack.callback(browser.close)
        pages: list[Page] = []
        for name in ("mum", "dad", "boss"):
            context = browser.new_context(locale="en")
            context.add_cookies([live.cookie(name)])
            pages.append(context.new_page())
        begin = datetime.now(ZONE)
        for page in pages[:2]:
            page.goto(f"{live.url}/live/cam-a")
            page.wait_for_function(WATCHING, timeout=60_000)
        figures = [page.evaluate(FIGURES) for page in pages[:2]]
        for page in pages[:2]:
            page.evaluate(RECORD, BITS)
        time.sleep(SECONDS)
        clips = [base64.b64decode(page.evaluate(STOP)) for page in pages[:2]]
        codes = [str(one["code"]) for one in figures]
        for page in pages[:2]:
            page.close()
        named = [_named(pages[2], f"{live.url}/sites/{SITE}/looks/clip", clip, begin) for clip in clips]
    report.figures |= {
        "browser_clip_seconds": SECONDS,
        "browser_clip_kib": ", ".join(str(len(clip) // 1_024) for clip in clips),
        "browser_first_frame_ms": ", ".join(str(round(one["firstFrameMs"])) for one in figures),
    }
    pairs = list(zip(codes, named, strict=True))
    report.expect("browser_views_named_of_2", sum(code in found for code, found in pairs), at_least=2)
    report.expect("browser_views_named_wrongly", sum(len(set(found) - {code}) for code, found in pairs), at_most=0)


def _named(page: Page, address: str, clip: bytes, begin: datetime) -> list[str]:
    """The codes that the facility's page names for a clip."""
    page.goto(address)
    page.set_input_files("#clip", {"name": "clip.webm", "mimeType": "video/webm", "buffer": clip})
    page.select_option("#camera", "cam-a")
    page.fill("#from", f"{begin:%Y-%m-%dT%H:%M}")
    page.fill("#to", f"{datetime.now(ZONE) + timedelta(minutes=1):%Y-%m-%dT%H:%M}")
    page.fill("#reason", "a clip was sent around")
    page.evaluate("() => document.querySelector('main form').requestSubmit()")
    page.wait_for_selector("#answer-title", timeout=180_000)
    return re.findall(r"<code>(\w{4}-\w{4})</code>", page.content())
